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

"""What a manager finds when it begins, and what it makes of it."""

from __future__ import annotations

from esi_worker import store
from esi_worker.model import PublishedState
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, PLAN, PORT, SUBNET


class RestartTest(cases.ClusterTest):
    def restart(self) -> None:
        self.cluster.stop(self.manager)
        self.manager = self.cluster.add_manager()

    def assert_nothing_written(self) -> None:
        """Only the election is."""
        self.cluster.settle()
        self.restart()
        before = self.cluster.store.revision
        self.cluster.settle()
        self.assertIsNotNone(self.manager.manager)
        self.assertEqual(before + 1, self.cluster.store.revision)

    def test_nothing_is_done_for_what_is_done(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(SUBNET, 's', 2, network_id='n')
        self.write(PLAN, 'p')
        self.write(NETWORK, 'm')
        self.write(NETWORK, 'm', 2, marked=True)
        self.assert_nothing_written()

    def test_nothing_is_done_for_what_has_no_version(self) -> None:
        self.write(NETWORK, 'n', 0)
        self.write(PLAN, 'p', 0)
        self.assert_nothing_written()

    def test_nothing_is_done_for_what_runs_or_waits(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.write(SUBNET, 's', network_id='n')
        self.assert_nothing_written()

    def test_nothing_is_done_for_what_is_blocked(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.cluster.store.put('/config/v2.0/networks/x', 'no json')
        self.assert_nothing_written()

    def test_blocks_that_are_over_are_removed(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.cluster.stop(self.manager)
        self.cluster.write(NETWORK, 'n')
        self.cluster.store.put('/esi-worker/blocked/v2.0/ports/p', '{}')
        self.manager = self.cluster.add_manager()
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_changes_made_meanwhile_are_worked_on(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.manager)
        self.cluster.write(NETWORK, 'n', 4)
        self.cluster.write(SUBNET, 's', network_id='n')
        self.manager = self.cluster.add_manager()
        self.cluster.settle()
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 4)
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')

    def test_a_state_without_our_records_is_adopted(self) -> None:
        self.write(NETWORK, 'n', 3)
        self.cluster.store.delete('/esi-worker/config/v2.0/networks/n')
        self.restart()
        self.cluster.settle()
        self.assertEqual(3, self.cluster.accepted(NETWORK, 'n')['version'])
        self.assertEqual(['create:3'], self.cluster.actions(NETWORK, 'n'))

    def test_an_older_state_without_our_records_is_modified(self) -> None:
        state = PublishedState(1, {'worker_state': 'CREATE_COMPLETED'})
        self.cluster.store.put('/state/v2.0/networks/n', state.encode())
        self.write(NETWORK, 'n', 2)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)

    def test_a_job_that_cannot_be_read_costs_only_itself(self) -> None:
        self.cluster.store.put('/jobs/all/x', 'no json')
        self.cluster.store.put('/jobs/ready/x', 'heat_worker')
        self.restart()
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')


class StandByTest(cases.ClusterTest):
    """The second manager takes over what the first one left."""

    def make_worker(self) -> members.WorkerMember:
        self.cluster.add_manager()
        self.handler = members.ScriptedHandler(self.cluster.context())
        return self.cluster.add_worker(self.cluster.offer(self.handler))

    def test_it_waits_for_the_lease(self) -> None:
        self.cluster.remove(self.manager)
        self.cluster.pass_time(5)
        self.write(NETWORK, 'n')
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_leader_that_lost_its_office_writes_nothing(self) -> None:
        self.cluster.store.revoke_lease(self.manager.lease.id)
        self.cluster.write(NETWORK, 'n')
        before = self.cluster.store.revision
        self.cluster.step(self.manager)
        self.assertEqual(before, self.cluster.store.revision)
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertEqual(1, len(self.handler.starts))


class RelistTest(cases.ClusterTest):
    """The history that a follower needs is compacted."""

    def lose_history(self) -> None:
        self.cluster.store.break_watches()
        self.cluster.write(PLAN, 'x', 1)
        self.cluster.store.compact(self.cluster.store.revision)
        self.cluster.clock.advance(1)

    def test_changes_in_the_gap_are_seen(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'm')
        self.cluster.write(NETWORK, 'n', 2)
        self.cluster.erase(NETWORK, 'm')
        self.cluster.write(SUBNET, 's', network_id='n')
        self.lose_history()
        self.cluster.pass_time(10)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assertIsNone(self.cluster.accepted(NETWORK, 'm'))
        self.assert_quiet()

    def test_jobs_are_not_done_twice(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.write(SUBNET, 's', network_id='n')
        self.lose_history()
        self.cluster.pass_time(10)
        self.assertEqual(['create:1'], self.cluster.actions(NETWORK, 'n'))
        self.assertEqual(['create:1'], self.cluster.actions(SUBNET, 's'))
        self.assert_quiet()

    def test_jobs_made_in_the_same_round_are_not_forgotten(self) -> None:
        # A config event and the loss of the queue's history come
        # together; what is made of the one must survive the other.
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.cluster.members.remove(self.cluster.members[-1])
        follower = self.manager.follower
        jobs, configs = self.cluster.keys.jobs, self.cluster.keys.configs
        self.cluster.write(SUBNET, 's', network_id='n')
        batch = follower.poll(0)
        self.assertEqual(configs, getattr(batch, 'prefix', None))
        snapshot = self.cluster.store.range(jobs)
        items = [batch, snapshot]
        follower.poll = (  # type: ignore[method-assign]
            lambda timeout: items.pop(0) if items else None
        )
        self.manager.step()
        self.assertEqual(2, len(self.cluster.jobs()))
        self.assertEqual(2, len(self.manager.world.table))

    def test_batches_that_come_twice_do_no_harm(self) -> None:
        self.cluster.store.repeat_batches(1000)
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(
            ['create:1', 'modify:2'], self.cluster.actions(NETWORK, 'n')
        )
        self.assert_quiet()


class OwnEchoTest(cases.QueueTest):
    def test_own_writes_are_not_taken_in_again(self) -> None:
        seen: list[store.Event] = []
        manager = self.manager.manager
        assert manager is not None
        follow = manager._queue.event
        manager._queue.event = lambda event: (  # type: ignore[method-assign]
            seen.append(event) or follow(event)  # type: ignore[func-returns-value]
        )
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual([], seen)
        self.start_worker()
        self.assertNotEqual([], seen)
        self.assert_quiet()
        self.cluster.store.put('/jobs/x', '')
        self.cluster.settle()
        self.assertLess(len(manager._own), 3)


class OldJobsTest(cases.ClusterTest):
    def test_versions_lower_than_accepted_are_ignored(self) -> None:
        self.write(NETWORK, 'n', 5)
        self.write(NETWORK, 'n', 3)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 5)
        self.assertEqual(5, self.cluster.accepted(NETWORK, 'n')['version'])
        self.assert_quiet()

    def test_the_same_version_again_is_nothing(self) -> None:
        self.write(NETWORK, 'n', 2)
        before = self.cluster.store.revision
        self.write(NETWORK, 'n', 2)
        self.assertEqual(before + 1, self.cluster.store.revision)

    def test_changes_without_versions_are_seen_by_their_bodies(self) -> None:
        for version, mtu in (1, 1), (0, 2), (0, 2), (0, 3):
            self.write(NETWORK, 'n', version, mtu=mtu)
        self.assertEqual(
            ['create:1', 'modify:0', 'modify:0'],
            self.cluster.actions(NETWORK, 'n'),
        )
        # No version above 0, so no state after the first one.
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_ids_may_hold_anything(self) -> None:
        for name in ('a b', 'a/b', '%2F', 'ä%20 /ö', ':', 'all', '日本'):
            self.write(NETWORK, name)
            self.write(PORT, name, network_id=name)
            self.assert_state('CREATE_COMPLETED', PORT, name)
            self.cluster.erase(PORT, name)
            self.cluster.erase(NETWORK, name)
            self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/state/'))
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assert_quiet()
