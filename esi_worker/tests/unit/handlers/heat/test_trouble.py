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

"""Crashes, lost answers, outages, slow stacks and other people."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
from typing import Any, NoReturn
from unittest import mock

import testtools

from esi_worker import exceptions
from esi_worker.handlers.heat import (
    acting,
    errors,
    handler,
    preparing,
    resolving,
)
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    ResourceRef,
    Retry,
)
from esi_worker.tests.unit.handlers.heat import scene

WITH_A_RESOURCE = (
    scene.TEMPLATE
    + """\
resources:
  thing: {type: OS::Heat::TestResource}
"""
)


class TroubleTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene()
        self.stacks = self.scene.stacks

    def begin(self, job: Job) -> InProgress:
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, InProgress), outcome
        return outcome

    def retried(self, job: Job, reason: str) -> None:
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Retry), outcome
        self.assertIn(reason, outcome.reason)

    def red(self) -> Job:
        """A second version of the network."""
        return scene.job(
            Action.MODIFY, [scene.value('name', 'red')], version=2
        )


class CrashTest(TroubleTestCase):
    def test_creation_of_a_crashed_attempt_is_adopted(self) -> None:
        job = scene.job()
        self.begin(job)
        self.scene.restart()
        outcome = self.scene.run(job)
        assert isinstance(outcome, Done)
        self.assertEqual(
            'CREATE_COMPLETE', outcome.results['orchestration_state']
        )
        self.assertEqual({'CREATE': 1}, dict(self.stacks.accepted))

    def test_failure_of_a_crashed_attempt_is_told(self) -> None:
        job = scene.job()
        self.begin(job)
        self.scene.restart()
        self.begin(job)
        self.stacks.end(scene.TENANT, scene.NAME, 'CREATE_FAILED', 'no')
        self.assertIsInstance(self.scene.poll(job), Failed)

    def test_deletion_of_a_crashed_attempt_is_adopted(self) -> None:
        self.scene.run(scene.job())
        job = scene.job(Action.LOGICAL_DELETE, version=2)
        self.begin(job)
        self.scene.restart()
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(1, self.stacks.requests['delete'])

    def test_poll_of_an_unknown_job_starts_it_again(self) -> None:
        job = scene.job()
        self.begin(job)
        self.scene.restart()
        self.assertIsInstance(self.scene.poll(job), Retry)

    def test_second_start_in_one_process_goes_on(self) -> None:
        job = scene.job()
        self.begin(job)
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(1, self.stacks.requests['create'])


class DeadlineTest(TroubleTestCase):
    """Workers die, and the time of the stack goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.stacks.hang = True

    def check_renewed(self, job: Job) -> None:
        """Workers adopt the job and die, four times in its 240 seconds."""
        for _ in range(4):
            self.scene.clock.advance(50)
            self.scene.restart()
            self.begin(job)
        self.scene.clock.advance(39)
        self.scene.poll(job)
        self.assertEqual(1, sum(self.stacks.accepted.values()))
        self.scene.clock.advance(2)
        self.scene.poll(job)

    def test_workers_that_die_give_a_creation_no_time(self) -> None:
        self.begin(scene.job())
        self.check_renewed(scene.job())
        self.assertEqual(
            {'CREATE': 1, 'UPDATE': 1}, dict(self.stacks.accepted)
        )

    def test_workers_that_die_give_a_deletion_no_time(self) -> None:
        self.stacks.hang = False
        self.scene.run(scene.job())
        self.stacks.accepted.clear()
        self.stacks.hang = True
        job = scene.job(Action.DELETE, version=2)
        self.begin(job)
        self.check_renewed(job)
        self.assertEqual({'DELETE': 2}, dict(self.stacks.accepted))

    def test_adopted_stack_that_is_overdue_is_renewed_at_once(self) -> None:
        self.begin(scene.job())
        self.scene.clock.advance(10_000)
        self.scene.restart()
        self.begin(scene.job())
        self.scene.poll(scene.job())
        self.assertEqual(1, self.stacks.accepted['UPDATE'])

    def test_backend_that_tells_no_age_gives_the_whole_time(self) -> None:
        self.begin(scene.job())
        self.scene.clock.advance(200)
        found = self.stacks.find(scene.TENANT, scene.NAME)
        assert found is not None
        found = dataclasses.replace(found, age=None)
        self.scene.restart()
        with mock.patch.object(self.stacks, 'find', return_value=found):
            self.begin(scene.job())
        self.scene.clock.advance(239)
        self.scene.poll(scene.job())
        self.assertEqual({'CREATE': 1}, dict(self.stacks.accepted))

    def test_renewal_that_was_not_sent_is_still_owed(self) -> None:
        self.begin(scene.job())
        self.scene.clock.advance(241)
        error = errors.HeatUnavailable('connection refused')
        with mock.patch.object(self.stacks, 'update', side_effect=error):
            self.assertIsInstance(self.scene.poll(scene.job()), Retry)
        self.begin(scene.job())
        self.assertIsInstance(self.scene.poll(scene.job()), InProgress)
        self.assertEqual(
            {'CREATE': 1, 'UPDATE': 1}, dict(self.stacks.accepted)
        )


