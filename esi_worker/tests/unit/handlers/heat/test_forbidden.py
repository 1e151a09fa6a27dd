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

"""Changes that Heat forbids without telling a reason."""

from __future__ import annotations

from esi_worker.handlers.heat import (
    handler,
)
from esi_worker.model import (
    Done,
    Failed,
    Job,
    Retry,
)
from esi_worker.tests.unit.handlers.heat import scene
from esi_worker.tests.unit.handlers.heat.trouble import TroubleTestCase


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
        self.delete_by_hand()
        self.scene.clock.advance(10)
        self.assertIsInstance(self.scene.poll(job), Retry)
        self.stacks.forbids = handler.FORBIDDEN_RETRIES
        for _ in range(handler.FORBIDDEN_RETRIES):
            self.retried_later(job)
        self.assertIsInstance(self.scene.run(job), Done)
