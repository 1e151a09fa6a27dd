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

"""Crashes, lost answers, outages, lost claims and other people."""

from __future__ import annotations

from typing import Any, NoReturn
from unittest import mock

from esi_worker import exceptions
from esi_worker.handlers import resolving
from esi_worker.handlers.heat import acting, errors, preparing
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    ResourceRef,
    Retry,
)
from esi_worker.tests.unit.handlers.heat import scene
from esi_worker.tests.unit.handlers.heat.trouble import TroubleTestCase


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
        self.delete_by_hand()
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        self.assertIsInstance(self.scene.run(job), Done)

    def test_stack_deleted_under_an_update_is_created_anew(self) -> None:
        self.scene.run(scene.job())
        job = self.red()
        self.stacks.before_update = self.delete_by_hand
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(2, self.stacks.requests['create'])
