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

"""The command that finds faults in templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fixtures

from esi_worker.model import Config
from esi_worker.tests.conformance import traces
from esi_worker.tests.unit.cli import support

DRIVER = """
type: robot
plural: robots
prefix: /v2.0/robots
fields: [id, name]
choices: {heat_worker: Crobot}
templates:
  robot:
    handler: heat_worker
    file: heat.yaml
    parameters: {heat_timeout: C60, name: %s}
"""
TEXT = """
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
"""

#: Parameters of logical ports that read what local subnets lack.
KNOWN_ERRORS = (
    'device_ip',
    'jinja_port_ids',
    'logical_port_type',
    'logical_port_vlan_id',
    'physical_port_id',
    'virtual_machine_interface_ids',
)


class LintTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, expression: str) -> None:
        folder = self.folder / 'robot'
        folder.mkdir()
        (folder / 'driver.yaml').write_text(DRIVER % expression)
        (folder / 'heat.yaml').write_text(TEXT)

    def lint(self, *arguments: str) -> tuple[int, str]:
        self.stdout.seek(0)
        self.stdout.truncate()
        code = self.run_command('template', 'lint', *arguments)
        return code, self.stdout.getvalue()

    def test_the_shipped_set_has_no_fault(self) -> None:
        code, text = self.lint()
        self.assertEqual(0, code, text)
        self.assertIn('0 errors, 0 warnings', text)

    def test_a_good_folder_has_no_fault(self) -> None:
        self.write('Pname')
        for path in (self.folder, self.folder / 'robot'):
            code, text = self.lint(str(path))
            self.assertEqual(
                (0, '0 errors, 0 warnings, 0 notes'),
                (
                    code,
                    text.splitlines()[-1],
                ),
            )

    def test_an_error_gives_exit_code_1_and_names_the_place(self) -> None:
        self.write('Pcolour')
        code, text = self.lint(str(self.folder))
        self.assertEqual(1, code)
        self.assertIn('template "robot" for "robot" parameter "name"', text)
        self.assertIn('has no field "colour" [unknown-field]', text)

    def test_what_cannot_be_read_is_an_error(self) -> None:
        self.write('Xname')
        code, text = self.lint(str(self.folder))
        self.assertEqual(1, code)
        self.assertIn('[malformed]', text)
        self.assertIn('driver.yaml', text)

    def test_a_path_that_is_none_is_a_wrong_command_line(self) -> None:
        self.assertEqual(2, self.lint(str(self.folder / 'none'))[0])
        self.assertEqual(2, self.lint(str(self.folder))[0])

    def test_json_says_the_same(self) -> None:
        self.write('Pcolour')
        code, text = self.lint(str(self.folder), '--format', 'json')
        self.assertEqual(1, code)
        (finding,) = json.loads(text)
        self.assertEqual('error', finding['severity'])
        self.assertEqual('unknown-field', finding['rule'])
        self.assertEqual('robot', finding['template'])
        self.assertEqual('name', finding['parameter'])

    def test_a_file_of_bodies_is_read(self) -> None:
        body: dict[str, Any] = {
            'id': 'network',
            'handler': 'heat_worker',
            'parameter_mappings': {'heat_timeout': 'C60', 'colour': 'Pname'},
            'template_file': TEXT,
        }
        for document in (body, {'network': body}):
            path = self.folder / 'bodies.json'
            path.write_text(json.dumps(document))
            code, text = self.lint(str(path))
            self.assertEqual(1, code)
            self.assertIn('[parameter-not-declared]', text)

    def test_what_is_in_etcd_is_looked_at_when_asked(self) -> None:
        key = self.keys.config('v2.0/heat_templates/network')
        self.store.put(key, Config({'handler': 'heat_worker'}, 1).encode())
        self.assertEqual(0, self.lint()[0])
        code, text = self.lint('--from-etcd')
        self.assertEqual(1, code)
        self.assertIn(key, text)

    def test_schemas_say_what_a_type_has(self) -> None:
        schema = {
            'id': 'rover',
            'plural': 'rovers',
            'prefix': '/v2.0',
            'metadata': {'template_path': 'Crover'},
            'schema': {'properties': {'id': {'type': 'string'}}},
        }
        body = {
            'handler': 'heat_worker',
            'parameter_mappings': {'heat_timeout': 'C60', 'name': 'Pcolour'},
            'template_file': TEXT,
        }
        bodies = self.folder / 'bodies.json'
        bodies.write_text(json.dumps({'rover': body}))
        code, text = self.lint(str(bodies))
        self.assertEqual(
            (0, ['0 errors, 0 warnings, 0 notes']), (code, text.splitlines())
        )
        self.assertIn('--schemas', self.stderr.getvalue())
        named = self.folder / 'elsewhere.json'
        named.write_text(json.dumps({'schemas': [schema]}))
        code, text = self.lint(str(bodies), '--schemas', str(named))
        self.assertEqual(1, code)
        self.assertIn('has no field "colour" [unknown-field]', text)

    def test_schemas_that_are_none_are_a_wrong_command_line(self) -> None:
        self.assertEqual(2, self.lint('--schemas', '/nowhere/schemas.json')[0])


class RecordedSetTest(support.CommandTest):
    """The recorded templates, with the configuration of the package."""

    def setUp(self) -> None:
        super().setUp()
        found = traces.find()
        if found is None:
            self.skipTest(
                f'no recorded traces; {traces.VARIABLE} names their folder'
            )
        absent = traces.Traces(found).lacking(
            traces.SCHEMAS, traces.TEMPLATES_2018
        )
        if absent:
            self.skipTest(f'of the traces {absent}')
        self.recorded = found

    def errors(self, *arguments: str) -> list[tuple[str, str]]:
        """The errors that make the exit code 1."""
        self.stdout.seek(0)
        self.stdout.truncate()
        self.assertEqual(
            1, self.run_command('template', 'lint', '-f', 'json', *arguments)
        )
        return sorted(
            (found['rule'], found['parameter'])
            for found in json.loads(self.stdout.getvalue())
            if found['severity'] == 'error'
        )

    def test_the_known_errors_are_found(self) -> None:
        expected = [('unknown-field', name) for name in KNOWN_ERRORS]
        path = self.recorded / traces.TEMPLATES_2018
        self.assertEqual(expected, self.errors(str(path)))

    def test_schemas_that_are_elsewhere_can_be_named(self) -> None:
        expected = [('unknown-field', name) for name in KNOWN_ERRORS]
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        path = folder / 'templates.json'
        path.symlink_to(self.recorded / traces.TEMPLATES_2018)
        schemas = self.recorded / traces.SCHEMAS
        self.assertEqual(
            expected, self.errors(str(path), '--schemas', str(schemas))
        )
