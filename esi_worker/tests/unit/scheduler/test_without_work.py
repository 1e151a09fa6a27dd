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

"""Resources that need no jobs."""

from __future__ import annotations

from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, PLAN, PORT, SUBNET


class WithoutWorkTest(cases.ClusterTest):
    def test_a_type_without_templates_is_read(self) -> None:
        self.write(PLAN, 'p')
        self.assert_state('READ_COMPLETE', PLAN, 'p')
        self.write(PLAN, 'p', 2)
        self.assert_state('READ_COMPLETE', PLAN, 'p', 2)

    def test_a_choice_of_no_template_is_read(self) -> None:
        self.write(NETWORK, 'n', without='all')
        self.assert_state('READ_COMPLETE', NETWORK, 'n')
        self.assertEqual([], self.cluster.actions(NETWORK, 'n'))

    def test_its_two_step_deletion_completes_at_once(self) -> None:
        self.write(PLAN, 'p')
        self.write(PLAN, 'p', 2, marked=True)
        self.assert_state('DELETE_COMPLETED', PLAN, 'p', 2)
        self.cluster.erase(PLAN, 'p')
        self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))

    def test_its_plain_deletion_leaves_nothing(self) -> None:
        self.write(PLAN, 'p')
        self.cluster.erase(PLAN, 'p')
        self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assertEqual([], self.cluster.keys_under('/state/'))

    def test_those_that_refer_to_it_wait_for_nothing(self) -> None:
        self.write(NETWORK, 'n', without='all')
        self.write(PORT, 'p', network_id='n')
        self.assert_state('CREATE_COMPLETED', PORT, 'p')

    def test_a_version_without_work_follows_the_one_that_runs(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.write(NETWORK, 'n', 2, without='all')
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.cluster.pass_time(6)
        self.assert_state('READ_COMPLETE', NETWORK, 'n', 2)
        self.assert_quiet()


class WithoutWorkQueueTest(cases.QueueTest):
    def test_a_version_without_work_removes_the_one_that_waits(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2, without='all')
        self.assert_state('READ_COMPLETE', NETWORK, 'n', 2)
        (subnet,) = self.cluster.jobs('ready')
        self.assertEqual([subnet], self.cluster.jobs())
        self.assertEqual([], self.cluster.dependency('create:'))