class LostAnswerTest(TroubleTestCase):
    def test_creation_with_a_lost_answer_is_not_repeated(self) -> None:
        job = scene.job()
        self.stacks.lose_answers = True
        self.retried(job, 'the answer is lost')
        self.stacks.lose_answers = False
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(1, self.stacks.requests['create'])

    def test_update_with_a_lost_answer_is_not_repeated(self) -> None:
        self.scene.run(scene.job())
        self.stacks.lose_answers = True
        self.retried(self.red(), 'the answer is lost')
        self.stacks.lose_answers = False
        self.assertIsInstance(self.scene.run(self.red()), Done)
        self.assertEqual(1, self.stacks.requests['update'])

    def test_creation_that_comes_late_is_not_doubled(self) -> None:
        job = scene.job()
        create = self.stacks.create

        def on_its_way(*args: Any) -> NoReturn:
            raise errors.AnswerLost('timed out')

        with mock.patch.object(self.stacks, 'create', on_its_way):
            self.retried(job, 'timed out')
        for _ in range(5):
            self.retried(job, 'may still begin')
            self.scene.clock.advance(5)
        # Now Heat gets to it.
        request = self.preparer.prepare(job).request
        create(scene.TENANT, request, 9.0)
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual({'CREATE': 1}, dict(self.stacks.accepted))

    def test_creation_that_never_arrived_is_sent_again(self) -> None:
        job = scene.job()
        with mock.patch.object(self.stacks, 'create') as create:
            create.side_effect = errors.AnswerLost('reset')
            self.retried(job, 'reset')
        self.retried(job, 'may still begin')
        self.scene.clock.advance(acting.DOUBT)
        self.assertIsInstance(self.scene.run(job), Done)

    def test_creation_that_was_not_sent_is_sent_at_once(self) -> None:
        job = scene.job()
        self.stacks.outage = 'connection refused'
        self.retried(job, 'connection refused')
        self.stacks.outage = None
        self.begin(job)

    @property
    def preparer(self) -> preparing.Preparer:
        context = self.scene.context
        resolver = resolving.Resolver(
            context.store, context.keys, context.catalog.types
        )
        return preparing.Preparer(context, resolver)


