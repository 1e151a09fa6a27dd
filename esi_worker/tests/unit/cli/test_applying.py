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
from pathlib import Path
from typing import Any

import fixtures

from esi_worker.model import Config, PublishedState
from esi_worker.tests.unit.cli import support

NETWORK = """\
type: network
id: n
body: {tenant_id: t, name: first}
"""
PATH = 'v2.0/networks/n'


class ApplyTestCase(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, text: str, name: str = 'file.yaml') -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def apply(self, text: str, *more: str) -> int:
        return self.run_command(
            'resource', 'apply', '-f', self.write(text), '--yes', *more
        )

    def config(self, path: str = PATH) -> Config:
        kv = self.store.get(self.keys.config(path))
        assert kv is not None
        return Config.decode(kv.key, kv.value)

    def publish(self, version: int, error: str = '') -> None:
        word = 'CREATE_FAILED' if error else 'CREATE_COMPLETED'
        state = PublishedState(version, {'worker_state': word}, error)
        self.store.put(self.keys.state(PATH), state.encode())


class ApplyTest(ApplyTestCase):
    def test_a_new_resource_begins_with_version_1(self) -> None:
        self.assertEqual(0, self.apply(NETWORK))
        config = self.config()
        self.assertEqual(1, config.version)
        self.assertEqual(
            {'id': 'n', 'tenant_id': 't', 'name': 'first'}, config.body
        )

    def test_the_body_is_a_string_as_the_rest_server_writes_it(self) -> None:
        self.apply(NETWORK)
        kv = self.store.get(self.keys.config(PATH))
        assert kv is not None
        self.assertIsInstance(json.loads(kv.value)['body'], str)

    def test_a_change_is_the_next_version(self) -> None:
        self.apply(NETWORK)
        self.apply(NETWORK.replace('first', 'second'))
        self.assertEqual(2, self.config().version)
        self.assertEqual('second', self.config().body['name'])

    def test_what_is_the_same_is_left_alone(self) -> None:
        self.apply(NETWORK)
        revision = self.store.range(self.keys.configs).items[0].mod_revision
        self.assertEqual(0, self.apply(NETWORK + '# a comment\n'))
        again = self.store.range(self.keys.configs).items[0].mod_revision
        self.assertEqual(revision, again)
        self.assertIn('unchanged', self.stdout.getvalue())

    def test_a_resource_made_anew_is_above_all_that_is_known(self) -> None:
        self.publish(7)
        self.apply(NETWORK)
        self.assertEqual(8, self.config().version)

    def test_one_file_may_hold_several_resources(self) -> None:
        many = json.dumps(
            [
                {'type': 'network', 'body': {'id': 'a'}},
                {'type': 'network', 'body': {'id': 'b'}},
            ]
        )
        self.assertEqual(0, self.apply(f'{many}\n---\n{NETWORK}'))
        for name in 'abn':
            self.config(f'v2.0/networks/{name}')

    def test_several_files_are_one_change(self) -> None:
        first = self.write(NETWORK, 'a')
        second = self.write(NETWORK.replace('id: n', 'id: m'), 'b')
        code = self.run_command(
            'resource', 'apply', '-f', first, second, '--yes'
        )
        self.assertEqual(0, code)
        self.assertEqual(2, len(self.store.range(self.keys.configs).items))

    def test_a_dry_run_writes_nothing(self) -> None:
        self.assertEqual(0, self.apply(NETWORK, '--dry-run'))
        self.assertIn(f'create {PATH} (version 1)', self.stdout.getvalue())
        self.assertEqual((), self.store.range(self.keys.configs).items)

    def test_it_asks_first(self) -> None:
        name = self.write(NETWORK)
        self.assertEqual(1, self.run_command('resource', 'apply', '-f', name))
        self.assertEqual((), self.store.range(self.keys.configs).items)
        self.assertIn('create', self.stderr.getvalue())
        self.assertIn('--yes', self.stderr.getvalue())

    def test_a_yes_is_enough(self) -> None:
        self.stdin.write('yes\n')
        self.stdin.seek(0)
        name = self.write(NETWORK)
        self.assertEqual(0, self.run_command('resource', 'apply', '-f', name))
        self.config()

    def test_a_resource_that_is_being_deleted_is_refused(self) -> None:
        config = Config({'id': 'n'}, 3, marked_for_deletion=True)
        self.store.put(self.keys.config(PATH), config.encode())
        self.assertEqual(1, self.apply(NETWORK))
        self.assertIn('being deleted', self.stderr.getvalue())

    def test_what_others_change_meanwhile_is_not_overwritten(self) -> None:
        self.apply(NETWORK)
        asked = []

        def meddle(name: str, moment: str) -> None:
            if name == 'txn' and moment == 'before':
                asked.append(name)
                if len(asked) == 2:
                    self.store.interceptor = None
                    other = Config({'id': 'n', 'name': 'theirs'}, 9)
                    self.store.put(self.keys.config(PATH), other.encode())

        self.store.interceptor = meddle
        self.assertEqual(1, self.apply(NETWORK.replace('first', 'ours')))
        self.assertEqual('theirs', self.config().body['name'])

    def test_bad_files_are_told_with_place_and_fix(self) -> None:
        bad = {
            'a: [': 'neither YAML nor JSON',
            'type: robot\nid: r\nbody: {}': 'must be one of',
            'type: network\nbody: {}': 'no id',
            'type: network\nid: a\nbody: {id: b}': 'two different ids',
            'type: network\nid: a': '"body" must be an object',
            'type: network\nid: a\nbody: {}\nname: x': '"name" is not known',
            'type: network\nid: 5\nbody: {}': 'quotes',
            'type: network\nid: a\nbody: {d: 2020-01-01}': 'quotes',
            '- 1': 'an object with type',
            f'{NETWORK}---\n{NETWORK}': 'is already in',
        }
        for text, reason in bad.items():
            self.stderr.seek(0)
            self.stderr.truncate()
            self.assertEqual(1, self.apply(text), text)
            self.assertIn('file.yaml', self.stderr.getvalue())
            self.assertIn(reason, self.stderr.getvalue())

    def test_a_missing_file_is_named(self) -> None:
        code = self.run_command('resource', 'apply', '-f', '/no/file', '-y')
        self.assertEqual(1, code)
        self.assertIn('/no/file', self.stderr.getvalue())


