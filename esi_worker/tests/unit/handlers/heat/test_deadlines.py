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

"""Stacks that take too long, also for workers that die meanwhile."""

from __future__ import annotations

import dataclasses
from unittest import mock

from esi_worker.handlers.heat import errors
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
from esi_worker.tests.unit.handlers.heat.trouble import TroubleTestCase

WITH_A_RESOURCE = (
    scene.TEMPLATE
    + """\
resources:
  thing: {type: OS::Heat::TestResource}
"""
)


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

    def test_jobs_of_one_moment_are_not_polled_at_one_moment(self) -> None:
        delays = {
            self.begin(scene.job(ref=ResourceRef('network', f'n{i}'))).after
            for i in range(10)
        }
        self.assertEqual(10, len(delays))
        self.assertGreaterEqual(min(delays), 0.4)
        self.assertLessEqual(max(delays), 0.5)