class OutageTest(TroubleTestCase):
    def test_wish_for_a_pause_is_passed_on(self) -> None:
        job = scene.job()
        self.begin(job)
        error = errors.HeatUnavailable('HTTP 429', after=17.0)
        with mock.patch.object(self.stacks, 'status', side_effect=error):
            polled = self.scene.poll(job)
        self.assertEqual(InProgress(17.0, 'HTTP 429'), polled)
        other = scene.job(ref=ResourceRef('network', 'n2'))
        with mock.patch.object(self.stacks, 'create', side_effect=error):
            started = self.scene.handler.start(other)
        self.assertEqual(Retry('HTTP 429', 17.0), started)

    def test_job_waits_for_heat_with_a_reason(self) -> None:
        self.stacks.outage = 'connection refused'
        self.retried(scene.job(), 'connection refused')

    def test_job_in_progress_outlives_an_outage(self) -> None:
        job = scene.job()
        self.begin(job)
        self.stacks.outage = 'connection refused'
        outcome = self.scene.poll(job)
        assert isinstance(outcome, InProgress)
        self.assertEqual('connection refused', outcome.reason)
        self.retried(job, 'connection refused')
        self.stacks.outage = None
        self.assertIsInstance(self.scene.run(job), Done)

    def test_failure_during_an_outage_is_told(self) -> None:
        job = scene.job()
        self.begin(job)
        self.stacks.outage = 'connection refused'
        self.scene.poll(job)
        self.stacks.outage = None
        self.stacks.end(scene.TENANT, scene.NAME, 'CREATE_FAILED', 'no')
        self.assertIsInstance(self.scene.handler.start(job), Failed)

    def test_no_time_passes_while_heat_is_away(self) -> None:
        job = scene.job()
        self.stacks.hang = True
        self.begin(job)
        self.stacks.outage = 'connection refused'
        for _ in range(3):
            self.scene.clock.advance(1000)
            self.scene.handler.start(job)
        self.stacks.outage = None
        self.assertIsInstance(self.scene.handler.start(job), InProgress)

    def test_store_outage_delays_the_start(self) -> None:
        def away(call: str, phase: str) -> None:
            raise exceptions.StoreUnavailable('no etcd')

        self.scene.store.interceptor = away
        params = [scene.output('name', scene.NETWORK, 'id')]
        self.retried(scene.job(params=params), 'no etcd')


class ForbiddenTest(TroubleTestCase):
    """Heat forbids changes and tells no reason."""

    def retried_later(self, job: Job) -> None:
        outcome = self.scene.handler.start(job)
        self.assertEqual(
            Retry('HTTP 403: HTTPForbidden', handler.FORBIDDEN_DELAY), outcome
        )

    def given_up(self, job: Job) -> None:
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(job)
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Failed), outcome
        self.assertEqual('HeatForbids: HTTP 403: HTTPForbidden', outcome.error)

    def test_what_is_forbidden_for_a_moment_is_done_after_it(self) -> None:
        self.stacks.forbids = handler.FORBIDDEN_RETRIES
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(scene.job())
        self.assertIsInstance(self.scene.run(scene.job()), Done)
        self.assertEqual({'CREATE': 1}, dict(self.stacks.accepted))

    def test_what_stays_forbidden_fails(self) -> None:
        self.stacks.forbids = handler.FORBIDDEN_RETRIES + 1
        self.given_up(scene.job())

    def test_update_that_stays_forbidden_fails(self) -> None:
        self.scene.run(scene.job())
        self.stacks.forbids = handler.FORBIDDEN_RETRIES + 1
        self.given_up(self.red())

    def test_worker_that_takes_over_tries_anew(self) -> None:
        self.scene.run(scene.job())
        self.stacks.forbids = handler.FORBIDDEN_RETRIES + 1
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(self.red())
        self.scene.restart()
        self.retried_later(self.red())
        self.assertIsInstance(self.scene.run(self.red()), Done)
        self.assertEqual(
            {'CREATE': 1, 'UPDATE': 1}, dict(self.stacks.accepted)
        )

    def test_accepted_change_ends_the_count(self) -> None:
        """A job that creates anew outlives two outages of Keystone."""
        self.scene.run(scene.job())
        self.stacks.end(scene.TENANT, scene.NAME, 'UPDATE_FAILED', 'no')
        job = self.red()
        self.stacks.forbids = handler.FORBIDDEN_RETRIES
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(job)
        self.begin(job)
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 9.0)
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        self.stacks.forbids = handler.FORBIDDEN_RETRIES
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(job)
        self.assertIsInstance(self.scene.run(job), Done)


