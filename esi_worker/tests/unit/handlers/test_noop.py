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

"""The noop handler does what its resource asks for."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.handlers import noop
from esi_worker.model import Action, Done, Failed, InProgress, Job, Retry
from esi_worker.tests.unit.handlers.heat import scene


def job(action: Action = Action.CREATE, **wishes: Any) -> Job:
    return scene.job(action, params=(), noop=wishes)


class NoopTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.handler = noop.NoopHandler(scene.Scene().context)

    def test_jobs_are_done_at_once_in_heats_words(self) -> None:
        for action, status in (
            (Action.CREATE, 'CREATE_COMPLETE'),
            (Action.MODIFY, 'UPDATE_COMPLETE'),
            (Action.LOGICAL_DELETE, 'DELETE_COMPLETE'),
            (Action.DELETE, 'DELETE_COMPLETE'),
        ):
            expected = {'heat_outputs': [], 'orchestration_state': status}
            outcome = self.handler.start(job(action))
            self.assertEqual(Done(expected), outcome)

    def test_resource_may_ask_for_a_failure(self) -> None:
        outcome = self.handler.start(job(Action.MODIFY, fail='no luck'))
        self.assertEqual(
            Failed(
                'NoopFailure: no luck',
                {'heat_outputs': [], 'orchestration_state': 'MODIFY_ERROR'},
            ),
            outcome,
        )

    def test_resource_may_ask_to_wait(self) -> None:
        waiting = job(wait=2, after=3)
        self.assertEqual(InProgress(3), self.handler.start(waiting))
        self.assertEqual(
            {waiting.id: InProgress(3)}, self.handler.poll([waiting])
        )
        outcome = self.handler.poll([waiting])[waiting.id]
        self.assertIsInstance(outcome, Done)

    def test_resource_may_ask_to_be_put_off(self) -> None:
        put_off = job(retry=1)
        self.assertIsInstance(self.handler.start(put_off), Retry)
        self.assertIsInstance(self.handler.start(put_off), Done)

    def test_wishes_may_be_for_some_actions_only(self) -> None:
        wishes: dict[str, Any] = {'fail': 'no luck', 'actions': ['modify']}
        self.assertIsInstance(self.handler.start(job(**wishes)), Done)
        outcome = self.handler.start(job(Action.MODIFY, **wishes))
        self.assertIsInstance(outcome, Failed)
