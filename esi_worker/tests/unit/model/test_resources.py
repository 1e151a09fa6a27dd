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
    AcceptedConfig,
    Config,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.tests.unit.model import seed

KEY = '/config/v2.0/ports/p1'
PORT = ResourceType('port', 'ports', '/v2.0/ports')


class ConfigTest(testtools.TestCase):
    def test_a_body_that_is_an_object_stays_one(self) -> None:
        config = Config.decode(seed.CONFIG, seed.text(seed.CONFIG))

        self.assertEqual(3, config.version)
        self.assertFalse(config.body_as_text)
        self.assertEqual(seed.text(seed.CONFIG), config.encode())

    def test_a_body_that_is_text_stays_text(self) -> None:
        value = seed.value(seed.CONFIG)
        text = json.dumps(
            {**value, 'body': json.dumps(value['body'], sort_keys=True)},
            sort_keys=True,
        )

        config = Config.decode(seed.CONFIG, text)

        self.assertTrue(config.body_as_text)
        self.assertEqual(value['body'], config.body)
        self.assertEqual(text, config.encode())

    def test_unknown_fields_survive(self) -> None:
        text = (
            '{"body": {}, "marked_for_deletion": true, '
            '"tags": [1], "version": 1}'
        )
        config = Config.decode(KEY, text)

        self.assertTrue(config.marked_for_deletion)
        self.assertEqual(text, config.encode())

    def test_a_missing_mark_means_false(self) -> None:
        config = Config.decode(KEY, '{"body": {}, "version": 1}')
        self.assertFalse(config.marked_for_deletion)

    def test_what_cannot_be_decoded_names_key_and_field(self) -> None:
        cases = {
            '': 'JSON',
            '[]': 'object',
            '{"body": "{", "version": 1}': '"body"',
            '{"body": [], "version": 1}': '"body"',
            '{"version": 1}': '"body"',
            '{"body": {}}': '"version"',
            '{"body": {}, "version": "1"}': '"version"',
            '{"body": {}, "version": true}': '"version"',
            '{"body": {}, "version": 1, "marked_for_deletion": 1}': (
                '"marked_for_deletion"'
            ),
        }
        for text, named in cases.items():
            error = self.assertRaises(
                exceptions.DecodeError, Config.decode, KEY, text
            )
            self.assertIn(KEY, str(error))
            self.assertIn(named, str(error))

    def test_an_accepted_config_is_a_copy(self) -> None:
        config = Config({'id': 'p1'}, 2, marked_for_deletion=True)

        accepted = AcceptedConfig.of(config)

        text = accepted.encode()
        self.assertEqual(
            '{"body": {"id": "p1"}, "deleted": true, "version": 2}', text
        )
        self.assertEqual(accepted, AcceptedConfig.decode(KEY, text))
        self.assertEqual(config, accepted.as_config())


class TypeRegistryTest(testtools.TestCase):
    def test_paths_and_keys_belong_together(self) -> None:
        types = TypeRegistry([PORT])

        self.assertEqual(
            'v2.0/ports/p1', types.path(ResourceRef('port', 'p1'))
        )
        self.assertEqual((PORT, 'p1'), types.locate('v2.0/ports/p1'))

    def test_the_longest_prefix_wins(self) -> None:
        inner = ResourceType('inner', 'inner', '/v2.0/ports/inner')
        types = TypeRegistry([PORT, inner])

        self.assertEqual((inner, 'p1'), types.locate('v2.0/ports/inner/p1'))
        self.assertEqual((PORT, 'a/b'), types.locate('v2.0/ports/a/b'))

    def test_unknown_paths_belong_to_nothing(self) -> None:
        types = TypeRegistry([PORT])

        for path in ('', 'v2.0', 'v2.0/ports', 'v2.0/ports/', 'v1/x/y'):
            self.assertIsNone(types.locate(path))
        self.assertIsNone(types.path(ResourceRef('subnet', 's1')))

    def test_a_type_takes_the_place_of_its_namesake(self) -> None:
        types = TypeRegistry([PORT])
        moved = ResourceType('port', 'ports', '/v3/ports')

        types.add(moved)

        self.assertIsNone(types.locate('v2.0/ports/p1'))
        self.assertEqual((moved, 'p1'), types.locate('v3/ports/p1'))
        self.assertEqual(1, len(types))
