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

"""Deletions: guarded, and of what vanished."""

from __future__ import annotations

from esi_worker.model import StackRecord
from esi_worker.tests import cases
from esi_worker.tests.cluster import GUEST, LEFT, NETWORK, PORT, RIGHT, SUBNET


class GuardTest(cases.ClusterTest):
    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')

    def test_a_deletion_waits_for_those_that_refer_to_it(self) -> None:
        self.write(NETWORK, 'n', 2, marked=True)
        block = self.cluster.blocked(NETWORK, 'n')
        self.assertEqual(['subnet:s'], block['waits_for'])
        self.assertIn('to be deleted', block['reason'])

    def test_another_incarnation_is_guarded_as_long(self) -> None:
        self.write(NETWORK, 'n', 2, marked=True)
        self.cluster.pass_time(290, step=5)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, marked=True)
        self.cluster.pass_time(200, step=5)
        self.assertIn(
            'to be deleted', self.cluster.blocked(NETWORK, 'n')['reason']
        )

    def test_parent_before_child(self) -> None:
        self.write(NETWORK, 'n', 2, marked=True)
        self.write(SUBNET, 's', 2, network_id='n', marked=True)
        self.assert_state('DELETE_COMPLETED', SUBNET, 's', 2)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_child_before_parent(self) -> None:
        self.write(
            SUBNET, 's', 2, network_id='n', marked=True, noop=cases.SLOW
        )
        self.write(NETWORK, 'n', 2, marked=True)
        child = self.cluster.job_id('logical_delete:heat_worker:subnet')
        self.assertEqual(
            [child],
            self.cluster.dependency('logical_delete:heat_worker:network'),
        )
        self.cluster.pass_time(6)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_both_in_one_revision_of_events(self) -> None:
        self.cluster.write(NETWORK, 'n', 2, marked=True)
        self.cluster.write(SUBNET, 's', 2, network_id='n', marked=True)
        self.cluster.settle()
        self.assert_state('DELETE_COMPLETED', SUBNET, 's', 2)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)

    def test_a_chain_goes_from_its_end(self) -> None:
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.write(NETWORK, 'm')
        self.write(
            PORT, 'p', 2, network_id='m', fixed_ips=[{'subnet_id': 's'}]
        )
        self.write(NETWORK, 'n', 2, marked=True)
        self.write(SUBNET, 's', 2, network_id='n', marked=True)
        # The subnet is held off by the port, and so is the network.
        self.assertEqual([], self.cluster.jobs())
        self.assertIsNotNone(self.cluster.blocked(NETWORK, 'n'))
        self.write(PORT, 'p', 3, network_id='m', marked=True)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_a_child_that_lets_go_frees_its_parent(self) -> None:
        self.write(NETWORK, 'm')
        self.write(NETWORK, 'n', 2, marked=True)
        self.write(SUBNET, 's', 2, network_id='m')
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_what_ignores_or_only_orders_does_not_hold_off(self) -> None:
        self.write(NETWORK, 'm')
        self.write(GUEST, 'g', network_id='m')
        self.write(NETWORK, 'm', 2, marked=True)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'm', 2)

    def test_it_goes_on_after_a_while(self) -> None:
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.cluster.pass_time(290, step=3)
        self.assertIsNotNone(self.cluster.accepted(NETWORK, 'n'))
        self.cluster.pass_time(20, step=3)
        self.assertIsNone(self.cluster.accepted(NETWORK, 'n'))
        self.assertIn('is deleted although subnet:s refer', self.log.output)
        self.assert_quiet()

    def test_a_new_reason_does_not_start_the_time_anew(self) -> None:
        self.write(NETWORK, 'n', 2, marked=True)
        self.cluster.pass_time(290, step=3)
        self.write(PORT, 'p', network_id='n')
        self.write(SUBNET, 's', 2, network_id='n', marked=True)
        self.cluster.pass_time(20, step=3)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)

    def test_a_cascade_that_leaves_keys_behind_ends(self) -> None:
        # The REST server removes the parent and forgets the child.
        self.write(NETWORK, 'n', 2, marked=True)
        self.cluster.pass_time(310, step=3)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.assertIsNone(self.cluster.accepted(NETWORK, 'n'))
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')

    def test_those_that_refer_to_each_other_can_go(self) -> None:
        self.write(LEFT, 'a', right_id='b')
        self.write(RIGHT, 'b', left_id='a')
        self.write(LEFT, 'a', 2, right_id='b', marked=True)
        self.write(RIGHT, 'b', 2, left_id='a', marked=True)
        self.assert_state('DELETE_COMPLETED', LEFT, 'a', 2)
        self.assert_state('DELETE_COMPLETED', RIGHT, 'b', 2)
        self.assert_quiet()


