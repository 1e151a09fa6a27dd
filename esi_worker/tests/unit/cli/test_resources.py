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

from esi_worker.model import StackRecord
from esi_worker.model.codec import Json
from esi_worker.tests.unit.cli import support

PATH = 'v2.0/ports/p'


class ResourceTest(support.CommandTest):
    def test_list_shows_how_far_each_version_came(self) -> None:
        self.put(self.keys.config(PATH), body='{}', version=3)
        self.put(self.keys.accepted(PATH), body={}, version=2, deleted=False)
        self.put(
            self.keys.state(PATH),
            version=1,
            error='',
            state={'worker_state': 'CREATE_COMPLETED'},
        )
        (row,) = self.rows('resource', 'list')
        self.assertEqual(PATH, row['Path'])
        self.assertEqual('3', row['Desired'])
        self.assertEqual('2', row['Accepted'])
        self.assertEqual(1, row['Published'])
        self.assertEqual('CREATE_COMPLETED', row['Worker state'])

    def test_list_reads_a_state_that_is_a_string(self) -> None:
        state = '{"worker_state": "CREATE_COMPLETED"}'
        self.put(self.keys.state(PATH), version=1, error='', state=state)
        (row,) = self.rows('resource', 'list')
        self.assertEqual('CREATE_COMPLETED', row['Worker state'])

    def test_list_shows_deletions_and_blocks(self) -> None:
        self.put(
            self.keys.config(PATH),
            body='{}',
            version=3,
            marked_for_deletion=True,
        )
        self.put(self.keys.blocked(PATH), reason='no template', version=3)
        (row,) = self.rows('resource', 'list')
        self.assertEqual('3 (delete)', row['Desired'])
        self.assertEqual('no template', row['Blocked'])

    def test_list_keeps_what_is_left_of_a_deleted_resource(self) -> None:
        record = StackRecord('port:p', 't', 's', 'DELETE_FAILED', 'stuck')
        self.store.put(self.keys.heat_stack(PATH), record.encode())
        (row,) = self.rows('resource', 'list')
        self.assertEqual('DELETE_FAILED', row['Stack'])
        self.assertEqual('', row['Desired'])

    def test_show_adds_reasons_and_history(self) -> None:
        self.put(self.keys.config(PATH), body='{}', version=3)
        self.put(self.keys.state(PATH), version=3, error='broken', state={})
        self.store.put(
            self.keys.history(PATH),
            json.dumps([{'time': 'noon', 'job': 'a', 'error': 'broken'}]),
        )
        shown = self.rows('resource', 'show', PATH)
        self.assertEqual('broken', shown['Error'])
        self.assertEqual('time=noon job=a error=broken', shown['History'])

    def test_show_takes_a_whole_key_too(self) -> None:
        self.put(self.keys.config(PATH), body='{}', version=3)
        shown = self.rows('resource', 'show', self.keys.config(PATH))
        self.assertEqual(PATH, shown['Path'])

    def test_show_of_an_unknown_resource_fails_and_names_it(self) -> None:
        self.assertEqual(1, self.run_command('resource', 'show', PATH))
        self.assertIn(PATH, self.stderr.getvalue())

    def test_unreadable_records_hide_nothing_else(self) -> None:
        for key in (self.keys.config(PATH), self.keys.history(PATH)):
            self.store.put(key, 'no json')
        shown = self.rows('resource', 'show', PATH)
        self.assertEqual('?', shown['Desired'])
        self.assertEqual('', shown['History'])

    def put(self, key: str, **fields: Json) -> None:
        self.store.put(key, json.dumps(fields))


class HistoryTest(support.CommandTest):
    def test_history_is_a_table(self) -> None:
        lines = [
            {'time': 'noon', 'job': 'a', 'action': 'create', 'version': 1},
            {'time': 'one', 'job': 'b', 'error': 'broken'},
        ]
        self.store.put(self.keys.history(PATH), json.dumps(lines))
        first, second = self.rows('resource', 'history', 'port', 'p')
        self.assertEqual(('noon', 'create'), (first['Time'], first['Action']))
        self.assertEqual(('b', 'broken'), (second['Job'], second['Error']))


class SelectionTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        for path in (PATH, 'v2.0/networks/n'):
            self.store.put(self.keys.config(path), '{"version": 1}')
        self.store.put(self.keys.blocked(PATH), '{"reason": "why not"}')

    def paths(self, *arguments: str) -> list[str]:
        return [
            row['Path'] for row in self.rows('resource', 'list', *arguments)
        ]

    def test_by_type(self) -> None:
        self.assertEqual(['v2.0/networks/n'], self.paths('--type', 'network'))

    def test_by_state(self) -> None:
        self.assertEqual([PATH], self.paths('--state', 'blocked'))
        self.assertEqual(['v2.0/networks/n'], self.paths('--state', 'pending'))

    def test_blocked(self) -> None:
        self.assertEqual([PATH], self.paths('--blocked'))


class NamingTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.store.put(self.keys.config(PATH), '{"version": 1}')

    def test_all_names_of_a_resource_are_understood(self) -> None:
        for words in (
            ('port', 'p'),
            ('port:p',),
            (PATH,),
            (f'/{PATH}',),
            (self.keys.config(PATH),),
        ):
            shown = self.rows('resource', 'show', *words)
            self.assertEqual(PATH, shown['Path'])

    def test_a_wrong_name_is_told_how_to_mend(self) -> None:
        for words, reason in (
            (('robot', 'r'), 'known are'),
            (('port:',), 'is empty'),
            (('p',), 'names no resource'),
        ):
            self.assertEqual(1, self.run_command('resource', 'show', *words))
            self.assertIn(reason, self.stderr.getvalue())

    def test_help_of_what_takes_one_promises_no_more(self) -> None:
        for words in (('resource', 'show'), ('job', 'retry')):
            self.assertEqual(0, self.run_command('help', *words))
        self.assertEqual(2, self.stdout.getvalue().count(' [ID]\n'))

    def test_the_graph_is_about_one_resource(self) -> None:
        words = ('--resource', 'port', 'p', 'q')
        self.assertEqual(1, self.run_command('job', 'graph', *words))
        self.assertIn('names no resource', self.stderr.getvalue())
