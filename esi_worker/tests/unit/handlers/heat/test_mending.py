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

"""Stacks that fail by an error of Heat's own database."""

from __future__ import annotations

import fixtures

from esi_worker.handlers.heat import looking
from esi_worker.model import Done, Failed, InProgress, Job
from esi_worker.tests.unit.handlers.heat import scene
from esi_worker.tests.unit.handlers.heat.trouble import TroubleTestCase

#: What Heat said when it purged a template that was still in use.
TOLD = (
    '(psycopg2.errors.ForeignKeyViolation) update or delete on table '
    '"raw_template" violates foreign key constraint '
    '"resource_current_template_id_fkey" on table "resource"'
)
REASON = (
    f'{TOLD}\n[SQL: DELETE FROM raw_template WHERE raw_template.id = '
    "%(id_1)s]\n[parameters: {'id_1': 4}]"
)


class MendingTest(TroubleTestCase):
    def end(self, status: str, reason: str = REASON) -> None:
        self.stacks.end(scene.TENANT, scene.NAME, status, reason)

    def asked_again(self, job: Job) -> None:
        outcome = self.scene.poll(job)
        self.assertIsInstance(outcome, InProgress)

    def test_update_is_asked_for_again(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        self.scene.run(scene.job())
        self.begin(self.red())
        self.end('UPDATE_FAILED')
        self.asked_again(self.red())
        self.assertIn('network_n1 is UPDATE_FAILED by an error', log.output)
        self.assertNotIn('DELETE FROM', log.output)
        outcome = self.scene.run(self.red())
        assert isinstance(outcome, Done), outcome
        assert outcome.stack is not None
        self.assertEqual('red', outcome.stack.outputs()['name'])
        self.assertEqual(
            {'CREATE': 1, 'UPDATE': 2}, dict(self.stacks.accepted)
        )

    def test_creation_is_made_anew(self) -> None:
        job = scene.job()
        self.begin(job)
        self.end('CREATE_FAILED')
        self.asked_again(job)
        self.assertIsInstance(self.scene.run(job), Done)
        self.assertEqual(
            {'CREATE': 2, 'DELETE': 1}, dict(self.stacks.accepted)
        )

    def test_work_of_a_crashed_attempt_is_asked_for_again(self) -> None:
        self.scene.run(scene.job())
        self.begin(self.red())
        self.scene.restart()
        self.begin(self.red())
        self.end('UPDATE_FAILED')
        self.asked_again(self.red())
        self.assertIsInstance(self.scene.run(self.red()), Done)

    def test_error_that_comes_back_fails_the_job(self) -> None:
        self.scene.run(scene.job())
        self.begin(self.red())
        for _ in range(looking.MAX_MENDED):
            self.end('UPDATE_FAILED')
            self.asked_again(self.red())
        self.end('UPDATE_FAILED')
        outcome = self.scene.poll(self.red())
        assert isinstance(outcome, Failed), outcome
        self.assertEqual(f'StackFailed: {TOLD}', outcome.error)
        self.assertEqual(
            1 + looking.MAX_MENDED, self.stacks.accepted['UPDATE']
        )

    def test_failure_of_the_stack_itself_fails_the_job_at_once(self) -> None:
        self.scene.run(scene.job())
        self.begin(self.red())
        self.end('UPDATE_FAILED', 'Resource UPDATE failed: no more ports')
        self.assertIsInstance(self.scene.poll(self.red()), Failed)
        self.assertEqual(1, self.stacks.accepted['UPDATE'])
