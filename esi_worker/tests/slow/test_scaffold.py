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

"""What ``driver new`` writes: built, installed into an environment, used."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys
import sysconfig
import tempfile
import venv

import esi_worker
from esi_worker.tests.functional import service_support

#: Seconds; a package is built, and programs start.
LIMIT = 300
ROOT = Path(esi_worker.__file__).absolute().parents[1]


class ScaffoldTest(service_support.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        place = tempfile.TemporaryDirectory(prefix='esi-worker-scaffold-')
        self.place = Path(self.enterContext(place))
        self.environment = self.place / 'environment'
        venv.create(self.environment)
        self.python = str(self.environment / 'bin' / 'python')
        self.share_libraries()
        self.config = self.place / 'our.conf'
        self.config.write_text(f'[etcd]\nendpoints = {self.server.endpoint}\n')

    def share_libraries(self) -> None:
        """The environment is new, but esi-worker is here already."""
        (purelib,) = self.environment.glob('lib/python*/site-packages')
        here = (str(ROOT), sysconfig.get_path('purelib'))
        (purelib / 'esi-worker.pth').write_text('\n'.join(here))

    def run_in(self, *arguments: str, code: int = 0) -> str:
        """Run Python in the environment, outside of all sources."""
        done = subprocess.run(
            [self.python, '-W', 'ignore', *arguments],
            cwd=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        text = done.stdout + done.stderr
        self.assertEqual(code, done.returncode, text)
        return text

    def manage(self, *arguments: str, code: int = 0) -> str:
        return self.run_in(
            *('-m', 'esi_worker.cmd.manage'),
            *('--config-file', str(self.config), *arguments),
            code=code,
        )

    def install(self, sources: Path) -> None:
        """Build a wheel and install it; nothing is fetched."""
        wheels = self.place / 'wheels'
        pip = (sys.executable, '-m', 'pip', '--quiet')
        alone = ('--no-deps', '--no-index')
        for command in (
            (
                *(*pip, 'wheel', *alone, '--no-build-isolation'),
                *('--wheel-dir', str(wheels), str(sources)),
            ),
            (
                *(*pip, '--python', self.python, 'install', *alone),
                *('--find-links', str(wheels), 'esi-worker-robot'),
            ),
        ):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT
            )
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def apply(self, name: str) -> None:
        file = self.place / 'robot.json'
        file.write_text(
            f'{{"type": "robot", "id": "r", "body": {{"tenant_id": "t", '
            f'"name": "{name}"}}}}'
        )
        self.manage('resource', 'apply', '-f', str(file), '--yes')

    def test_it_is_built_installed_and_used(self) -> None:
        sources = self.place / 'esi-worker-robot'
        self.manage('driver', 'new', 'robot', '--folder', str(sources))
        self.install(sources)

        self.assertIn('robot', self.manage('template', 'list'))
        self.apply('Marvin')
        rendered = self.manage(
            'template', 'render', 'robot', 'r', '--parameters'
        )
        self.assertIn('name: Marvin', rendered)
        # What only its driver refuses.
        self.apply('')
        refused = self.manage('template', 'render', 'robot', 'r', code=1)
        self.assertIn('robot:r: the field "name" must not be empty', refused)
        # A manager loads it as well.
        self.manage('config', 'check', '--role', 'manager')
