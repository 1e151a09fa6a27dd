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

"""The JSON that the documents show is what the code writes and reads."""

from __future__ import annotations

import json
import logging
import re

import fixtures

from esi_worker.collector.syncers import published
from esi_worker.handlers.heat import auditing
from esi_worker.model import (
    Action,
    JobState,
    PublishedState,
    Request,
    ResourceRef,
)
from esi_worker.store import StateShape
from esi_worker.tests.unit.documents import blocks, shown
from esi_worker.tests.unit.handlers.heat import scene, test_mending
from esi_worker.tests.unit.packaging import checkout


class AuditTest(checkout.CheckoutTest):
    @blocks.uses('actions.rst', '{"event": "heat"')
    def test_a_line_of_a_change_has_the_members_that_are_shown(
        self, text: str
    ) -> None:
        expected = json.loads(text)
        log = self.useFixture(
            fixtures.FakeLogger(auditing.CHANNEL, format='%(message)s')
        )
        made = scene.Scene()
        ref = ResourceRef(*expected['resource'].split(':'))
        tenant = {'tenant_id': expected['tenant_id']}
        made.run(scene.job(ref=ref, **tenant))
        made.run(scene.job(Action.MODIFY, ref=ref, version=2, **tenant))

        written = [json.loads(line) for line in log.output.splitlines()][2]

        for name in ('request_id', 'stack_id'):
            self.assertEqual(uuid(expected.pop(name)), uuid(written.pop(name)))
        for line in (expected, written):
            line['job'] = line['job'].rpartition(':')[0]
        self.assertEqual(expected, written)


class ProtocolTest(checkout.CheckoutTest):
    @blocks.uses(
        'protocol.rst',
        '{"error": "", "state": {"heat',
        '{"error": "", "state": "{',
    )
    def test_states_and_monitoring_in_both_shapes(
        self, nested: str, string: str
    ) -> None:
        state = PublishedState.completed(
            Action.CREATE,
            1,
            JobState(
                {'heat_outputs': [], 'orchestration_state': 'CREATE_COMPLETE'}
            ),
        )
        monitoring = published.Published(1, {'vmi': 'UP'})
        for shape, text in (
            (StateShape.NESTED, nested),
            (StateShape.STRING, string),
        ):
            lines = text.replace('\n ', ' ').strip().split('\n\n')
            self.assertEqual(
                lines, [state.encode(shape), monitoring.encode(shape)]
            )

    @blocks.uses('protocol.rst', '{"action": "reapply"', '{"outcome"')
    def test_a_request_and_its_answer(self, text: str, answer: str) -> None:
        for record in (
            json.loads(text),
            json.loads(text) | {'answer': json.loads(answer)},
        ):
            request = Request.decode('/key', json.dumps(record))
            self.assertEqual({}, request.extra)
            self.assertEqual(record, json.loads(request.encode()))


class LogTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger(
                'esi_worker.handlers.heat', level=logging.WARNING
            )
        )
        self.scene = scene.Scene()

    @blocks.uses('stacks.rst', 'Stack network_... is CREATE')
    def test_a_stack_that_heat_has_forgotten(self, text: str) -> None:
        self.scene.stacks.hang = True
        job = scene.job(params=[scene.value('heat_timeout', '10')])
        self.scene.handler.start(job)
        self.scene.clock.advance(661)
        self.scene.poll(job)

        self.assertIsNone(shown.differs(text, self.log.output))

    @blocks.uses('stacks.rst', 'Stack network_... is UPDATE')
    def test_a_stack_that_an_error_of_heat_itself_fails(
        self, text: str
    ) -> None:
        self.scene.run(scene.job())
        job = scene.job(Action.MODIFY, version=2)
        self.scene.handler.start(job)
        self.scene.stacks.end(
            scene.TENANT, scene.NAME, 'UPDATE_FAILED', test_mending.REASON
        )
        self.scene.poll(job)

        self.assertIsNone(shown.differs(text, self.log.output))


def uuid(text: str) -> str:
    """The text with a word in the place of a UUID."""
    return re.sub('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'UUID', text)
