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

"""The description of the HTTP API."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import testtools

from esi_worker.tests.unit.collector import support


class TestDescription(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        response = self.setting.client.simulate_get('/openapi.json')
        self.document = support.decoded(response)

    def schema(self, name: str) -> Any:
        """A component with everything it refers to."""
        return {
            '$ref': f'#/components/schemas/{name}',
            'components': self.document['components'],
        }

    def test_names_every_route(self) -> None:
        self.assertEqual(
            {
                '/targets': {'get', 'post'},
                '/targets/{target_id}': {
                    'parameters',
                    'get',
                    'put',
                    'delete',
                },
            },
            {path: set(item) for path, item in self.document['paths'].items()},
        )

    def test_its_schemas_are_schemas(self) -> None:
        for name in self.document['components']['schemas']:
            jsonschema.Draft202012Validator.check_schema(self.schema(name))

    def test_a_usual_target_fits(self) -> None:
        jsonschema.validate(support.body(), self.schema('NewTarget'))

    def test_answers_fit(self) -> None:
        shown = support.decoded(self.setting.post())
        self.setting.poll()
        path = f'/targets/{shown["id"]}'
        detailed = support.decoded(self.setting.client.simulate_get(path))
        listed = support.decoded(self.setting.client.simulate_get('/targets'))

        jsonschema.validate(shown, self.schema('Target'))
        jsonschema.validate(detailed, self.schema('TargetWithValues'))
        jsonschema.validate(listed, self.schema('TargetList'))
        self.assertEqual(1, len(detailed['values']))

    def test_a_target_needs_what_its_type_needs(self) -> None:
        cases: list[Any] = [
            {'properties': {}},
            {'type': 'toaster'},
            {'version': 2**31},
            {'resource_id': 'a b'},
            {'resource_id': 'a\n'},
            {'resource_type': 'a\n'},
            {'colour': 'red'},
            {'syncer_properties': {'etcd': {}}},
        ]
        for changes in cases:
            body = json.loads(json.dumps(support.body(**changes)))
            self.assertRaises(
                jsonschema.ValidationError,
                jsonschema.validate,
                body,
                self.schema('NewTarget'),
            )
            response = self.setting.client.simulate_post('/targets', json=body)
            self.assertEqual(400, response.status_code, str(changes))
