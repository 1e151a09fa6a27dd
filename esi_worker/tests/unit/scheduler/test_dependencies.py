# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Which unfinished jobs a new workflow waits for."""

from __future__ import annotations

from esi_worker.tests import cases
from esi_worker.tests.cluster import GUEST, NETWORK, PORT, SUBNET


class DependencyTest(cases.QueueTest):
    def test_a_job_waits_for_those_of_what_it_refers_to(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        (network,) = self.cluster.jobs('ready')
        self.assertEqual(
            [network], self.cluster.dependency('create:heat_worker:subnet')
        )

    def test_siblings_do_not_wait_for_each_other(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(SUBNET, 't', network_id='n')
        network = self.cluster.job_id('create:heat_worker:network')
        for name in 's', 't':
            self.assertEqual(
                [network],
                self.cluster.dependency(f'create:heat_worker:subnet:{name}'),
            )

    def test_it_waits_for_those_that_refer_to_its_resource(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.start_worker())
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        (subnet,) = self.cluster.jobs('ready')
        self.assertEqual(
            [subnet], self.cluster.dependency('modify:heat_worker:network')
        )

    def test_a_version_waits_for_the_one_that_has_started(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.start_worker()
        self.write(NETWORK, 'n', 2)
        (first, second) = self.cluster.jobs()
        self.assertEqual([second], self.cluster.jobs('waiting'))
        self.assertEqual(
            [first], self.cluster.dependency('modify:heat_worker:network')
        )

    def test_references_of_lists_count(self) -> None:
        self.write(NETWORK, 'n')
        for name in 's', 't':
            self.write(SUBNET, name, network_id='n')
        addresses = [{'subnet_id': 's'}, {'subnet_id': 't'}]
        self.write(PORT, 'p', network_id='n', fixed_ips=addresses)
        self.assertEqual(
            self.cluster.jobs()[:3],
            self.cluster.dependency('create:heat_worker:port'),
        )

    def test_a_change_waits_for_what_was_referred_to_before(self) -> None:
        for name in 'a', 'b':
            self.write(NETWORK, name)
        self.write(SUBNET, 's', network_id='a')
        self.cluster.stop(self.start_worker())
        for name in 'a', 'b':
            self.write(NETWORK, name, 2)
        self.write(SUBNET, 's', 2, network_id='b')
        self.assertEqual(
            {
                self.cluster.job_id('modify:heat_worker:network:a'),
                self.cluster.job_id('modify:heat_worker:network:b'),
            },
            set(self.cluster.dependency('modify:heat_worker:subnet')),
        )

    def test_an_ignored_reference_orders_jobs_all_the_same(self) -> None:
        self.write(NETWORK, 'n')
        self.write(GUEST, 'g', network_id='n')
        (network,) = self.cluster.jobs('ready')
        self.assertEqual(
            [network], self.cluster.dependency('create:heat_worker:guest')
        )

    def test_dependants_are_released_when_the_last_one_ends(self) -> None:
        self.write(NETWORK, 'n', noop={'wait': 1, 'after': 3})
        self.write(NETWORK, 'm', noop={'wait': 1, 'after': 8})
        self.write(SUBNET, 's', network_id='m')
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.start_worker()
        self.cluster.pass_time(4)
        self.assertIsNone(self.cluster.state(PORT, 'p'))
        self.cluster.pass_time(5)
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_jobs_of_one_revision_keep_the_order_of_events(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.write(PORT, 'p', network_id='n')
        before = self.cluster.store.revision
        self.cluster.settle()
        self.assertEqual(before + 1, self.cluster.store.revision)
        self.assertEqual(1, len(self.cluster.jobs('ready')))


class TwoHandlersTest(cases.QueueTest):
    handler_names = ('heat_worker', 'monitoring_worker')

    def test_the_first_job_carries_what_any_of_them_refers_to(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        network = self.cluster.job_id('create:heat_worker:network')
        heat = self.cluster.job_id('create:heat_worker:subnet')
        self.assertEqual([network], self.cluster.job(heat)['dependency'])
        self.assertEqual(
            [heat],
            self.cluster.dependency('create:monitoring_worker:subnet'),
        )

    def test_monitoring_of_what_is_referred_to_is_not_waited_for(
        self,
    ) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.assertNotIn(
            self.cluster.job_id('create:monitoring_worker:network'),
            self.cluster.dependency('create:heat_worker:subnet'),
        )

    def test_monitoring_that_refers_here_is_waited_for(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.start_worker())
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(
            {
                self.cluster.job_id('create:heat_worker:subnet'),
                self.cluster.job_id('create:monitoring_worker:subnet'),
            },
            set(self.cluster.dependency('delete:monitoring_worker:network')),
        )
