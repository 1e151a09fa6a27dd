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

"""The example packages: built, installed, tested, and used by a service.

They are installed into a folder of their own, as a third party would
install them beside esi-worker, and found through their entry points.
"""

from __future__ import annotations

import configparser
import json
import os
from pathlib import Path
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import Any, ClassVar

from esi_worker.embedded import fixtures, ours
from esi_worker.tests.functional import fault_processes, service_support
from esi_worker.tests.unit.documents import blocks, test_commands

ROOT = Path(__file__).absolute().parents[3]
EXAMPLES = ('robot-driver', 'ledger-handler')


class ExamplesTest(service_support.ServiceTestCase):
    packages: ClassVar[Path]
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not (ROOT / 'examples').is_dir():
            raise cls.skipException('there is no checkout with the examples')
        cls.packages = Path(tempfile.mkdtemp(prefix='esi-worker-examples-'))
        cls.addClassCleanup(shutil.rmtree, cls.packages, ignore_errors=True)
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        install([ROOT / 'examples' / name for name in EXAMPLES], cls.packages)

    def test_their_own_tests_pass_on_what_is_installed(self) -> None:
        for name in EXAMPLES:
            run = subprocess.run(
                [
                    *(sys.executable, '-W', 'ignore', '-m', 'unittest'),
                    *(
                        'discover',
                        '-s',
                        str(ROOT / 'examples' / name / 'tests'),
                    ),
                ],
                cwd=self.packages,
                env={**os.environ, 'PYTHONPATH': str(self.packages)},
                capture_output=True,
                text=True,
                timeout=120,
            )
            self.assertEqual(0, run.returncode, run.stderr)
            self.assertNotIn('Ran 0 tests', run.stderr)

    @blocks.uses(
        'tutorial.rst',
        '[resources]',
        '$ pip install',
        '$ esi-worker-manage resource apply',
    )
    def test_a_service_runs_jobs_through_them(
        self, settings: str, installing: str, applying: str
    ) -> None:
        ledger = self.packages / 'ledger'
        ledger.mkdir()
        shown = configparser.ConfigParser()
        shown.read_string(settings)
        shown['ledger']['folder'] = str(ledger)
        service = fault_processes.PluggedWorker(
            self.folder / 'examples',
            self.server.endpoint,
            self.heat.server.endpoint,
            options={name: dict(shown[name]) for name in shown.sections()},
        )
        service.folders = [self.packages]
        self.processes.append(service)
        self.addCleanup(self.processes.remove, service)
        self.addCleanup(service.close)
        service.start()
        # What pip does in the first line was done in other folders.
        _, lint = test_commands.typed(installing)
        self.assertIn('0 errors', self.manage(service, lint))

        robot = (blocks.PAGES / 'examples/tutorial/robot.yaml').read_text()
        (self.folder / 'robot.yaml').write_text(robot)
        (apply,) = test_commands.typed(applying)
        self.manage(service, f'{apply} --yes')

        self.assertEqual(
            'Rob runs at 3 in Hall', (ledger / 'robot_rob').read_text().strip()
        )
        history = json.loads(
            self.manage(
                service,
                'esi-worker-manage resource history robot rob -f json',
            )
        )
        self.assertEqual(
            ['heat_worker', 'ledger'], [each['Handler'] for each in history]
        )

        # The driver refuses what no job could do anything with.
        self.write('robots/q', id='q', name='Q', arena_id='hall', speed=99)
        blocked = self.history.put('/esi-worker/blocked/v2.0/robots/q')
        self.assertIn('from 1 to 10', blocked.json['reason'])

    def manage(self, service: ours.EsiWorkerProcess, line: str) -> str:
        """Run a line of the tutorial where the packages are."""
        program, *arguments = shlex.split(line)
        self.assertEqual('esi-worker-manage', program)
        done = subprocess.run(
            [
                *(sys.executable, '-W', 'ignore'),
                *('-m', 'esi_worker.cmd.manage'),
                *('--config-file', str(service.config_file), *arguments),
            ],
            cwd=self.folder,
            env={
                **os.environ,
                'PYTHONPATH': f'{self.packages}{os.pathsep}{ROOT}',
                'PYTHONWARNINGS': 'ignore',
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def write(self, path: str, **body: Any) -> None:
        self.etcd.put(
            f'/config/v2.0/{path}',
            service_support.config({'tenant_id': 't', **body}),
        )


def install(sources: list[Path], target: Path) -> None:
    """Build packages from copies of their sources, and install them."""
    copies = target / 'sources'
    for source in sources:
        shutil.copytree(
            source,
            copies / source.name,
            ignore=shutil.ignore_patterns('build', '*.egg-info'),
        )
    # Nothing is fetched: what they require is here already.
    subprocess.run(
        [
            *(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps'),
            *('--no-build-isolation', '--no-index', '--target', str(target)),
            *(str(copies / source.name) for source in sources),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
