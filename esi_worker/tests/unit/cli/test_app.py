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

import contextlib
from importlib import metadata
import io
from pathlib import Path
import re
from typing import NoReturn

import fixtures

from esi_worker import exceptions, version
from esi_worker.cli import app
from esi_worker.embedded import ports
from esi_worker.store import opening
from esi_worker.tests.unit.cli import support

COMMANDS = Path(__file__).parents[4] / 'doc' / 'source' / 'commands.rst'


class ManageAppTest(support.CommandTest):
    def test_version_is_that_of_the_package(self) -> None:
        self.assertEqual(0, self.run_command('version'))
        self.assertEqual(f'{version.version()}\n', self.stdout.getvalue())

    def test_no_command_is_a_usage_error_with_help(self) -> None:
        error = self.assertRaises(SystemExit, self.run_command)
        self.assertEqual(2, error.code)
        self.assertIn('usage:', self.stderr.getvalue())

    def test_unknown_command_is_a_usage_error(self) -> None:
        self.assertEqual(2, self.run_command('no', 'such', 'command'))

    def test_unknown_argument_is_a_usage_error(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            error = self.assertRaises(
                SystemExit, self.run_command, 'job', 'list', '--nonsense'
            )
        self.assertEqual(2, error.code)

    def test_missing_configuration_file_is_named(self) -> None:
        code = self.run_command('--config-file', '/missing.conf', 'version')
        self.assertEqual(2, code)
        self.assertIn('/missing.conf', self.stderr.getvalue())

    def test_unusable_etcd_options_are_a_usage_error(self) -> None:
        program = app.ManageApp(
            opener=opening.open_store, stdout=self.stdout, stderr=self.stderr
        )
        config = self.write_config('[etcd]\nendpoints = ftp://etcd\n')
        self.assertEqual(
            2, program.run(['--config-file', config, 'job', 'list'])
        )
        self.assertIn('etcd endpoint', self.stderr.getvalue())

    def test_unreachable_store_is_a_failure_with_its_reason(self) -> None:
        program = app.ManageApp(
            opener=_unreachable, stdout=self.stdout, stderr=self.stderr
        )
        self.assertEqual(1, program.run(['job', 'list']))
        self.assertIn('nobody answers', self.stderr.getvalue())

    def test_etcd_that_is_away_is_told_with_the_option_to_mend(self) -> None:
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        url = f'http://{ports.LOOPBACK}:{port.number}'
        named = self.write_config(f'[etcd]\nendpoints = {url}\n')
        self.assertEqual(1, self.list_jobs('--config-file', named))
        self.assertIn(url, self.stderr.getvalue())
        self.assertIn(
            f'look at [etcd] endpoints in {named}', self.stderr.getvalue()
        )

    def list_jobs(self, *arguments: str) -> int:
        program = app.ManageApp(stdout=self.stdout, stderr=self.stderr)
        return program.run([*arguments, 'job', 'list'])

    def test_prefixes_come_from_the_configuration(self) -> None:
        self.store.put('/desired/v2.0/ports/p', '{"body": {}, "version": 4}')
        config = self.write_config('[keys]\nconfig_prefix = /desired\n')
        (row,) = self.rows('--config-file', config, 'resource', 'list')
        self.assertEqual('v2.0/ports/p', row['Path'])

    def test_help_of_each_command_is_its_own(self) -> None:
        commands = metadata.entry_points(group=app.NAMESPACE)
        self.assertTrue(commands)
        for words in (point.name.split('_') for point in commands):
            for further in ((), ('--yes',)):
                shown = self.help(*words, *further, '--help')
                usage = f'usage: esi-worker-manage {" ".join(words)} '
                self.assertEqual(usage, shown[: len(usage)])

    def test_help_warns_of_what_a_rest_server_ignores(self) -> None:
        for words in (('job', 'retry'), ('resource', 'reconcile')):
            shown = ' '.join(self.help(*words, '--help').split())
            self.assertIn('A REST server ignores a second state', shown)

    def test_help_needs_no_configuration(self) -> None:
        config = ('--config-file', '/missing.conf')
        shown = self.help(*config, 'job', 'retry', '--help')
        self.assertIn('job retry', shown)

    def test_help_of_the_program_lists_the_commands(self) -> None:
        for config in ((), ('--config-file', '/missing.conf')):
            self.stdout.seek(0)
            self.stdout.truncate()
            error = self.assertRaises(
                SystemExit, self.run_command, *config, '--help'
            )
            self.assertIn(error.code, (None, 0))
            for text in ('--config-file FILE', '  job retry  '):
                self.assertIn(text, self.stdout.getvalue())

    def test_formats_are_those_of_the_documentation(self) -> None:
        if not COMMANDS.is_file():
            self.skipTest('the documentation is not part of a package')
        lists, displays = re.findall(r'``-f ([a-z|]+)``', COMMANDS.read_text())
        for command, formats in (
            (('job', 'list'), lists),
            (('template', 'show'), displays),
        ):
            (offered,) = re.findall(
                r'^  -f.* \{([a-z,]+)\}', self.help(*command, '--help'), re.M
            )
            self.assertEqual(set(offered.split(',')), set(formats.split('|')))

    def help(self, *arguments: str) -> str:
        self.stdout.seek(0)
        self.stdout.truncate()
        self.assertEqual(0, self.run_command(*arguments))
        return self.stdout.getvalue()

    def write_config(self, text: str) -> str:
        folder = self.useFixture(fixtures.TempDir()).path
        path = Path(folder, 'esi-worker.conf')
        path.write_text(text)
        return str(path)


def _unreachable(conf: object) -> NoReturn:
    raise exceptions.StoreUnavailable('nobody answers')
