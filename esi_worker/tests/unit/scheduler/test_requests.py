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

"""What operators ask the manager for, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
from unittest import mock

from esi_worker import exceptions, store
from esi_worker.model import Request, RequestOutcome, ResourceRef
from esi_worker.scheduler import World, answering, effects
from esi_worker.tests import cases, cluster, members
from esi_worker.tests.cluster import NETWORK, PLAN, SUBNET

N = ResourceRef('network', 'n')


class RequestCase:
    """Shorthands for the tests of requests."""

    cluster: cluster.Cluster

    def ask(
        self,
        ref: ResourceRef = N,
        version: int | None = None,
        **fields: object,
    ) -> str:
        """Ask for something and let everybody work."""
        id_ = self.cluster.request(ref, version, **fields)  # type: ignore[arg-type]
        self.cluster.settle()
        return id_

    def outcome(self, id_: str) -> tuple[RequestOutcome, str] | None:
        answer = self.cluster.answer(id_)
        return None if answer is None else (answer.outcome, answer.reason)


class ReapplyTest(RequestCase, cases.ClusterTest):
    def test_the_latest_version_is_applied_again(self) -> None:
        self.write(NETWORK, 'n', 3)

        id_ = self.ask()

        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        self.assertEqual(
            ['create:3', 'modify:3'], self.cluster.actions(NETWORK, 'n')
        )
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 3)
        self.assert_quiet()

    def test_the_answer_names_the_jobs(self) -> None:
        self.write(NETWORK, 'n')
        answer = self.cluster.answer(self.ask())
        assert answer is not None
        (job,) = answer.jobs
        self.assertTrue(job.startswith('modify:heat_worker:network:n:1:'))
        self.assertTrue(answer.answered_at.endswith('Z'))

    def test_two_that_ask_at_once_share_the_jobs(self) -> None:
        self.write(NETWORK, 'n')
        first, second = self.cluster.request(N), self.ask()
        self.assertEqual(
            ['create:1', 'modify:1'], self.cluster.actions(NETWORK, 'n')
        )
        self.assertEqual(
            self.cluster.answer(first), self.cluster.answer(second)
        )

    def test_what_is_asked_again_later_is_done_again(self) -> None:
        self.write(NETWORK, 'n')
        self.ask()
        self.ask()
        self.assertEqual(
            ['create:1', 'modify:1', 'modify:1'],
            self.cluster.actions(NETWORK, 'n'),
        )

    def test_a_version_that_was_superseded_is_obsolete(self) -> None:
        self.write(NETWORK, 'n', 2)
        id_ = self.ask(version=1)
        self.assertEqual(
            (
                RequestOutcome.OBSOLETE,
                'it has version 2 by now, which was acted on',
            ),
            self.outcome(id_),
        )
        self.assertEqual(['create:2'], self.cluster.actions(NETWORK, 'n'))

    def test_a_version_that_never_was_is_refused(self) -> None:
        self.write(NETWORK, 'n')
        id_ = self.ask(version=7)
        self.assertEqual(
            (
                RequestOutcome.REFUSED,
                'there is no version 7 of it, only 1',
            ),
            self.outcome(id_),
        )

    def test_without_a_config_it_is_refused(self) -> None:
        id_ = self.ask()
        self.assertEqual(
            (RequestOutcome.REFUSED, 'it has no config'), self.outcome(id_)
        )

    def test_what_needs_no_work_is_refused(self) -> None:
        self.write(PLAN, 'p')
        before = self.cluster.state(PLAN, 'p')
        id_ = self.ask(ResourceRef('plan', 'p'))
        self.assertEqual(
            (RequestOutcome.REFUSED, 'no handler has work for it'),
            self.outcome(id_),
        )
        self.assertEqual(before, self.cluster.state(PLAN, 'p'))

    def test_an_unknown_type_is_refused(self) -> None:
        id_ = self.ask(ResourceRef('ghost', 'g'))
        self.assertEqual(
            (
                RequestOutcome.REFUSED,
                '"ghost" is no known resource type',
            ),
            self.outcome(id_),
        )

    def test_a_blocked_resource_stays_blocked(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        id_ = self.ask(ResourceRef('subnet', 's'))
        outcome, reason = self.outcome(id_) or (None, '')
        self.assertIs(RequestOutcome.REFUSED, outcome)
        self.assertIn('it is blocked: ', reason)
        self.assertIsNotNone(self.cluster.blocked(SUBNET, 's'))

    def test_what_works_is_not_blocked_by_a_request_in_vain(self) -> None:
        self.write(NETWORK, 'n')
        key = '/config/v2.0/heat_templates/network'
        self.cluster.store.put(key, 'no json')
        self.cluster.settle()
        id_ = self.ask()
        outcome, reason = self.outcome(id_) or (None, '')
        self.assertIs(RequestOutcome.REFUSED, outcome)
        self.assertIn(key, reason)
        self.assert_quiet()

    def test_a_config_that_cannot_be_read_is_refused(self) -> None:
        self.cluster.store.put(
            self.cluster.keys.config(NETWORK.path('n')), '?'
        )
        self.cluster.settle()
        outcome, reason = self.outcome(self.ask()) or (None, '')
        self.assertIs(RequestOutcome.REFUSED, outcome)
        self.assertIn('the config cannot be read', reason)

    def test_a_done_version_without_a_record_is_applied_again(self) -> None:
        self.write(NETWORK, 'n', 2)
        self.cluster.stop(self.manager)
        self.cluster.store.delete(
            self.cluster.keys.accepted(NETWORK.path('n'))
        )
        id_ = self.cluster.request(N)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)

    def test_a_finished_deletion_may_be_tried_again(self) -> None:
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, marked=True)
        self.ask()
        self.assertEqual(
            ['create:1', 'logical_delete:2', 'logical_delete:2'],
            self.cluster.actions(NETWORK, 'n'),
        )

    def test_what_cannot_be_read_is_answered(self) -> None:
        for number, text in enumerate(('no json', '{}', '{"action": 1}')):
            key = self.cluster.keys.request(f'r{number}')
            self.cluster.store.put(key, text)
            self.cluster.settle()
            outcome, reason = self.outcome(f'r{number}') or (None, '')
            self.assertIs(RequestOutcome.REFUSED, outcome)
            self.assertTrue(reason)

    def test_an_id_that_can_be_no_key_is_refused(self) -> None:
        for number, id_ in enumerate(('', 'x' * 256, '\ud800')):
            key = self.cluster.keys.request(f'r{number}')
            request = Request('reapply', ResourceRef('network', id_))
            self.cluster.store.put(key, request.encode())
            self.cluster.settle()
            outcome, reason = self.outcome(f'r{number}') or (None, '')
            self.assertIs(RequestOutcome.REFUSED, outcome)
            self.assertIn('"resource_id"', reason)
        self.assertIsNotNone(self.outcome(self.ask(ResourceRef('port', 'p'))))

    def test_one_whose_answer_does_not_fit_the_store_is_left(self) -> None:
        # Written anew it is three times as long.
        key = self.cluster.keys.request('big')
        self.cluster.store.put(
            key,
            '{"action": "dance", "resource_type": "network", '
            f'"resource_id": "n", "requested_by": "{"é" * 500_000}"}}',
        )
        self.cluster.settle()
        self.assertIsNone(self.outcome('big'))
        self.assertIn(f'{key} has no answer', self.log.output)
        self.assertIsNotNone(self.outcome(self.ask()))

    def test_an_action_that_nobody_knows_is_refused(self) -> None:
        outcome, reason = self.outcome(self.ask(action='dance')) or (None, '')
        self.assertIs(RequestOutcome.REFUSED, outcome)
        self.assertIn('does not know the action "dance"', reason)

    def test_the_options_reach_the_jobs(self) -> None:
        self.write(NETWORK, 'n')
        assert self.worker is not None
        self.cluster.remove(self.worker)
        self.ask(options={'force': True})
        self.assertEqual(
            {'force': True}, self.cluster.job('modify')['options']
        )


class WaitingTest(RequestCase, cases.QueueTest):
    """Requests about resources with jobs, or with news on the way."""

    def test_a_waiting_job_gives_way(self) -> None:
        self.write(NETWORK, 'n')
        id_ = self.ask()
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        (job,) = self.cluster.jobs()
        self.assertTrue(job.startswith('create:heat_worker:network:n:1:'))

    def test_a_running_job_is_waited_for(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.start_worker()
        self.ask()
        create, modify = self.cluster.jobs()
        self.assertEqual([create], self.cluster.dependency(modify))
        self.cluster.pass_time(20)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_newer_version_serves_the_request_too(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.write(NETWORK, 'n', 2)
        id_ = self.ask()
        (job,) = self.cluster.jobs()
        answer = self.cluster.answer(id_)
        assert answer is not None
        self.assertEqual((job,), answer.jobs)

    def test_a_config_that_is_seen_late_is_waited_for(self) -> None:
        self.cluster.store.drop_batches(1)
        self.cluster.write(NETWORK, 'n')
        self.cluster.settle()
        id_ = self.ask()
        # The manager knows no such network, but its compare says no.
        self.assertIsNone(self.outcome(id_))
        self.cluster.write(NETWORK, 'n', 2)
        self.cluster.settle()
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))

    def test_it_waits_for_a_manager(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.manager)
        id_ = self.ask()
        self.assertIsNone(self.outcome(id_))
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))

    def test_one_that_runs_out_is_not_done(self) -> None:
        self.write(NETWORK, 'n')
        self.start_worker()
        self.cluster.stop(self.manager)
        self.cluster.request_ttl = 60
        self.ask()
        self.cluster.pass_time(120, step=30)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(['create:1'], self.cluster.actions(NETWORK, 'n'))

    def test_one_that_is_taken_back_is_not_done(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.manager)
        id_ = self.ask()
        self.cluster.store.delete(self.cluster.keys.request(id_))
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(1, len(self.cluster.jobs()))
        self.assertIn('create:', self.cluster.jobs()[0])

    def test_one_that_runs_out_just_now_does_no_harm(self) -> None:
        self.write(NETWORK, 'n')
        id_ = self.cluster.request(N)
        kv = self.cluster.store.get(self.cluster.keys.request(id_))
        assert kv is not None

        def expire(name: str, moment: str) -> None:
            if name == 'txn' and moment == 'before':
                self.cluster.fault = None
                self.cluster.store.interceptor = None
                self.cluster.store.revoke_lease(kv.lease)

        self.cluster.fault = expire
        self.cluster.settle()
        self.start_worker()
        self.assert_quiet()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')


class PacedTest(RequestCase, cases.QueueTest):
    def make_cluster(self) -> cluster.Cluster:
        made = super().make_cluster()
        made.settings = dataclasses.replace(made.settings, paced_requests=2)
        return made

    def ask_all(self, count: int, first: int = 0) -> list[str]:
        """Networks that are there, and a paced request for each."""
        names = [f'n{number}' for number in range(first, first + count)]
        for name in names:
            self.cluster.write(NETWORK, name)
        worker = self.start_worker()
        self.cluster.stop(worker)
        ids = [
            self.cluster.request(ResourceRef('network', name), paced=True)
            for name in names
        ]
        self.cluster.settle()
        return ids

    def answered(self, ids: list[str]) -> int:
        return len([id_ for id_ in ids if self.cluster.answer(id_)])

    def test_only_so_many_are_at_work(self) -> None:
        ids = self.ask_all(5)
        self.assertEqual(2, self.answered(ids))
        self.assertEqual(2, len(self.cluster.jobs()))

    def test_the_others_follow_in_their_order(self) -> None:
        ids = self.ask_all(5)
        self.assertEqual(2, self.answered(ids[:2]))
        self.start_worker()
        self.assertEqual(5, self.answered(ids))
        self.assert_quiet()

    def test_a_single_request_is_not_held_up(self) -> None:
        self.ask_all(5)
        id_ = self.ask(ResourceRef('network', 'n4'))
        self.assertIsNotNone(self.outcome(id_))

    def test_a_new_leader_keeps_the_pace(self) -> None:
        ids = self.ask_all(5)
        self.cluster.stop(self.manager)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(2, self.answered(ids))
        self.assertEqual(2, len(self.cluster.jobs()))

    def test_what_is_refused_holds_up_nobody(self) -> None:
        self.cluster.write(NETWORK, 'n')
        ghosts = [
            self.cluster.request(ResourceRef('network', f'g{n}'), paced=True)
            for n in range(100)
        ]
        id_ = self.cluster.request(N, paced=True)
        self.cluster.settle()
        self.assertEqual(100, self.answered(ghosts))
        self.assertIsNotNone(self.outcome(id_))

    def test_a_newer_version_does_not_wait_for_its_turn(self) -> None:
        ids = self.ask_all(5)
        self.write(NETWORK, 'n4', 2)
        answer = self.cluster.answer(ids[4])
        assert answer is not None
        self.assertIn('modify:heat_worker:network:n4:2:', answer.jobs[0])

    def test_who_is_accepted_early_gets_the_options_too(self) -> None:
        self.ask_all(5)
        ref = ResourceRef('network', 'n4')
        id_ = self.ask(ref, paced=True, options={'force': True})
        self.assertIsNone(self.outcome(id_))
        self.write(NETWORK, 'n4', 2)
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        job = self.cluster.job('modify:heat_worker:network:n4:2:')
        self.assertEqual({'force': True}, job['options'])


class FaultTest(RequestCase, cases.QueueTest):
    """Crashes and lost answers at any request of the manager."""

    def take(self, fault: Callable[[str, str], None]) -> list[str]:
        """Serve a request under a fault, then have everything mended.

        :returns: the ends of the modifications
        """
        self.cluster.fault = fault
        id_ = self.ask()
        self.cluster.fault = None
        self.cluster.pass_time(30)
        if not any(
            isinstance(each, members.ManagerMember)
            for each in self.cluster.members
        ):
            self.cluster.add_manager()
        self.start_worker()
        self.cluster.pass_time(30)
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        self.assert_quiet()
        return self.cluster.actions(NETWORK, 'n')

    def check(self, error: Callable[[], BaseException]) -> None:
        for number in range(20):
            for moment in ('before', 'after'):
                self.cluster = self.make_cluster()
                self.manager = self.cluster.add_manager()
                worker = self.start_worker()
                self.write(NETWORK, 'n')
                self.cluster.stop(worker)
                fault = members.Fault(number, moment, error)
                actions = self.take(fault)
                self.assertEqual(['create:1', 'modify:1'], actions)
                if not fault.struck:
                    self.assertGreater(number, 1)
                    return
        self.fail('a request takes more than 20 calls of the store')

    def test_a_crash_at_any_call(self) -> None:
        self.check(members.Crash)

    def test_a_lost_answer_at_any_call(self) -> None:
        self.check(exceptions.StoreTimeout)


class ActionTest(RequestCase, cases.ClusterTest):
    """What others add to ``ACTIONS``."""

    def setUp(self) -> None:
        super().setUp()
        self.applied: list[int] = []
        actions = mock.patch.dict(
            answering.ACTIONS, {'note': self.note, 'deny': self.deny}
        )
        self.enterContext(actions)

    def note(self, world: World, request: Request) -> effects.Effect:
        return effects.Effect(
            store.Transition(
                (store.Compare.missing('/forbidden'),),
                (store.Put('/noted', str(request.options['text'])),),
            ),
            self.applied.append,
        )

    def deny(self, world: World, request: Request) -> effects.Effect:
        raise effects.Refused('not today')

    def test_the_change_comes_with_the_answer(self) -> None:
        id_ = self.ask(action='note', options={'text': 'x'})
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
        noted = self.cluster.store.get('/noted')
        assert noted is not None
        self.assertEqual(
            ('x', [noted.mod_revision]), (noted.value, self.applied)
        )

    def test_a_refusal_is_told(self) -> None:
        id_ = self.ask(action='deny')
        self.assertEqual(
            (RequestOutcome.REFUSED, 'not today'), self.outcome(id_)
        )

    def test_what_did_not_hold_is_tried_with_the_next_event(self) -> None:
        self.cluster.store.put('/forbidden', '')
        id_ = self.ask(action='note', options={'text': 'x'})
        self.assertIsNone(self.outcome(id_))
        self.cluster.store.delete('/forbidden')
        self.write(NETWORK, 'n')
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))
