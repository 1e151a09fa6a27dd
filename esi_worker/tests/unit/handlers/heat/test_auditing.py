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

"""What the audit channel tells of the changes in Heat."""

from __future__ import annotations

import json
from typing import Any

import fixtures
import testtools

from esi_worker.handlers.heat import auditing
from esi_worker.model import Action, Done, Failed, Retry
from esi_worker.tests.unit.handlers.heat import scene


class AuditTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger(auditing.CHANNEL, format='%(message)s')
        )
        self.scene = scene.Scene()

    def records(self, after: int = 0) -> list[dict[str, Any]]:
        lines = self.log.output.splitlines()[after:]
        return [json.loads(line) for line in lines]

    def check(self, *expected: tuple[str, str], after: int = 0) -> None:
        records = self.records(after)
        found = [(each['action'], each['outcome']) for each in records]
        self.assertEqual(list(expected), found)

    def test_creation_is_recorded_with_its_end(self) -> None:
        job = scene.job()
        self.assertIsInstance(self.scene.run(job), Done)

        asked, ended = self.records()

        info = self.scene.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.assertEqual(
            {
                'event': 'heat',
                'action': 'CREATE',
                'job': job.id,
                'outcome': 'accepted',
                'reason': '',
                'request_id': self.scene.stacks.request_ids[0],
                'resource': 'network:n1',
                'stack': 'network_n1',
                'stack_id': info.id,
                'tenant_id': scene.TENANT,
                'version': 1,
            },
            asked,
        )
        self.assertEqual({**asked, 'outcome': 'complete'}, ended)

    def test_request_ids_are_of_the_form_that_services_accept(self) -> None:
        self.scene.run(scene.job())
        (request_id,) = self.scene.stacks.request_ids
        self.assertRegex(request_id, '^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-')

    def test_update_and_deletion_are_recorded(self) -> None:
        self.scene.run(scene.job())
        self.scene.run(scene.job(Action.MODIFY, version=2))
        self.scene.run(scene.job(Action.DELETE, version=3))
        self.check(
            ('UPDATE', 'accepted'),
            ('UPDATE', 'complete'),
            ('DELETE', 'accepted'),
            ('DELETE', 'complete'),
            after=2,
        )

    def test_lost_answer_is_recorded_as_unknown(self) -> None:
        self.scene.stacks.lose_answers = True
        outcome = self.scene.handler.start(scene.job())
        self.assertIsInstance(outcome, Retry)
        self.check(('CREATE', 'unknown'))

    def test_refusal_is_recorded_without_secrets(self) -> None:
        self.scene.stacks.refusal = 'HTTP 400: hunter2 is too short'
        params = [scene.value('admin_password', 'hunter2')]
        outcome = self.scene.run(scene.job(params=params))
        self.assertIsInstance(outcome, Failed)
        self.check(('CREATE', 'refused'), ('CREATE', 'failed'))
        self.assertNotIn('hunter2', self.log.output)
        self.assertIn('HTTP 400: ***', self.records()[0]['reason'])

    def test_looking_is_no_change(self) -> None:
        self.scene.run(scene.job())
        self.scene.restart()
        self.scene.run(scene.job())
        self.assertEqual([], self.records(after=2))