class VanishedTest(cases.ClusterTest):
    def erase(self) -> None:
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()

    def assert_gone(self) -> None:
        self.assert_quiet()
        for prefix in (
            '/esi-worker/config/',
            '/esi-worker/previous/',
            '/esi-worker/heat_stacks/',
            '/esi-worker/history/',
            '/state/',
        ):
            self.assertEqual([], self.cluster.keys_under(prefix))

    def put_stack(self, status: str = 'CREATE_COMPLETE') -> None:
        record = StackRecord('network:n', 't', 'network_n', status, '')
        self.cluster.store.put(
            '/esi-worker/heat_stacks/v2.0/networks/n', record.encode()
        )

    def test_it_is_deleted_from_the_body_that_was_kept(self) -> None:
        slow = {**cases.SLOW, 'actions': ['delete']}
        self.write(NETWORK, 'n', mtu=1400, noop=slow)
        self.erase()
        job = self.cluster.job('delete:')
        self.assertEqual(1400, job['resource_input']['mtu'])
        self.assertTrue(self.cluster.accepted(NETWORK, 'n')['deleted'])
        self.cluster.pass_time(6)
        self.assert_gone()

    def test_after_a_two_step_deletion_only_records_go(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, marked=True)
        self.put_stack('DELETE_COMPLETE')
        self.erase()
        self.assert_gone()

    def test_during_a_two_step_deletion_it_is_not_deleted_twice(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, marked=True, noop=cases.SLOW)
        self.erase()
        self.assertEqual(1, len(self.cluster.jobs()))
        self.cluster.pass_time(6)
        self.assert_gone()

    def test_while_its_creation_runs_the_deletion_follows(self) -> None:
        slow = {**cases.SLOW, 'actions': ['create']}
        self.write(NETWORK, 'n', noop=slow)
        self.erase()
        create = self.cluster.job_id('create:')
        self.assertEqual([create], self.cluster.dependency('delete:'))
        self.cluster.pass_time(6)
        self.assert_gone()

    def test_no_state_is_published_for_it(self) -> None:
        slow = {**cases.SLOW, 'actions': ['create']}
        self.write(NETWORK, 'n', noop=slow)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.pass_time(6)
        self.assertEqual([], self.cluster.keys_under('/state/'))

    def test_records_stay_while_the_stack_is_there(self) -> None:
        self.write(NETWORK, 'n')
        self.put_stack()
        failing = {'fail': 'no luck', 'actions': ['delete']}
        self.write(NETWORK, 'n', 2, noop=failing)
        self.erase()
        self.assertIsNotNone(self.cluster.accepted(NETWORK, 'n'))
        self.assertIn('no luck', self.cluster.blocked(NETWORK, 'n')['reason'])

    def test_a_failed_deletion_is_tried_again(self) -> None:
        failing = {'fail': 'no luck', 'actions': ['delete']}
        self.write(NETWORK, 'n', noop=failing)
        self.put_stack()
        self.erase()
        self.assertEqual(
            ['create:1', 'delete:1'], self.cluster.actions(NETWORK, 'n')
        )
        self.cluster.pass_time(310, step=3)
        self.assertEqual(
            ['create:1', 'delete:1', 'delete:1'],
            self.cluster.actions(NETWORK, 'n'),
        )

    def test_what_has_no_template_any_more_is_deleted_too(self) -> None:
        slow = {**cases.SLOW, 'actions': ['delete']}
        self.write(NETWORK, 'n')
        self.put_stack()
        self.write(NETWORK, 'n', 2, without='all', noop=slow)
        self.assert_state('READ_COMPLETE', NETWORK, 'n', 2)
        self.erase()
        self.assertEqual('heat_worker', self.cluster.job('delete:')['handler'])

    def test_created_and_gone_while_nobody_looked_is_nothing(self) -> None:
        self.cluster.remove(self.manager)
        self.cluster.write(NETWORK, 'n')
        self.cluster.erase(NETWORK, 'n')
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assert_gone()

    def test_vanished_while_nobody_looked(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.remove(self.manager)
        self.cluster.erase(NETWORK, 'n')
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assert_gone()


class VanishedInTheQueueTest(cases.QueueTest):
    def test_a_creation_that_waits_becomes_a_deletion(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        (job,) = self.cluster.jobs()
        self.assertTrue(job.startswith('delete:'))
        self.start_worker()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assert_quiet()

    def test_children_vanish_before_or_after_their_parent(self) -> None:
        for first, second in (
            ((NETWORK, 'n'), (SUBNET, 's')),
            (
                (SUBNET, 's'),
                (NETWORK, 'n'),
            ),
        ):
            self.write(NETWORK, 'n')
            self.write(SUBNET, 's', network_id='n')
            self.cluster.stop(self.start_worker())
            self.cluster.erase(*first)
            self.cluster.settle()
            self.cluster.erase(*second)
            self.cluster.settle()
            self.assertEqual(
                [self.cluster.job_id('delete:heat_worker:subnet')],
                self.cluster.dependency('delete:heat_worker:network'),
            )
            self.cluster.stop(self.start_worker())
            self.assert_quiet()
