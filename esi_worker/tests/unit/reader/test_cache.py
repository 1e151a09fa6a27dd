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

"""The desired state of all resources in memory."""

from __future__ import annotations

import json
from typing import Any

import fixtures
import testtools

from esi_worker import reader, store
from esi_worker.model import ResourceRef, TypeRegistry
from esi_worker.tests.cluster import NETWORK, PORT

N = ResourceRef('network', 'n')


def kv(
    path: str, value: str | None = None, revision: int = 1, **body: Any
) -> store.KeyValue:
    if value is None:
        value = json.dumps({'body': json.dumps(body), 'version': 1})
    return store.KeyValue(f'/config/{path}', value, revision, revision, 1)


class CacheTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        types = TypeRegistry((NETWORK, PORT))
        self.cache = reader.ConfigCache(types, store.KeyLayout())

    def test_a_config_can_be_looked_up(self) -> None:
        self.assertEqual(N, self.cache.put(kv('v2.0/networks/n', a=1)))
        found = self.cache.get(N)
        assert found is not None
        self.assertEqual((1, {'a': 1}), (found.version, found.body))
        self.assertEqual({'a': 1}, self.cache.body(N))
        self.assertEqual((1, 1), (found.create_revision, found.mod_revision))

    def test_what_is_removed_is_gone(self) -> None:
        self.cache.put(kv('v2.0/networks/n'))
        self.assertEqual(N, self.cache.remove('/config/v2.0/networks/n'))
        self.assertIsNone(self.cache.get(N))
        self.assertIsNone(self.cache.body(N))
        self.assertEqual(set(), self.cache.refs())

    def test_a_value_that_cannot_be_read_keeps_the_last_good_one(
        self,
    ) -> None:
        self.cache.put(kv('v2.0/networks/n', a=1))
        self.assertEqual(N, self.cache.put(kv('v2.0/networks/n', '{', 2)))
        self.assertEqual({'a': 1}, self.cache.body(N))
        self.assertIsNotNone(self.cache.broken(N))
        self.cache.put(kv('v2.0/networks/n', a=2))
        self.assertEqual({'a': 2}, self.cache.body(N))
        self.assertIsNone(self.cache.broken(N))

    def test_one_that_was_never_good_is_known_all_the_same(self) -> None:
        self.cache.put(kv('v2.0/networks/n', '[]'))
        self.assertIsNone(self.cache.get(N))
        self.assertEqual({N}, self.cache.refs())

    def test_a_broken_one_can_be_removed(self) -> None:
        self.cache.put(kv('v2.0/networks/n', '[]'))
        self.cache.remove('/config/v2.0/networks/n')
        self.assertIsNone(self.cache.broken(N))
        self.assertEqual(set(), self.cache.refs())

    def test_paths_of_no_known_type_are_told_of_once(self) -> None:
        for name in 'ab':
            self.assertIsNone(
                self.cache.put(kv(f'gohan/v0.1/policies/{name}'))
            )
        self.assertIsNone(self.cache.remove('/config/gohan/v0.1/policies/a'))
        self.assertEqual(1, self.log.output.count('of no known type'))
        self.assertEqual(0, len(self.cache))

    def test_keys_elsewhere_are_none_of_ours(self) -> None:
        self.assertIsNone(self.cache.remove('/state/v2.0/networks/n'))

    def test_ids_are_taken_byte_by_byte(self) -> None:
        for name in 'a b', 'a/b', 'x/', '%2F', 'ä', '/':
            ref = self.cache.put(kv(f'v2.0/networks/{name}'))
            self.assertEqual(ResourceRef('network', name), ref)

    def test_secrets_of_broken_configs_stay_out_of_the_log(self) -> None:
        self.cache.put(kv('v2.0/networks/n', '{"body": "password=hush"'))
        self.cache.put(
            kv('v2.0/networks/n', '{"body": "password=hush", "version": 1}')
        )
        self.assertNotIn('hush', self.log.output)