class WaitTest(ApplyTestCase):
    def test_it_waits_for_the_state_of_its_version(self) -> None:
        self.publish(1)
        self.apply(NETWORK)
        self.publish(2)
        self.assertEqual(0, self.apply(NETWORK, '--wait'))
        self.assertIn(f'{PATH}: CREATE_COMPLETED', self.stderr.getvalue())

    def test_a_failure_ends_the_wait_with_its_error(self) -> None:
        self.apply(NETWORK)
        self.publish(1, error='no quota')
        self.assertEqual(1, self.apply(NETWORK, '--wait'))
        self.assertIn('no quota', self.stderr.getvalue())

    def test_time_runs_out_and_says_how_far_it_is(self) -> None:
        blocked = {'reason': 'no template', 'version': 1, 'waits_for': []}
        self.store.put(self.keys.blocked(PATH), json.dumps(blocked))
        code = self.apply(NETWORK, '--wait', '--timeout', '0')
        self.assertEqual(1, code)
        self.assertIn('still blocked: no template', self.stderr.getvalue())


class DeleteTest(ApplyTestCase):
    def delete(self, *more: str) -> int:
        return self.run_command('resource', 'delete', PATH, '--yes', *more)

    def test_config_and_state_go_together(self) -> None:
        self.apply(NETWORK)
        self.publish(1)
        self.assertEqual(0, self.delete())
        self.assertIsNone(self.store.get(self.keys.config(PATH)))
        self.assertIsNone(self.store.get(self.keys.state(PATH)))

    def test_it_waits_until_the_records_are_gone(self) -> None:
        self.apply(NETWORK)
        self.assertEqual(0, self.delete('--wait'))
        self.assertIn(f'{PATH}: gone', self.stderr.getvalue())

    def test_a_stack_that_stays_ends_in_a_failure(self) -> None:
        self.apply(NETWORK)
        record: dict[str, Any] = {'version': 1, 'deleted': False, 'body': {}}
        self.store.put(self.keys.accepted(PATH), json.dumps(record))
        self.assertEqual(1, self.delete('--wait', '--timeout', '0'))
        self.assertIn('still working', self.stderr.getvalue())

    def test_several_ids_of_a_type_go_at_once(self) -> None:
        for name in ('n', 'm'):
            self.apply(NETWORK.replace('id: n', f'id: {name}'))
        code = self.run_command(
            'resource', 'delete', 'network', 'n', 'm', '--yes'
        )
        self.assertEqual(0, code, self.stderr.getvalue())
        self.assertEqual((), self.store.range(self.keys.configs).items)

    def test_several_of_different_types_are_named_in_full(self) -> None:
        self.apply(f'{NETWORK}---\n{{type: subnet, id: s, body: {{}}}}')
        code = self.run_command(
            'resource', 'delete', 'subnet:s', 'v2.0/networks/n', '--yes'
        )
        self.assertEqual(0, code, self.stderr.getvalue())
        self.assertEqual((), self.store.range(self.keys.configs).items)

    def test_nothing_goes_when_one_name_is_wrong(self) -> None:
        self.apply(NETWORK)
        code = self.run_command(
            'resource', 'delete', 'network', 'n', 'nobody', '--yes'
        )
        self.assertEqual(1, code)
        self.assertIn('v2.0/networks/nobody', self.stderr.getvalue())
        self.config()

    def test_nothing_to_delete_is_an_error(self) -> None:
        self.assertEqual(1, self.delete())
        self.assertIn(PATH, self.stderr.getvalue())
