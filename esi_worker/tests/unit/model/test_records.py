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

from __future__ import annotations

import json

import testtools

from esi_worker import exceptions
from esi_worker.model import (
    Action,
    JobState,
    PublishedState,
    ResourceRef,
    StackRecord,
    WorkerRecord,
)
from esi_worker.model.records import (
    MAX_ERROR,
    decode_finished,
    encode_finished,
)
from esi_worker.store import StateShape
from esi_worker.tests.unit.model import seed


class StackRecordTest(testtools.TestCase):
    def test_the_recorded_stack_is_read_and_written_unchanged(self) -> None:
        stack = StackRecord.decode(seed.STACK, seed.text(seed.STACK))

        self.assertEqual(seed.text(seed.STACK), stack.encode())
        self.assertEqual(
            'f68d0924-ef20-4c1b-ac45-0e6b879af5e7', stack.outputs()['id']
        )

    def test_unknown_fields_survive(self) -> None:
        text = json.dumps(
            {**seed.value(seed.STACK), 'digest': 'abc'}, sort_keys=True
        )
        self.assertEqual(text, StackRecord.decode('', text).encode())

    def test_a_missing_field_is_named(self) -> None:
        for name in seed.value(seed.STACK):
            value = dict(seed.value(seed.STACK))
            del value[name]
            error = self.assertRaises(
                exceptions.DecodeError,
                StackRecord.decode,
                seed.STACK,
                json.dumps(value),
            )
            self.assertIn(seed.STACK, str(error))
            self.assertIn(f'"{name}"', str(error))

    def test_a_deleted_stack_has_neither_id_nor_outputs(self) -> None:
        stack = StackRecord.deleted(ResourceRef('port', 'p1'), 'tenant')

        self.assertEqual(
            '{"id": "port:p1", "output": [], "stack_id": "", '
            '"stack_status": "DELETE_COMPLETE", "status_reason": "", '
            '"tenant_id": "tenant"}',
            stack.encode(),
        )


class PublishedStateTest(testtools.TestCase):
    def test_the_recorded_state_follows_from_the_job_state(self) -> None:
        results = JobState.decode(
            seed.JOB_STATE, json.dumps(seed.value(seed.JOB_STATE))
        )

        state = PublishedState.completed(Action.MODIFY, 3, results)

        self.assertEqual(seed.value(seed.STATE), json.loads(state.encode()))
        self.assertEqual(seed.text(seed.STATE), state.encode())

    def test_the_state_can_be_one_string(self) -> None:
        state = PublishedState(2, {'b': '[]', 'a': 'x'}, 'wrong')

        text = state.encode(StateShape.STRING)

        self.assertEqual(
            {
                'version': 2,
                'error': 'wrong',
                'state': '{"a": "x", "b": "[]"}',
            },
            json.loads(text),
        )
        self.assertEqual(state, PublishedState.decode('', text))

    def test_a_state_of_plain_text_is_read(self) -> None:
        text = '{"error": "", "state": "Alice exists", "version": 1}'

        state = PublishedState.decode('', text)

        self.assertEqual({'worker_state': 'Alice exists'}, state.state)

    def test_results_of_several_jobs_are_merged(self) -> None:
        first = JobState().merged({'heat_outputs': [1], 'a': 1})

        both = first.merged({'a': 2, 'state_monitoring': {}})

        self.assertEqual(
            '{"a": 2, "heat_outputs": [1], "state_monitoring": {}}',
            both.encode(),
        )

    def test_a_resource_without_work_is_read(self) -> None:
        self.assertEqual(
            '{"error": "", "state": {"worker_state": "READ_COMPLETE"}, '
            '"version": 7}',
            PublishedState.read_complete(7).encode(),
        )

    def test_a_failure_says_which_action_failed(self) -> None:
        state = PublishedState.failed(
            Action.LOGICAL_DELETE, 2, JobState(), 'Boom: ' + 'x' * 9999
        )

        self.assertEqual(
            {
                'heat_outputs': '[]',
                'orchestration_state': 'DELETE_ERROR',
                'worker_state': 'DELETE_FAILED',
            },
            state.state,
        )
        self.assertEqual(MAX_ERROR, len(state.error))

    def test_unknown_fields_survive(self) -> None:
        text = '{"error": "", "extra": 1, "state": {"a": "b"}, "version": 1}'
        self.assertEqual(text, PublishedState.decode('', text).encode())

    def test_what_cannot_be_decoded_names_the_key(self) -> None:
        for text in ('{', '[]', '{"state": {}, "version": 1}'):
            error = self.assertRaises(
                exceptions.DecodeError,
                PublishedState.decode,
                seed.STATE,
                text,
            )
            self.assertIn(seed.STATE, str(error))


class FinishedTest(testtools.TestCase):
    def test_success_is_empty(self) -> None:
        self.assertEqual('', encode_finished(None))
        self.assertIsNone(decode_finished('', ''))

    def test_an_error_is_a_list_of_one_text(self) -> None:
        self.assertEqual('["no"]', encode_finished('no'))
        self.assertEqual('no', decode_finished('', '["no"]'))

    def test_what_others_write_counts_as_a_failure(self) -> None:
        self.assertEqual('plain', decode_finished('', 'plain'))
        self.assertEqual('a; b', decode_finished('', '["a", "b"]'))
        self.assertEqual('1', decode_finished('', '1'))


class WorkerRecordTest(testtools.TestCase):
    def test_a_worker_shows_what_it_offers(self) -> None:
        text = (
            '{"free": 3, "handlers": ["noop"], "slots": 4, '
            '"starting": ["a"], "version": "1"}'
        )
        record = WorkerRecord.decode('', text)

        self.assertEqual(('noop',), record.handlers)
        self.assertEqual(text, record.encode())