class SlowStackTest(TroubleTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene(WITH_A_RESOURCE)
        self.stacks = self.scene.stacks
        self.stacks.hang = True

    def test_creation_that_heat_forgot_is_renewed(self) -> None:
        job = scene.job()
        self.begin(job)
        self.scene.clock.advance(241)
        self.assertIsInstance(self.scene.poll(job), InProgress)
        self.stacks.hang = False
        outcome = self.scene.run(job)
        assert isinstance(outcome, Done)
        self.assertEqual(
            'UPDATE_COMPLETE', outcome.results['orchestration_state']
        )

    def test_stack_that_never_ends_fails_after_its_time(self) -> None:
        job = scene.job()
        self.begin(job)
        self.scene.clock.advance(239)
        self.assertIsInstance(self.scene.poll(job), InProgress)
        self.assertEqual({'CREATE': 1}, dict(self.stacks.accepted))
        for _ in range(2):
            self.scene.clock.advance(241)
            outcome = self.scene.poll(job)
        assert isinstance(outcome, Failed)
        self.assertEqual(
            'StackTimeout: the stack is UPDATE_IN_PROGRESS after 240 '
            'seconds: Stack UPDATE started: thing (OS::Heat::TestResource) '
            'is UPDATE_IN_PROGRESS',
            outcome.error,
        )
        self.assertEqual(
            {'CREATE': 1, 'UPDATE': 1}, dict(self.stacks.accepted)
        )
        self.assertEqual(
            'CREATE_ERROR', outcome.results['orchestration_state']
        )

    def test_abandoned_creation_is_taken_over_by_an_update(self) -> None:
        self.begin(scene.job())
        job = self.red()
        self.begin(job)
        self.scene.clock.advance(700)
        self.assertIsInstance(self.scene.poll(job), InProgress)
        self.stacks.hang = False
        self.assertIsInstance(self.scene.run(job), Done)

    def test_abandoned_deletion_is_asked_for_again(self) -> None:
        self.scene.stacks.hang = False
        self.scene.run(scene.job())
        self.scene.stacks.hang = True
        job = scene.job(Action.DELETE, version=2)
        self.begin(job)
        for _ in range(2):
            self.scene.clock.advance(241)
            self.assertIsInstance(self.scene.poll(job), InProgress)
        self.scene.clock.advance(241)
        self.assertIsInstance(self.scene.poll(job), Failed)

    def test_polls_become_rarer(self) -> None:
        job = scene.job()
        outcome = self.begin(job)
        self.assertLessEqual(outcome.after, 0.5)
        for _ in range(10):
            latest = self.scene.poll(job)
        assert isinstance(latest, InProgress)
        self.assertGreaterEqual(latest.after, 2.5)
        self.assertLessEqual(latest.after, 5.0)


class ClaimTest(TroubleTestCase):
    def test_nothing_is_changed_without_a_claim(self) -> None:
        self.scene.claim = 0.5
        self.retried(scene.job(), 'claim')
        self.assertEqual(0, self.stacks.requests['create'])

    def test_next_step_waits_for_the_claim(self) -> None:
        self.begin(scene.job())
        job = self.red()
        self.begin(job)
        self.scene.claim = 0.5
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        self.assertEqual(0, self.stacks.requests['update'])
        self.scene.claim = 60.0
        self.assertIsInstance(self.scene.run(job), Done)


class ContestTest(TroubleTestCase):
    def update_by_hand(self) -> None:
        request = self.stacks.request_of(scene.TENANT, scene.NAME)
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert request is not None
        assert info is not None
        bare = type(request)(
            request.name, request.template, {}, request.timeout_mins, ()
        )
        self.stacks.update(scene.TENANT, info.id, bare, 9.0)

    def test_foreign_update_is_not_taken_for_our_own(self) -> None:
        job = scene.job()
        self.begin(job)
        self.update_by_hand()
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        outcome = self.scene.run(job)
        assert isinstance(outcome, Done)
        assert outcome.stack is not None
        self.assertEqual('blue', outcome.stack.outputs()['name'])

    def test_fight_over_a_stack_ends(self) -> None:
        job = scene.job()
        for _ in range(acting.MAX_CALLS):
            self.begin(job)
            self.update_by_hand()
            self.scene.clock.advance(10)
            self.assertIsInstance(self.scene.poll(job), Retry)
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Failed)
        self.assertIn('see who else changes it', outcome.error)

    def test_stack_that_vanishes_is_created_anew(self) -> None:
        job = scene.job()
        self.begin(job)
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 9.0)
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        self.assertIsInstance(self.scene.run(job), Done)

    def test_stack_deleted_under_an_update_is_created_anew(self) -> None:
        self.scene.run(scene.job())
        job = self.red()
        self.stacks.before_update = self.delete_by_hand
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(2, self.stacks.requests['create'])

    def delete_by_hand(self) -> None:
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 9.0)


