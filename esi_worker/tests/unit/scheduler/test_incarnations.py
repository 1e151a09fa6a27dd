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

"""Resources that come again under the same id."""

from __future__ import annotations

from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK


class NewIncarnationTest(cases.ClusterTest):
    def test_it_is_created_although_a_state_is_left(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.store.delete('/config/v2.0/networks/n')
        self.cluster.write(NETWORK, 'n', mtu=9000)
        self.cluster.settle()
        self.assertEqual(
            ['create:1', 'create:1'], self.cluster.actions(NETWORK, 'n')
        )
        self.assertEqual(
            9000, self.cluster.accepted(NETWORK, 'n')['body']['mtu']
        )

    def test_the_old_ones_state_is_not_published_for_it(self) -> None:
        self.write(NETWORK, 'n', 7, noop=cases.SLOW)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.write(NETWORK, 'n', noop={'wait': 1, 'after': 30})
        self.cluster.settle()
        self.cluster.pass_time(10)
        self.assertEqual(1, len(self.cluster.jobs()))
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.cluster.pass_time(30)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_it_follows_the_deletion_of_the_old_one(self) -> None:
        slow = {**cases.SLOW, 'actions': ['delete']}
        self.write(NETWORK, 'n', noop=slow)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.write(NETWORK, 'n')
        delete = self.cluster.job_id('delete:')
        self.assertEqual([delete], self.cluster.dependency('create:'))
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertIsNotNone(self.cluster.accepted(NETWORK, 'n'))
        self.assert_quiet()
