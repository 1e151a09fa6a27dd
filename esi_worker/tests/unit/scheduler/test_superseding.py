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

"""A newer version takes the place of one that has not started."""

from __future__ import annotations

from esi_worker.tests import cases
from esi_worker.tests.cluster import GUEST, NETWORK, PORT, SUBNET


class SupersedingTest(cases.QueueTest):
    def test_only_the_latest_of_a_burst_is_worked_on(self) -> None:
        for version in range(1, 6):
            self.write(NETWORK, 'n', version)
        self.assertEqual(1, len(self.cluster.jobs()))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 5)
        self.assertEqual(['create:5'], self.cluster.actions(NETWORK, 'n'))
        self.assert_quiet()

    def test_a_burst_in_one_go_makes_one_job(self) -> None:
        for version in range(1, 6):
            self.cluster.write(NETWORK, 'n', version)
        self.cluster.settle()
        self.assertEqual(5, self.cluster.job('create:')['version'])

    def test_what_replaces_a_creation_creates(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(2, self.cluster.job('create:')['version'])

    def test_what_replaces_a_modification_modifies(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.remove(self.start_worker())
        self.write(NETWORK, 'n', 2)
        self.write(NETWORK, 'n', 3)
        (job,) = self.cluster.jobs()
        self.assertTrue(job.startswith('modify:heat_worker:network:n:3:'))

    def test_dependants_move_to_the_newer_job(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        network = self.cluster.job_id('create:heat_worker:network:n:2')
        self.assertEqual(
            [network], self.cluster.dependency('create:heat_worker:subnet')
        )
        self.assertEqual([network], self.cluster.jobs('ready'))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_the_newer_job_never_waits_for_them(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.write(NETWORK, 'n', 2)
        self.assertEqual(
            [], self.cluster.dependency('create:heat_worker:network')
        )

    def test_it_waits_for_others_that_refer_to_it(self) -> None:
        self.write(GUEST, 'g', network_id='n')
        self.write(NETWORK, 'n')
        self.write(GUEST, 'h', network_id='n')
        self.write(GUEST, 'g', 2, network_id='n')
        guest = self.cluster.job_id('create:heat_worker:guest:g:2')
        network = self.cluster.job_id('create:heat_worker:network')
        self.assertEqual([network], self.cluster.job(guest)['dependency'])
        self.start_worker()
        self.assert_quiet()

    def test_dependants_are_found_again_by_the_next_leader(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        self.cluster.remove(self.manager)
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        network = self.cluster.job_id('create:heat_worker:network')
        subnet = self.cluster.job_id('create:heat_worker:subnet')
        self.assertEqual([network], self.cluster.jobs('ready'))
        self.assertEqual([subnet], self.cluster.jobs('waiting'))

    def test_a_started_workflow_is_followed(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.start_worker()
        for version in 2, 3, 4:
            self.write(NETWORK, 'n', version)
        first, latest = self.cluster.jobs()
        self.assertIn(':n:1:', first)
        self.assertIn('modify:heat_worker:network:n:4:', latest)
        self.assertEqual([first], self.cluster.job(latest)['dependency'])
        self.cluster.pass_time(6)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 4)
        self.assertEqual(
            ['create:1', 'modify:4'], self.cluster.actions(NETWORK, 'n')
        )

    def test_previous_is_the_last_version_that_started(self) -> None:
        for name in 'abc':
            self.write(NETWORK, name)
        self.write(SUBNET, 's', network_id='a', noop=cases.SLOW)
        self.start_worker()
        self.write(SUBNET, 's', 2, network_id='b')
        self.write(SUBNET, 's', 3, network_id='c')
        (param,) = [
            each
            for each in self.cluster.job('modify:')['params']
            if each['param'] == 'network'
        ]
        self.assertEqual(
            ['c', 'a'], [ref['resource_id'] for ref in param['resources']]
        )
        self.assertEqual(
            'a',
            self.cluster.json('/esi-worker/previous/v2.0/subnets/s')['body'][
                'network_id'
            ],
        )

    def test_a_job_with_very_many_dependants_is_followed(self) -> None:
        self.write(NETWORK, 'n')
        for number in range(50):
            self.cluster.write(SUBNET, f's{number}', network_id='n')
        self.cluster.settle()
        self.write(NETWORK, 'n', 2)
        self.assertEqual(52, len(self.cluster.jobs()))
        self.start_worker()
        self.cluster.pass_time(1)
        self.assertEqual(2, self.cluster.state(NETWORK, 'n')['version'])
        self.assert_quiet()

    def test_a_claim_that_comes_first_wins(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        worker = self.cluster.add_worker()
        self.cluster.step(worker)
        # The manager has not seen the claim when the version comes.
        self.cluster.write(NETWORK, 'n', 2)
        self.cluster.settle()
        self.cluster.pass_time(6)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_a_job_that_lost_its_claim_is_replaced(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        worker = self.start_worker()
        self.cluster.remove(worker)
        self.cluster.store.revoke_lease(worker.lease.id)
        self.cluster.settle()
        self.write(NETWORK, 'n', 2)
        self.cluster.pass_time(1)
        self.assertEqual(1, len(self.cluster.jobs()))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()


class TwoHandlersTest(cases.QueueTest):
    handler_names = ('heat_worker', 'monitoring_worker')

    def test_a_whole_workflow_is_replaced(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(4, len(self.cluster.jobs()))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_a_workflow_half_done_is_followed(self) -> None:
        slow = {**cases.SLOW, 'actions': ['modify']}
        self.write(NETWORK, 'n')
        self.start_worker()
        self.write(NETWORK, 'n', 2, noop=slow)
        self.write(NETWORK, 'n', 3)
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 3)
        self.assertEqual(
            [
                'delete:2',
                'modify:2',
                'create:2',
                'delete:3',
                'modify:3',
                'create:3',
            ],
            self.cluster.actions(NETWORK, 'n')[2:],
        )
        self.assert_quiet()
