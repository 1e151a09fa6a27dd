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

"""What a preview of a job tells, and that it changes nothing."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.handlers import Change, Difference
from esi_worker.handlers.heat import errors
from esi_worker.model import Action, Job
from esi_worker.tests.unit.handlers.heat import scene

TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  name: {type: string, default: blue}
  key: {type: string, default: '', hidden: true}
  rules: {type: json, default: {}}
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: name}
      wait_secs: {get_param: [rules, first, seconds]}
      client_name: {list_join: ['-', [fixed, {get_param: name}]]}
  other:
    type: OS::Heat::RandomString
    properties: {salt: {get_param: key}}
outputs:
  id: {value: {get_param: name}}
"""
THING = 'OS::Heat::TestResource'


class PreviewTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene(TEMPLATE, seconds=0)

    def job(
        self, action: Action = Action.MODIFY, version: int = 2, **params: Any
    ) -> Job:
        values = [scene.value(name, value) for name, value in params.items()]
        return scene.job(action, values, version=version)

    def create(self, **params: Any) -> None:
        self.scene.run(self.job(Action.CREATE, 1, **params))
        self.scene.stacks.requests.clear()

    def preview(self, job: Job) -> list[Difference]:
        found = list(self.scene.handler.preview(job))
        changes = {'create', 'update', 'delete'}
        self.assertEqual(set(), changes & self.scene.stacks.requests.keys())
        return found

    def test_changed_property_is_shown_with_both_values(self) -> None:
        self.create(name='blue')
        found = self.preview(self.job(name='red'))
        self.assertIn(
            Difference('thing', THING, Change.UPDATE, 'value', 'blue', 'red'),
            found,
        )

    def test_parameter_within_an_expression_is_filled_in(self) -> None:
        self.create(name='blue')
        found = self.preview(self.job(name='red'))
        (difference,) = (e for e in found if e.field == 'client_name')
        self.assertEqual(
            '{"list_join": ["-", ["fixed", "red"]]}', difference.after
        )

    def test_part_of_a_parameter_is_filled_in(self) -> None:
        self.create(rules={'first': {'seconds': 1}})
        found = self.preview(self.job(rules={'first': {'seconds': 2}}))
        self.assertEqual(
            [Difference('thing', THING, Change.UPDATE, 'wait_secs', '1', '2')],
            found,
        )

    def test_default_stands_for_a_missing_or_null_parameter(self) -> None:
        self.create(name='blue')
        self.assertEqual([], self.preview(self.job()))
        self.assertEqual([], self.preview(self.job(name=None)))

    def test_changed_output_is_shown(self) -> None:
        self.create(name='blue')
        found = self.preview(self.job(name='red'))
        self.assertIn(
            Difference(
                '(outputs)', 'output', Change.UPDATE, 'id', 'blue', 'red'
            ),
            found,
        )

    def test_missing_stack_would_be_created(self) -> None:
        found = self.preview(self.job(name='blue'))
        self.assertEqual({Change.ADD}, {each.change for each in found})
        self.assertEqual(
            {'thing', 'other', '(outputs)'}, {each.part for each in found}
        )

    def test_deletion_takes_every_resource_away(self) -> None:
        self.create()
        found = self.preview(self.job(Action.LOGICAL_DELETE))
        self.assertEqual(
            {('thing', Change.DELETE), ('other', Change.DELETE)},
            {(each.part, each.change) for each in found},
        )

    def test_deletion_of_a_missing_stack_changes_nothing(self) -> None:
        self.assertEqual([], self.preview(self.job(Action.DELETE)))

    def test_hidden_parameters_and_secrets_are_not_shown(self) -> None:
        self.create(key='hunter2', name='the-password')
        found = self.preview(self.job(key='hunter3', name='the-password'))
        (difference,) = found
        self.assertEqual(
            ('salt', '***', '***'),
            (difference.field, difference.before, difference.after),
        )

    def test_broken_template_is_told(self) -> None:
        self.scene = scene.Scene('heat_template_version: [', seconds=0)
        self.assertRaises(
            errors.HeatRefused, self.scene.handler.preview, self.job()
        )