class ManyJobsTest(TroubleTestCase):
    def test_jobs_of_a_tenant_share_a_request(self) -> None:
        jobs = [
            scene.job(ref=ResourceRef('network', f'n{i}')) for i in range(20)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.clock.advance(10)
        outcomes = dict(self.scene.handler.poll(jobs))
        kinds = [type(outcome) for outcome in outcomes.values()]
        self.assertEqual([Done, *([InProgress] * 19)], kinds)

        # What is read of the others takes calls of their own.
        batches = list(self.scene.handler.batches(jobs[1:], ()))
        self.assertEqual([[job] for job in jobs[1:]], batches)
        for batch in batches:
            outcomes.update(self.scene.handler.poll(batch))
        self.assertEqual({Done}, {type(each) for each in outcomes.values()})
        self.assertEqual(1, self.stacks.requests['status'])

    def test_batches_are_full_requests_of_one_tenant(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id='big' if i < 100 else f'small-{i}',
            )
            for i in range(103)
        ]
        for job in jobs:
            self.begin(job)
        due, soon = jobs[:90] + jobs[100:], jobs[90:100]
        batches = list(self.scene.handler.batches(due, soon))
        self.assertEqual([80, 20, 1, 1, 1], [len(batch) for batch in batches])
        self.assertEqual([*jobs[80:90], *soon], batches[1])

    def test_ended_stacks_and_looks_take_turns(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id='big' if i < 6 else f'small-{i}',
            )
            for i in range(9)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.clock.advance(10)
        self.scene.handler.poll(jobs[:6])
        batches = list(self.scene.handler.batches(jobs[1:], ()))
        self.assertEqual(
            [jobs[1], jobs[2], jobs[3], jobs[6], jobs[4], jobs[5], jobs[7]],
            [batch[0] for batch in batches[:7]],
        )

    def test_each_tenant_is_asked_once(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id=f'tenant-{i % 2}',
            )
            for i in range(6)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.handler.poll(jobs)
        self.assertEqual(2, self.stacks.requests['status'])

    def test_a_slow_heat_gets_to_every_tenant_in_turn(self) -> None:
        jobs = [
            scene.job(ref=ResourceRef('network', name), tenant_id=name)
            for name in ('a', 'b', 'c')
        ]
        for job in jobs:
            self.begin(job)
        asked: list[str] = []

        def status(tenant: str, stack_ids: Iterable[str]) -> NoReturn:
            asked.append(tenant)
            self.scene.clock.advance(handler.POLL_BUDGET + 1)
            raise errors.HeatUnavailable

        self.patch(self.stacks, 'status', status)
        for _ in jobs:
            self.assertEqual(1, len(self.scene.handler.poll(jobs)))

        self.assertEqual({'a', 'b', 'c'}, set(asked))
