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

"""The fake REST server keeps to the tables of the reference."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import testtools

from esi_worker import exceptions, store
from esi_worker.tests import rest_server
from esi_worker.tests.conformance import traces
from esi_worker.tests.rest_server import Row, with_monitoring, with_state

PATH = 'v1.0/things/u1'
CONFIG = f'/config/{PATH}'
STATE = f'/state_watch/state/{PATH}'
MONITORING = f'/state_watch/monitoring/{PATH}'
KEYS = store.KeyLayout(
    state_prefix='/state_watch/state',
    monitoring_prefix='/state_watch/monitoring',
)


def row(config: int, state: int, error: str = '', text: str = '') -> Row:
    return Row(
        {},
        config_version=config,
        state_version=state,
        error=error,
        state=text,
    )


class StateTest(testtools.TestCase):
    """Table 2.2 of the reference, with its consequences."""

    def check(self, before: Row, value: Any, after: Row) -> None:
        found = with_state(before, json.dumps(value))
        self.assertEqual(dataclasses.replace(after, seen=found.seen), found)

    def test_progress_is_told_while_it_has_not_converged(self) -> None:
        value = {'version': 0, 'error': 'e0', 'state': {'a': 1}}
        self.check(row(1, 0), value, row(1, 0, 'e0'))

    def test_the_config_version_is_the_final_word(self) -> None:
        value = {'version': 1, 'error': 'boom', 'state': 'failed'}
        self.check(row(1, 0), value, row(1, 1, 'boom', 'failed'))

    def test_nothing_is_accepted_after_it(self) -> None:
        before = row(1, 1, 'boom', 'failed')
        self.check(before, {'version': 1, 'error': '', 'state': ''}, before)

    def test_an_equal_version_is_accepted_after_an_update(self) -> None:
        value = {'version': 1, 'error': 'retrying', 'state': 'x'}
        self.check(row(2, 1), value, row(2, 1, 'retrying', 'x'))

    def test_an_older_version_is_ignored(self) -> None:
        value = {'version': 0, 'error': 'old', 'state': 'old'}
        self.check(row(2, 1), value, row(2, 1))

    def test_missing_texts_are_kept(self) -> None:
        before = row(2, 1, 'e', 's')
        self.check(before, {'version': 2}, row(2, 2, 'e', 's'))

    def test_a_version_of_the_future_locks_the_row(self) -> None:
        locked = row(4, 99)
        self.check(row(4, 3), {'version': 99}, locked)
        self.check(locked, {'version': 4}, locked)

    def test_a_version_is_cut_to_an_integer(self) -> None:
        self.check(row(4, 0), {'version': 3.9}, row(4, 3))

    def test_a_value_without_a_version_is_dropped(self) -> None:
        for text in ('{}', '{"version": "1"}', '[]', 'no json', None):
            self.assertRaises(rest_server.Dropped, with_state, row(1, 0), text)

    def test_a_converged_row_looks_at_nothing(self) -> None:
        self.assertEqual(row(1, 1), with_state(row(1, 1), 'no json'))

    def test_types_without_versions_ignore_all(self) -> None:
        before = Row({}, versioned=False)
        self.assertEqual(before, with_state(before, '{"version": 1}'))

    def test_extensions_see_the_whole_object(self) -> None:
        value = {'version': 1, 'state': {'a': 'b'}, 'more': True}
        self.assertEqual(value, with_state(row(1, 0), json.dumps(value)).seen)


class MonitoringTest(testtools.TestCase):
    """Table 3 of the reference."""

    def text(self, before: Row, value: Any) -> str:
        return with_monitoring(before, json.dumps(value)).monitoring

    def test_it_is_taken_any_number_of_times_once_converged(self) -> None:
        for text in ('well', 'ill', 'well'):
            value = {'version': 2, 'monitoring': text}
            self.assertEqual(text, self.text(row(2, 2), value))

    def test_it_is_dropped_before(self) -> None:
        value = {'version': 2, 'monitoring': 'well'}
        self.assertEqual('', self.text(row(2, 1), value))

    def test_another_version_is_dropped(self) -> None:
        for version in (1, 3):
            value = {'version': version, 'monitoring': 'well'}
            self.assertEqual('', self.text(row(2, 2), value))

    def test_what_lacks_a_version_or_a_text_is_an_error(self) -> None:
        values: tuple[Any, ...] = (
            {},
            {'monitoring': 'well'},
            {'version': 2},
            [],
            7,
        )
        for value in values:
            self.assertRaises(rest_server.Dropped, self.text, row(2, 2), value)
        wrong = {'version': 2, 'monitoring': {'port': 'UP'}}
        self.assertRaises(rest_server.Dropped, self.text, row(2, 2), wrong)


class ServerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.server = rest_server.RestServer(self.store, KEYS)

    def config(self, path: str = PATH) -> Any:
        kv = self.store.get(f'/config/{path}')
        return None if kv is None else json.loads(kv.value)

    def put(self, key: str, **value: Any) -> None:
        self.store.put(key, json.dumps(value))
        self.server.follow()


class WritingTest(ServerTest):
    """Tables 1.3, 1.4 and 1.5 of the reference."""

    def test_a_creation_has_version_1_and_what_was_supplied(self) -> None:
        self.server.create(PATH, ('id', 'name', 'vlan'), id='u1')

        self.assertEqual({'body': '{"id":"u1"}', 'version': 1}, self.config())

    def test_an_update_counts_and_has_all_columns(self) -> None:
        self.server.create(PATH, ('id', 'name', 'vlan'), id='u1')
        self.server.update(PATH, name='Bob')

        config = self.config()
        self.assertEqual(2, config['version'])
        self.assertEqual(
            {'id': 'u1', 'name': 'Bob', 'vlan': None},
            json.loads(config['body']),
        )

    def test_a_resync_writes_the_same_version(self) -> None:
        self.server.create(PATH, id='u1')
        self.server.update(PATH)
        before = self.store.revision
        self.server.resync(PATH)

        self.assertEqual(2, self.config()['version'])
        self.assertEqual(before + 1, self.store.revision)

    def test_without_versions_it_is_1_and_then_0(self) -> None:
        self.server.create(PATH, versioned=False, id='u1')
        self.assertEqual(1, self.config()['version'])
        self.server.update(PATH, name='Bob')
        self.assertEqual(0, self.config()['version'])
        self.server.resync(PATH)
        self.assertEqual(0, self.config()['version'])

    def test_a_deletion_takes_state_monitoring_and_config(self) -> None:
        self.server.create(PATH, id='u1')
        self.put(STATE, version=1, error='', state='')
        self.put(MONITORING, version=1, monitoring='')
        start = self.store.revision + 1
        watch = self.store.watch({'/': start})
        self.server.delete(PATH)

        keys = []
        while batch := watch.next(0):
            keys += [event.kv.key for event in batch.events]
        self.assertEqual([STATE, MONITORING, CONFIG], keys)

    def test_a_new_row_of_the_same_id_begins_with_1(self) -> None:
        self.server.create(PATH, id='u1')
        self.server.update(PATH)
        self.server.delete(PATH)
        self.server.create(PATH, id='u1')

        self.assertEqual(1, self.config()['version'])

    def test_an_outage_is_made_good_in_order(self) -> None:
        watch = self.store.watch({'/config/': 1})
        self.server.online = False
        self.server.create(PATH, id='u1')
        self.server.update(PATH)
        self.server.create('v1.0/things/u2', id='u2')
        self.server.delete('v1.0/things/u2')
        self.assertIsNone(self.config())
        self.server.online = True
        self.server.sync()

        seen = []
        while batch := watch.next(0):
            seen += [(event.kv.key, event.type) for event in batch.events]
        put, delete = store.EventType.PUT, store.EventType.DELETE
        other = '/config/v1.0/things/u2'
        self.assertEqual(
            [(CONFIG, put), (CONFIG, put), (other, put), (other, delete)],
            seen,
        )

    def test_a_cascade_leaves_the_keys(self) -> None:
        self.server.create(PATH, id='u1')
        self.server.cascade(PATH)

        self.assertIsNotNone(self.config())

    def test_json_is_written_as_by_the_server(self) -> None:
        self.server.create(PATH, id='t1', name='A<b>&"é"', flag=True)

        kv = self.store.get(CONFIG)
        assert kv is not None
        self.assertEqual(
            '{"body":"{\\"flag\\":true,\\"id\\":\\"t1\\",'
            '\\"name\\":\\"A\\\\u003cb\\\\u003e\\\\u0026\\\\\\"é\\\\\\"\\"}",'
            '"version":1}',
            kv.value,
        )


class ReadingTest(ServerTest):
    def test_a_state_and_then_monitoring_are_taken(self) -> None:
        self.server.create(PATH, id='u1')
        self.put(STATE, version=1, error='', state='Alice exists')
        self.put(MONITORING, version=1, monitoring='Alice is well')

        found = self.server.rows[PATH]
        self.assertEqual('Alice exists', found.state)
        self.assertEqual('Alice is well', found.monitoring)
        self.assertTrue(found.converged)

    def test_what_belongs_to_no_row_is_an_error(self) -> None:
        self.put(STATE, version=1, error='', state='x')

        self.assertEqual([f'{STATE}: resource not found'], self.server.dropped)

    def test_a_successor_replays_what_is_there(self) -> None:
        self.server.create(PATH, id='u1')
        self.store.put(STATE, '{"version":1,"error":"","state":"s"}')
        self.store.put(MONITORING, '{"version":1,"monitoring":"m"}')
        self.server.restart()

        self.assertEqual('m', self.server.rows[PATH].monitoring)

    def test_monitoring_older_than_the_state_is_lost_in_a_replay(
        self,
    ) -> None:
        self.server.create(PATH, id='u1')
        self.store.put(MONITORING, '{"version":1,"monitoring":"m"}')
        self.store.put(STATE, '{"version":1,"error":"","state":"s"}')
        self.server.restart()

        self.assertEqual('', self.server.rows[PATH].monitoring)


class RecordedTest(ServerTest):
    """The recorded session of the reference (section 6)."""

    COLUMNS = ('cfg', 'flag', 'id', 'name', 'ratio', 'tags', 'vlan')

    def test_configs_and_rows_are_as_recorded(self) -> None:
        folder = traces.find()
        if folder is None:
            self.skipTest(
                f'no recorded traces; {traces.VARIABLE} names their folder'
            )
        path = folder / 'gohan_sync_golden.jsonl'
        if not path.exists():
            self.skipTest(f'the traces hold no {path.name}')
        events = [json.loads(line) for line in path.read_text().splitlines()]
        self.replay(
            [e for e in events if e['key'].endswith(PATH) and e['rev'] <= 15]
        )

        self.assertEqual([f'{STATE}: resource not found'], self.server.dropped)

    def replay(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event['by'] == 'worker':
                self.store.put(event['key'], event['value'])
                self.server.follow()
                self.assert_row(event['rev'])
            elif event['op'] == 'PUT':
                self.write(event['value'])
            elif event['key'] == CONFIG:
                self.server.delete(PATH)
                self.server.follow()
                self.assertEqual([], self.server.dropped)
        self.assertEqual(15, events[-1]['rev'])

    def write(self, value: str) -> None:
        name = json.loads(json.loads(value)['body'])['name']
        if PATH in self.server.rows:
            self.server.update(PATH, name=name)
        else:
            self.server.create(PATH, self.COLUMNS, id='u1', name=name, vlan=5)
        kv = self.store.get(CONFIG)
        assert kv is not None
        self.assertEqual(value, kv.value)

    def assert_row(self, revision: int) -> None:
        expected = {
            3: (1, 1, '', 'Alice exists', ''),
            4: (1, 1, '', 'Alice exists', 'Alice is well'),
            7: (2, 1, 'retrying: device down', 'Alice exists', None),
            8: (2, 1, 'retrying: device down', 'Alice exists', None),
            9: (2, 2, '', 'Bob exists', 'Alice is well'),
            10: (2, 2, '', 'Bob exists', 'Bob is well'),
        }.get(revision)
        if expected is None:
            return
        found = self.server.rows[PATH]
        monitoring = expected[4]
        self.assertEqual(
            expected,
            (
                found.config_version,
                found.state_version,
                found.error,
                found.state,
                None if monitoring is None else found.monitoring,
            ),
        )


class UnavailableTest(ServerTest):
    def test_the_event_log_is_kept_when_the_store_is_down(self) -> None:
        def down(_call: str, _moment: str) -> None:
            raise exceptions.StoreUnavailable()

        self.store.interceptor = down
        self.assertRaises(
            exceptions.StoreUnavailable, self.server.create, PATH, id='u1'
        )
        self.store.interceptor = None
        self.server.sync()

        self.assertEqual(1, self.config()['version'])
