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

"""The package that ``driver new`` writes."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import fixtures

from esi_worker.tests.unit.cli import support

_UNITTEST = (sys.executable, '-W', 'ignore', '-m', 'unittest')


class DriverNewTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        temporary = Path(self.useFixture(fixtures.TempDir()).path)
        self.folder = temporary / 'new'

    def new(self, *arguments: str) -> int:
        return self.run_command(
            'driver', 'new', *arguments, '--folder', str(self.folder)
        )

    def test_its_tests_pass(self) -> None:
        self.assertEqual(0, self.new('test_bench'), self.stderr.getvalue())
        run = subprocess.run(
            [*_UNITTEST, 'discover', '-s', 'tests'],
            cwd=self.folder,
            env={'PYTHONPATH': str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(0, run.returncode, run.stderr)
        self.assertIn('Ran 6 tests', run.stderr)

    def test_the_linter_has_nothing_to_say(self) -> None:
        self.new('robot')
        templates = self.folder / 'esi_worker_robot' / 'templates'
        code = self.run_command('template', 'lint', str(templates))
        self.assertEqual(0, code, self.stdout.getvalue())
        self.assertIn('0 errors, 0 warnings', self.stdout.getvalue())

    def test_the_plural_may_be_named(self) -> None:
        self.new('policy', '--plural', 'policies')
        mapping = (
            self.folder / 'esi_worker_policy/templates/policy/driver.yaml'
        )
        self.assertIn('prefix: /v2.0/policies', mapping.read_text())

    def test_nothing_is_overwritten(self) -> None:
        self.new('robot')
        self.assertEqual(2, self.new('robot'))
        self.assertIn('exists already', self.stderr.getvalue())

    def test_a_name_has_to_be_one(self) -> None:
        for name in ('Robot', '2nd', 'a-b', 'a b', '../x'):
            self.assertEqual(2, self.new(name))
        self.assertFalse(self.folder.exists())
