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

"""A job's way from start to its outcome."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    ResourceRef,
    Retry,
    StackMark,
    StackRecord,
)
from esi_worker.tests.unit.handlers.heat import scene

FAILING = (
    scene.TEMPLATE
    + """\
resources:
  thing:
    type: OS::Heat::TestResource
    properties: {fail: true}
"""
)
OUTPUTS = [
    {
        'output_key': 'id',
        'description': 'The id',
        'output_value': 'n1-uuid',
    },
    {
        'output_key': 'name',
        'description': 'No description given',
        'output_value': 'blue',
    },
]


class FlowTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene()

    def record(
        self, status: str, reason: str, outputs: list[Any]
    ) -> StackRecord:
        """What is published of the stack as it is now."""
        info = self.scene.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        return StackRecord(
            id='network:n1',
            tenant_id=scene.TENANT,
            stack_id=scene.NAME,
            stack_status=status,
            status_reason=reason,
            output=outputs,
            mark=StackMark(info.id, info.changed_at),
        )

    def run_create(self) -> Done:
        outcome = self.scene.run(scene.job())
        assert isinstance(outcome, Done), outcome
        return outcome


class CreateTest(FlowTestCase):
    def test_create_publishes_stack_and_outputs(self) -> None:
        outcome = self.run_create()
        self.assertEqual(
            {
                'heat_outputs': OUTPUTS,
                'orchestration_state': 'CREATE_COMPLETE',
            },
            outcome.results,
        )
        self.assertEqual(
            self.record(
                'CREATE_COMPLETE',
                'Stack CREATE completed successfully',
                OUTPUTS,
            ),
            outcome.stack,
        )

    def test_create_needs_few_requests(self) -> None:
        self.scene.stacks.seconds = 0
        self.run_create()
        self.assertEqual(
            {'create': 1, 'status': 1, 'outputs': 1},
            dict(self.scene.stacks.requests),
        )

    def test_start_does_not_wait_for_heat(self) -> None:
        job = scene.job()
        outcome = self.scene.handler.start(job)
        self.assertIsInstance(outcome, InProgress)
        self.assertEqual('CREATE_IN_PROGRESS', self.scene.status())

    def test_finished_create_run_again_changes_nothing(self) -> None:
        first = self.run_create()
        self.scene.restart()
        self.scene.stacks.requests.clear()
        again = self.scene.handler.start(scene.job())
        self.assertEqual(first, again)
        self.assertEqual(
            {'create': 1, 'find': 1, 'outputs': 1},
            dict(self.scene.stacks.requests),
        )
        self.assertEqual(1, self.scene.stacks.accepted['CREATE'])

    def test_other_stack_of_the_name_is_adopted_by_an_update(self) -> None:
        self.run_create()
        outcome = self.scene.run(
            scene.job(params=[scene.value('name', 'red')])
        )
        assert isinstance(outcome, Done)
        self.assertEqual(
            'UPDATE_COMPLETE', outcome.results['orchestration_state']
        )

    def test_failed_create_is_replaced(self) -> None:
        self.run_create()
        self.scene.stacks.end(scene.TENANT, scene.NAME, 'CREATE_FAILED', 'no')
        outcome = self.run_create()
        self.assertEqual(
            'CREATE_COMPLETE', outcome.results['orchestration_state']
        )
        self.assertEqual(1, self.scene.stacks.requests['delete'])

    def test_name_that_is_still_taken_is_tried_again_soon(self) -> None:
        self.run_create()
        self.scene.stacks.name_lag = 1
        self.scene.run(scene.job(Action.DELETE, version=2))
        job = scene.job(version=3)
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Retry)
        assert outcome.after is not None
        self.assertLess(outcome.after, 1.0)
        self.assertIsInstance(self.scene.run(job), Done)


class ModifyTest(FlowTestCase):
    def modify(self, name: str = 'red') -> Done:
        outcome = self.scene.run(
            scene.job(Action.MODIFY, [scene.value('name', name)], version=2)
        )
        assert isinstance(outcome, Done), outcome
        return outcome

    def test_modify_updates_the_stack(self) -> None:
        self.run_create()
        outcome = self.modify()
        assert outcome.stack is not None
        self.assertEqual(
            ('UPDATE_COMPLETE', 'Stack successfully updated', 'red'),
            (
                outcome.stack.stack_status,
                outcome.stack.status_reason,
                outcome.stack.outputs()['name'],
            ),
        )

    def test_modify_without_a_change_still_ends_as_an_update(self) -> None:
        self.run_create()
        outcome = self.modify('blue')
        self.assertEqual(
            'UPDATE_COMPLETE', outcome.results['orchestration_state']
        )

    def test_finished_modify_run_again_changes_nothing(self) -> None:
        self.run_create()
        self.modify()
        self.scene.stacks.requests.clear()
        self.modify()
        self.assertEqual(0, self.scene.stacks.requests['update'])

    def test_modify_of_a_missing_stack_creates_it(self) -> None:
        outcome = self.modify()
        self.assertEqual(
            'CREATE_COMPLETE', outcome.results['orchestration_state']
        )

    def test_modify_replaces_a_failed_creation(self) -> None:
        self.run_create()
        self.scene.stacks.end(scene.TENANT, scene.NAME, 'CREATE_FAILED', 'no')
        outcome = self.modify()
        self.assertEqual(
            'CREATE_COMPLETE', outcome.results['orchestration_state']
        )

    def test_modify_heals_a_failed_update(self) -> None:
        self.run_create()
        self.scene.stacks.end(scene.TENANT, scene.NAME, 'UPDATE_FAILED', 'no')
        outcome = self.modify()
        self.assertEqual(
            'UPDATE_COMPLETE', outcome.results['orchestration_state']
        )
        self.assertEqual(0, self.scene.stacks.requests['delete'])

    def test_modify_waits_for_a_deletion_and_creates(self) -> None:
        self.run_create()
        info = self.scene.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.scene.stacks.delete(scene.TENANT, scene.NAME, info.id, 9.0)
        outcome = self.modify()
        self.assertEqual(
            'CREATE_COMPLETE', outcome.results['orchestration_state']
        )
        self.assertEqual(1, self.scene.stacks.requests['delete'])

    def test_modify_waits_for_what_is_in_progress(self) -> None:
        self.scene.handler.start(scene.job())
        outcome = self.modify()
        self.assertEqual(
            'UPDATE_COMPLETE', outcome.results['orchestration_state']
        )


class DeleteTest(FlowTestCase):
    def delete(self, action: Action = Action.LOGICAL_DELETE) -> Done:
        outcome = self.scene.run(scene.job(action, version=2))
        assert isinstance(outcome, Done), outcome
        return outcome

    def test_delete_publishes_that_the_stack_is_gone(self) -> None:
        self.run_create()
        outcome = self.delete()
        self.assertEqual('absent', self.scene.status())
        self.assertEqual(
            Done(
                {
                    'heat_outputs': [],
                    'orchestration_state': 'DELETE_COMPLETE',
                },
                StackRecord(
                    'network:n1', scene.TENANT, '', 'DELETE_COMPLETE', ''
                ),
            ),
            outcome,
        )

    def test_delete_of_a_missing_stack_is_done_at_once(self) -> None:
        outcome = self.scene.handler.start(scene.job(Action.DELETE))
        self.assertIsInstance(outcome, Done)

    def test_delete_does_not_wait_for_a_creation(self) -> None:
        self.scene.handler.start(scene.job())
        self.delete(Action.DELETE)
        self.assertEqual('absent', self.scene.status())

    def test_delete_needs_no_template_and_no_outputs(self) -> None:
        router = ResourceRef('router', 'r1')
        params = [
            scene.output('other', scene.NETWORK, 'id'),
            scene.value('heat_timeout', 'soon'),
        ]
        outcome = self.scene.run(
            scene.job(Action.LOGICAL_DELETE, params, router)
        )
        self.assertIsInstance(outcome, Done)

    def test_failing_delete_is_repeated_and_then_told(self) -> None:
        self.run_create()
        job = scene.job(Action.LOGICAL_DELETE, version=2)
        outcome = self.scene.handler.start(job)
        for _ in range(3):
            self.assertIsInstance(outcome, InProgress)
            self.scene.stacks.end(
                scene.TENANT, scene.NAME, 'DELETE_FAILED', 'in use'
            )
            outcome = self.scene.poll(job)
        assert isinstance(outcome, Failed)
        self.assertEqual('StackFailed: in use', outcome.error)
        self.assertEqual(
            'DELETE_ERROR', outcome.results['orchestration_state']
        )
        self.assertEqual(3, self.scene.stacks.requests['delete'])


class FailureTest(FlowTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene(FAILING)

    def test_failed_create_tells_heats_reason(self) -> None:
        outcome = self.scene.run(scene.job())
        reason = (
            'Resource CREATE failed: ValueError: resources.thing: '
            'Test Resource failed thing'
        )
        self.assertEqual(
            Failed(
                f'StackFailed: {reason}',
                {'heat_outputs': [], 'orchestration_state': 'CREATE_ERROR'},
                self.record('CREATE_FAILED', reason, []),
            ),
            outcome,
        )

    def test_failed_modify_keeps_the_last_outputs(self) -> None:
        self.scene.publish(
            'v2.0/networks/n1',
            {
                'id': 'network:n1',
                'tenant_id': scene.TENANT,
                'stack_id': scene.NAME,
                'stack_status': 'CREATE_COMPLETE',
                'status_reason': '',
                'output': OUTPUTS,
            },
        )
        outcome = self.scene.run(scene.job(Action.MODIFY, version=2))
        assert isinstance(outcome, Failed)
        assert outcome.stack is not None
        self.assertEqual(OUTPUTS, outcome.stack.output)
        self.assertEqual([], outcome.results['heat_outputs'])
        self.assertEqual(
            'MODIFY_ERROR', outcome.results['orchestration_state']
        )

    def test_refusal_is_told_and_changes_no_record(self) -> None:
        self.scene.stacks.refusal = 'HTTP 403: quota exceeded'
        outcome = self.scene.handler.start(scene.job())
        self.assertEqual(
            Failed(
                'HeatRefused: HTTP 403: quota exceeded',
                {'heat_outputs': [], 'orchestration_state': 'CREATE_ERROR'},
            ),
            outcome,
        )

    def test_secrets_do_not_reach_the_error(self) -> None:
        self.scene.stacks.refusal = 'HTTP 400: "hunter2!" is too short'
        outcome = self.scene.handler.start(
            scene.job(params=[scene.value('config', {'password': 'hunter2!'})])
        )
        assert isinstance(outcome, Failed)
        self.assertEqual(
            'HeatRefused: HTTP 400: "***" is too short', outcome.error
        )
