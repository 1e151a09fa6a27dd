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

from typing import Any

import requests
import requests_mock

from esi_worker import exceptions
from esi_worker.templates import schemas
from esi_worker.tests.unit.test_templates_loading import LoadingTest

URL = 'http://server.example:9091/gohan/v0.1/schemas'


def schema(**changes: Any) -> dict[str, Any]:
    return {
        'id': 'thing',
        'plural': 'things',
        'prefix': '/v1.0/things',
        'metadata': {'template_path': 'Cthing_by_schema'},
        'schema': {
            'properties': {
                'id': {},
                'name': {},
                'net_id': {'relation': 'network'},
                'items': {'items': {'relation': 'port'}},
                'ends': {
                    'items': {'properties': {'port_id': {'relation': 'port'}}}
                },
                'peer': {'properties': {'id': {'relation': 'thing'}}},
            }
        },
        **changes,
    }


class SchemasTest(LoadingTest):
    def test_they_add_types_relations_and_choices(self) -> None:
        source = self.write('schemas.json', {'schemas': [schema()]})

        ours = self.load(schemas=source)

        located = ours.types.locate('v1.0/things/t1')
        assert located is not None
        type_, id_ = located
        self.assertEqual(('thing', 't1'), (type_.name, id_))
        self.assertEqual({'net_id': 'network'}, type_.relations)
        self.assertEqual(
            {'items[]': 'port', 'ends[].port_id': 'port', 'peer.id': 'thing'},
            type_.nested,
        )
        self.assertEqual(
            {'id', 'name', 'net_id', 'items', 'ends', 'peer'}, type_.fields
        )
        found = ours.choose('heat_worker', 'thing', {}, 1)
        self.assertEqual('thing_by_schema', found)

    def test_they_win_over_a_driver_file(self) -> None:
        source = self.write('schemas.json', [schema()])

        ours = self.load(schemas=source, template_paths=[self.add_thing()])

        type_ = ours.types.get('thing')
        assert type_ is not None
        self.assertEqual('/v1.0/things', type_.prefix)
        self.assertEqual(
            {'net_id': 'network', 'port_id': 'port'}, type_.relations
        )
        self.assertEqual(
            ['thing_by_schema', 'thing_monitoring'],
            [
                ours.choose(handler, 'thing', {}, 1)
                for handler in ('heat_worker', 'monitoring_worker')
            ],
        )

    def test_a_schema_without_choice_leaves_the_driver_file_its(self) -> None:
        source = self.write('schemas.json', [schema(metadata={})])

        ours = self.load(schemas=source, template_paths=[self.add_thing()])

        self.assertEqual('thing', ours.choose('heat_worker', 'thing', {}, 1))

    def test_what_is_wrong_is_named(self) -> None:
        cases: list[tuple[Any, str]] = [
            ('{', 'JSON'),
            ({'schemas': {}}, '"schemas" must be a list'),
            ([1], 'schemas[0] is no object'),
            ([schema(), schema(id=None)], 'schemas[1] (None).id'),
            ([schema(prefix='')], '(thing).prefix'),
            ([schema(schema=[])], '(thing).schema'),
            ([schema(metadata={'template_path': 'X'})], '.template_path: '),
        ]
        for content, named in cases:
            source = self.write('schemas.json', content)
            text = self.refused(schemas=source)
            self.assertIn(source, text)
            self.assertIn(named, text)
            self.assertIn('[resources]', text)

    def test_an_absent_file_is_refused(self) -> None:
        self.assertIn('/no/file', self.refused(schemas='/no/file'))

    def test_the_server_is_asked_again_until_it_answers(self) -> None:
        waits: list[float] = []
        with requests_mock.Mocker() as server:
            server.get(
                URL,
                [
                    {'exc': requests.ConnectionError},
                    {'status_code': 503},
                    {'text': 'not yet'},
                    {'json': {'schemas': [schema()]}},
                ],
            )
            found = schemas.load(URL, waits.append)

        self.assertEqual(['thing'], [item.type.name for item in found])
        self.assertEqual([1, 2, 4], waits)

    def test_a_server_that_never_answers_is_reported(self) -> None:
        waits: list[float] = []
        with requests_mock.Mocker() as server:
            server.get(URL, status_code=500)
            error = self.assertRaises(
                exceptions.ConfigurationError, schemas.load, URL, waits.append
            )

        self.assertEqual([1, 2, 4, 8, 16], waits)
        self.assertIn(URL, str(error))
        self.assertIn('HTTP status 500', str(error))
