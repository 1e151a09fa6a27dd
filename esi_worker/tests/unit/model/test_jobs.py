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
import random
from typing import Any

import testtools

from esi_worker import exceptions
from esi_worker.model import (
    Action,
    Job,
    OnFailure,
    Param,
    ParamType,
    ResourceRef,
)
from esi_worker.model.jobs import new_job_id
from esi_worker.tests.unit.model import seed


class JobTest(testtools.TestCase):
    def test_the_recorded_job_is_read_and_written_unchanged(self) -> None:
        job = Job.decode(seed.JOB, seed.text(seed.JOB))

        self.assertEqual(seed.text(seed.JOB), job.encode())
        self.assertIs(Action.MODIFY, job.action)
        self.assertIs(OnFailure.FAIL, job.on_failure)
        self.assertEqual(
            {
                ResourceRef('network', '774acf45-316f-4431-b31b-08770b76d761'),
                ResourceRef('subnet', 'c2c9520b-026d-444a-8db9-c1cb9d71c130'),
            },
            job.refs,
        )

    def test_fields_we_do_not_know_survive(self) -> None:
        record = seed.value(seed.JOB)
        fields = {**record[1], 'watch': ['x']}
        text = json.dumps([record[0], fields, 2], sort_keys=True)

        job = Job.decode(seed.JOB, text)

        self.assertEqual(2, job.attempt)
        self.assertEqual(text, job.encode())

    def test_a_missing_or_wrong_field_is_named(self) -> None:
        record = seed.value(seed.JOB)
        wrong: dict[str, Any] = {
            'action': 'jump',
            'dependency': 'none',
            'is_first': 1,
            'on_failure': 'retry',
            'params': {},
            'resource_input': '{}',
            'version': '3',
        }
        for name, value in wrong.items():
            fields = {**record[1], name: value}
            self._assert_named(name, [record[0], fields, 0])
        for name in wrong:
            fields = {k: v for k, v in record[1].items() if k != name}
            self._assert_named(name, [record[0], fields, 0])

    def _assert_named(self, name: str, record: list[Any]) -> None:
        error = self.assertRaises(
            exceptions.DecodeError, Job.decode, seed.JOB, json.dumps(record)
        )
        self.assertIn(seed.JOB, str(error))
        self.assertIn(f'"{name}"', str(error))

    def test_another_shape_is_refused(self) -> None:
        for text in ('', '{}', '["heat_worker", {}]', '["h", {}, "0"]'):
            error = self.assertRaises(
                exceptions.DecodeError, Job.decode, seed.JOB, text
            )
            self.assertIn(seed.JOB, str(error))

    def test_an_unknown_kind_of_parameter_is_refused(self) -> None:
        record = {'param': 'a', 'type': 'file', 'value': 1, 'resources': []}

        error = self.assertRaises(
            exceptions.DecodeError, Param.from_json, 'a key', record
        )

        self.assertIn('"file"', str(error))

    def test_lists_of_parameters_are_nested(self) -> None:
        inner = Param('a', ParamType.VALUE, 1)
        param = Param(
            'a', ParamType.LIST, (inner,), (ResourceRef('port', 'p'),)
        )

        self.assertEqual(param, Param.from_json('', param.to_json()))
        self.assertEqual([inner.to_json()], param.to_json()['value'])

    def test_job_ids_end_in_five_random_characters(self) -> None:
        ref = ResourceRef('port', 'p1')
        source = random.Random(1)

        first = new_job_id(Action.CREATE, 'heat_worker', ref, 3, source)
        second = new_job_id(Action.CREATE, 'heat_worker', ref, 3, source)

        pattern = r'create:heat_worker:port:p1:3:[a-z0-9]{5}'
        self.assertRegex(first, f'^{pattern}$')
        self.assertNotEqual(first, second)

    def test_both_deletions_are_published_as_delete(self) -> None:
        self.assertEqual('DELETE', Action.LOGICAL_DELETE.verb)
        self.assertEqual('DELETE', Action.DELETE.verb)
        self.assertEqual('MODIFY', Action.MODIFY.verb)
        self.assertTrue(Action.LOGICAL_DELETE.deletes)
        self.assertFalse(Action.CREATE.deletes)
