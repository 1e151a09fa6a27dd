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

"""What is published when things fail, and that deletions go on."""

from __future__ import annotations

from esi_worker.model import Done, Failed, InProgress, Job, Outcome
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, SUBNET


class TwoHandlersTest(cases.QueueTest):
    handler_names = ('heat_worker', 'monitoring_worker')

    def setUp(self) -> None:
        super().setUp()
        self.handler = members.ScriptedHandler(self.cluster.context())

    def work(self) -> None:
        worker = self.cluster.add_worker(self.cluster.offer(self.handler))
        self.cluster.settle()
        if worker in self.cluster.members:
            self.cluster.stop(worker)
        self.cluster.settle()

    def test_a_cancelled_modification_is_told_as_one(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.work()

        def start(job: Job) -> Outcome:
            broken = job.id.startswith('modify:heat_worker:network')
            return Failed('Broken: by the test') if broken else Done()

        self.handler.on_start = start
        self.write(NETWORK, 'n', 2)
        self.write(SUBNET, 's', 2, network_id='n')
        self.work()
        self.assert_state('MODIFY_FAILED', SUBNET, 's', 2)
        state = self.cluster.state(SUBNET, 's')['state']
        self.assertEqual('MODIFY_ERROR', state['orchestration_state'])

    def test_a_job_that_may_fail_is_given_up_without_a_state(self) -> None:
        self.write(NETWORK, 'n')
        self.work()
        self.write(NETWORK, 'n', 2)

        def start(job: Job) -> Outcome:
            if job.id.startswith('delete:monitoring_worker'):
                raise members.Crash
            return InProgress(1000)

        self.handler.on_start = start
        for _ in range(self.cluster.settings.max_attempts):
            self.cluster.add_worker(self.cluster.offer(self.handler))
            self.cluster.pass_time(33)
        self.assertEqual(1, self.cluster.state(NETWORK, 'n')['version'])
        self.handler.on_start = lambda job: Done()
        self.work()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()


class DeletionTest(cases.ClusterTest):
    def test_a_deletion_is_not_blocked_by_a_choice_that_fails(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, without={'no': 'text'})
        self.assertIsNotNone(self.cluster.blocked(NETWORK, 'n'))

        self.write(NETWORK, 'n', 3, marked=True, without={'no': 'text'})

        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 3)
        self.assert_quiet()


class ReusedVersionTest(cases.ClusterTest):
    def test_a_version_written_again_with_another_body_is_told(self) -> None:
        self.write(NETWORK, 'n', name='old')
        self.write(NETWORK, 'n', name='old')
        self.assertNotIn('another body', self.log.output)

        self.write(NETWORK, 'n', name='new')

        self.assertIn(
            'network:n was written again as version 1', self.log.output
        )
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')


class DamagedRecordTest(cases.ClusterTest):
    def test_a_record_that_cannot_be_read_is_replaced(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.store.put('/esi-worker/config/v2.0/networks/n', 'oops')
        self.cluster.remove(self.manager)
        self.cluster.add_manager()
        self.cluster.pass_time(12)

        self.write(NETWORK, 'n', 2)

        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assertEqual(2, self.cluster.accepted(NETWORK, 'n')['version'])
