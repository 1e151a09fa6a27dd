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
import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

import fixtures

from esi_worker import store
from esi_worker.cmd import status
from esi_worker.model import WorkerRecord
from esi_worker.tests.unit.cli import support

GOOD = """\
[heat]
auth_type = none
endpoint_override = http://127.0.0.1:9/v1
"""


class ConfigTestCase(support.CommandTest):
    def config(self, text: str) -> str:
        folder = self.useFixture(fixtures.TempDir()).path
        path = Path(folder, 'esi-worker.conf')
        path.write_text(text)
        return str(path)


class ConfigCheckTest(ConfigTestCase):
    def check(self, text: str, *more: str) -> int:
        return self.run_command(
            '--config-file', self.config(text), 'config', 'check', *more
        )

    def test_a_good_one_is_said_to_be_good(self) -> None:
        self.assertEqual(0, self.check(GOOD))
        self.assertIn('can be used', self.stdout.getvalue())

    def test_a_bad_value_is_named_and_gives_2(self) -> None:
        self.assertEqual(2, self.check(f'{GOOD}[worker]\nslots = many\n'))
        self.assertIn('slots', self.stderr.getvalue())

    def test_a_manager_needs_no_heat(self) -> None:
        self.assertEqual(2, self.check(''))
        self.assertEqual(0, self.check('', '--role', 'manager'))

    def test_options_that_do_not_fit_together_are_named(self) -> None:
        self.assertEqual(2, self.check(f'{GOOD}[admin]\npage = true\n'))
        self.assertIn('manager_port', self.stderr.getvalue())

    def test_connecting_is_part_of_it_if_wanted(self) -> None:
        def refuse(_name: str, _moment: str) -> None:
            raise ConnectionError

        self.assertEqual(0, self.check(GOOD, '--connect'))
        self.store.interceptor = refuse
        self.assertEqual(1, self.check(GOOD, '--connect'))


class UpgradeCheckTest(ConfigTestCase):
    """``esi-worker-status upgrade check``."""

    def check(self, text: str = GOOD) -> tuple[int, dict[str, Any]]:
        """:returns: the exit code, and the checks by their names"""
        output = io.StringIO()
        arguments = ['--config-file', self.config(text)]
        with (
            contextlib.redirect_stdout(output),
            mock.patch.object(store, 'open_store', lambda conf: self.store),
        ):
            code = status.main([*arguments, 'upgrade', 'check', '--json'])
        found = json.loads(output.getvalue())['checks']
        return code, {each['check']: each for each in found}

    def test_all_is_well(self) -> None:
        code, checks = self.check()
        self.assertEqual(0, code, str(checks))

    def test_a_configuration_that_cannot_be_used_is_a_failure(self) -> None:
        code, checks = self.check(f'{GOOD}[worker]\nslots = many\n')
        self.assertEqual(2, code)
        self.assertIn('slots', checks['Configuration']['details'])

    def test_jobs_that_cannot_be_read_deserve_a_look(self) -> None:
        self.store.put(self.keys.job('j'), 'no json')
        code, checks = self.check()
        self.assertEqual(1, code)
        self.assertIn('/jobs/all/j', checks['Unfinished jobs']['details'])

    def test_a_mixture_of_versions_deserves_a_look(self) -> None:
        for name in '12':
            record = WorkerRecord((), 1, 1, extra={'version': name})
            self.store.put(self.keys.worker(name), record.encode())
        code, checks = self.check()
        self.assertEqual(1, code)
        self.assertIn('1, 2', checks['Running versions']['details'])
