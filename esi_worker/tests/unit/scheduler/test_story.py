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

"""The life of resources, from config to state, in memory."""

from __future__ import annotations

import testtools

from esi_worker.tests import cluster
from esi_worker.tests.cluster import NETWORK, PLAN, PORT, SUBNET


class LifeTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.cluster = cluster.Cluster()
        self.cluster.add_manager()
        self.cluster.add_worker()
        self.cluster.settle()

    def test_a_new_config_becomes_a_created_state(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.settle()
        self.assertEqual(
            {
                'version': 1,
                'error': '',
                'state': {
                    'worker_state': 'CREATE_COMPLETED',
                    'orchestration_state': 'CREATE_COMPLETE',
                    'heat_outputs': '[]',
                },
            },
            self.cluster.state(NETWORK, 'n'),
        )
        self.assertEqual([], self.cluster.keys_under('/jobs/'))

    def test_a_newer_version_is_a_modification(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.settle()
        self.cluster.write(NETWORK, 'n', 2)
        self.cluster.settle()
        self.assertEqual(
            'MODIFY_COMPLETED', self.cluster.worker_state(NETWORK, 'n')
        )
        self.assertEqual(2, self.cluster.state(NETWORK, 'n')['version'])

    def test_a_marked_config_is_deleted_in_two_steps(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.settle()
        self.cluster.write(NETWORK, 'n', 2, marked=True)
        self.cluster.settle()
        self.assertEqual(
            'DELETE_COMPLETED', self.cluster.worker_state(NETWORK, 'n')
        )
        self.assertTrue(
            self.cluster.json('/esi-worker/config/v2.0/networks/n')['deleted']
        )
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assertEqual([], self.cluster.keys_under('/state/'))

    def test_a_config_that_vanishes_is_deleted(self) -> None:
        self.cluster.write(NETWORK, 'n', noop={'wait': 0})
        self.cluster.settle()
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assertEqual([], self.cluster.keys_under('/state/'))
        self.assertEqual([], self.cluster.keys_under('/jobs/'))

    def test_a_resource_without_template_is_only_read(self) -> None:
        self.cluster.write(PLAN, 'p')
        self.cluster.settle()
        self.assertEqual(
            {
                'version': 1,
                'error': '',
                'state': {'worker_state': 'READ_COMPLETE'},
            },
            self.cluster.state(PLAN, 'p'),
        )

    def test_a_port_waits_for_its_network_and_subnet(self) -> None:
        self.cluster.write(NETWORK, 'n', noop={'wait': 1, 'after': 5})
        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.write(
            PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}]
        )
        self.cluster.settle()
        network, subnet, port = (
            self.cluster.job_id(f'create:heat_worker:{name}')
            for name in ('network', 'subnet', 'port')
        )
        self.assertEqual(
            [network], self.cluster.job('create:heat_worker:s')['dependency']
        )
        self.assertEqual(
            [network, subnet],
            self.cluster.job('create:heat_worker:p')['dependency'],
        )
        self.assertEqual({subnet, port}, set(self.cluster.jobs('waiting')))
        self.cluster.pass_time(6)
        self.assertEqual([], self.cluster.jobs())
        self.assertEqual(
            'CREATE_COMPLETED', self.cluster.worker_state(PORT, 'p')
        )

    def test_a_missing_reference_blocks_until_it_comes(self) -> None:
        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.settle()
        block = self.cluster.blocked(SUBNET, 's')
        self.assertEqual(['network:n'], block['waits_for'])
        self.assertIsNone(self.cluster.state(SUBNET, 's'))
        self.cluster.write(NETWORK, 'n')
        self.cluster.settle()
        self.assertIsNone(self.cluster.blocked(SUBNET, 's'))
        self.assertEqual(
            'CREATE_COMPLETED', self.cluster.worker_state(SUBNET, 's')
        )

    def test_a_failure_cancels_those_that_wait(self) -> None:
        self.cluster.write(
            NETWORK, 'n', noop={'wait': 1, 'after': 5, 'fail': 'no luck'}
        )
        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.settle()
        network = self.cluster.job_id('create:heat_worker:network')
        self.cluster.pass_time(6)
        self.assertEqual([], self.cluster.keys_under('/jobs/'))
        self.assertEqual(
            {
                'version': 1,
                'error': 'NoopFailure: no luck',
                'state': {
                    'worker_state': 'CREATE_FAILED',
                    'orchestration_state': 'CREATE_ERROR',
                    'heat_outputs': '[]',
                },
            },
            self.cluster.state(NETWORK, 'n'),
        )
        self.assertEqual(
            f'Cancelled: job {network} has failed: NoopFailure: no luck',
            self.cluster.state(SUBNET, 's')['error'],
        )
