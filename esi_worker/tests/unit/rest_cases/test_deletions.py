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

"""Deletions: cases W8, W9, W12, W20 and W23 of the reference."""

from __future__ import annotations

from esi_worker.model import Action
from esi_worker.tests.unit.rest_cases import support

load_tests = support.load_tests

NET = 'v2.0/networks/n'
SUB = 'v2.0/subnets/s'


class DeletionTest(support.RestCase):
    def test_w08_it_is_taken_down_from_the_remembered_body(self) -> None:
        jobs = self.listen()
        self.create(NET)
        self.rest.update(NET, mtu=9000)
        self.settle()
        self.rest.delete(NET)
        self.settle()
        self.assertIs(Action.DELETE, jobs[-1].action)
        self.assertEqual(9000, jobs[-1].resource_input['mtu'])
        self.assertEqual(2, jobs[-1].version)
        self.assert_nothing_left(NET)

    def test_w08_no_state_follows_when_it_goes_during_a_job(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        self.rest.delete(NET)
        self.settle()
        self.assertNotEqual([], self.cluster.jobs())
        self.pass_time(15)
        self.assert_nothing_left(NET)
        self.assertEqual([], self.rest.dropped)

    def test_w08_nor_when_that_job_fails(self) -> None:
        wishes = {**support.SLOW, 'fail': 'no luck', 'actions': ['create']}
        self.create(NET, noop=wishes)
        self.settle()
        self.rest.delete(NET)
        self.pass_time(15)
        self.assert_nothing_left(NET)
        self.assertEqual([], self.rest.dropped)

    def test_w09_made_anew_between_two_looks(self) -> None:
        self.create(NET)
        self.settle()
        self.rest.delete(NET)
        self.create(NET, mtu=9000)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')
        accepted = self.value(self.keys.accepted(NET))
        self.assertEqual(9000, accepted['body']['mtu'])
        self.assertEqual(['create:1', 'create:1'], self.actions(NET))

    def test_w09_made_anew_with_the_same_body(self) -> None:
        self.create(NET)
        self.settle()
        self.rest.delete(NET)
        self.create(NET)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w09_made_anew_during_a_job(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        self.rest.delete(NET)
        self.create(NET, mtu=9000)
        self.settle()
        self.assertEqual(0, self.rest.rows[NET].state_version)
        self.pass_time(15)
        self.assert_row(NET, 1, 'CREATE_COMPLETED')
        accepted = self.value(self.keys.accepted(NET))
        self.assertEqual(9000, accepted['body']['mtu'])

    def test_w09_made_anew_while_nobody_works(self) -> None:
        self.create(NET)
        self.rest.update(NET)
        self.settle()
        self.stop()
        self.rest.delete(NET)
        self.create(NET, mtu=9000)
        self.start()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w12_made_and_deleted_while_nobody_works(self) -> None:
        self.stop()
        self.create(NET)
        self.rest.delete(NET)
        self.start()
        self.assert_nothing_left(NET)

    def test_w20_the_end_of_its_state_is_no_change(self) -> None:
        self.create(NET)
        self.settle()
        for key in self.keys.state(NET), self.keys.monitoring(NET):
            self.store.delete(key)
            self.settle()
            self.assertIsNone(self.store.get(key))
        self.assertEqual(['create:1'], self.actions(NET))
        self.store.delete(self.keys.config(NET))
        self.settle()
        self.assert_nothing_left(NET)


class LeftBehindTest(support.RestCase):
    """W23: keys whose rows are gone look like live resources."""

    def test_w23_an_orphan_is_made_and_kept(self) -> None:
        self.create(NET)
        self.rest.cascade(NET)
        self.settle()
        self.assertEqual(['create:1'], self.actions(NET))
        self.assertEqual(
            [f'{self.keys.state(NET)}: resource not found'],
            self.rest.dropped,
        )

    def test_w23_a_child_left_by_a_cascade_holds_its_parent_up_for_a_while(
        self,
    ) -> None:
        self.create(NET)
        self.create(SUB, network_id='n')
        self.settle()
        self.rest.cascade(SUB)
        self.rest.delete(NET)
        self.settle()
        self.assertIn(
            'subnet:s still refers to it',
            self.value(self.keys.blocked(NET))['reason'],
        )
        self.pass_time(301)
        self.assert_nothing_left(NET)
        self.assertEqual(['create:1'], self.actions(SUB))

    def test_w23_a_changed_key_leaves_the_old_one(self) -> None:
        # A property of the key's template has changed: a second resource.
        self.create(NET)
        self.settle()
        self.create('v2.0/networks/m', id='n')
        self.settle()
        self.assertEqual(['create:1'], self.actions(NET))
        self.assertEqual(['create:1'], self.actions('v2.0/networks/m'))
