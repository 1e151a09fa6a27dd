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

"""This release and the one before finish each other's jobs.

The release before is taken from the history of git and run as a process
of its own; where there is no such history the tests are skipped.
"""

from __future__ import annotations

import configparser
from pathlib import Path
import signal
import subprocess
from typing import Any

import fixtures

from esi_worker.embedded import ours, packages
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import service_support as support

#: The last commit before the hardening against faults; a release tag
#: takes its place as soon as there is one.
PREVIOUS = '90e1b2d6717c25ce7d48e618f2336fea997b4ff7'
NOOP = {'handlers': 'noop'}
SETUP = 'setup.cfg'
LOAD = 40


def install_entry_points(folder: Path) -> None:
    """Make the plugins of a tree known, in place of those of today."""
    setup = configparser.ConfigParser(delimiters='=')
    setup.read(folder / SETUP)
    lines = []
    for group, names in setup['entry_points'].items():
        lines += [f'[{group}]', *names.strip().splitlines()]
    known = folder / 'esi_worker-0.dist-info'
    known.mkdir()
    (known / 'entry_points.txt').write_text('\n'.join(lines) + '\n')
    (known / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: esi-worker\nVersion: 0\n'
    )


class ReleaseTest(faults.FaultTestCase):
    def setUp(self) -> None:
        super().setUp()
        driver = self.templates / 'thing' / 'driver.yaml'
        driver.write_text(support.THING)
        self.previous_tree = self.unpack()
        self.server = self.start_etcd()

    def unpack(self) -> Path:
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        found = subprocess.run(
            ['git', 'archive', PREVIOUS, 'esi_worker', 'templates', SETUP],
            cwd=packages.import_root(),
            capture_output=True,
        )
        if found.returncode != 0:
            self.skipTest(
                f'commit {PREVIOUS[:7]}, the previous release, is not to be '
                'had here: this is no clone with the history of git'
            )
        subprocess.run(
            ['tar', '-x', '-C', str(folder)], input=found.stdout, check=True
        )
        install_entry_points(folder)
        return folder

    def start_this(self, role: str) -> ours.EsiWorkerProcess:
        return self.start(self.server.endpoint, role, resources=NOOP)

    def start_previous(self, role: str) -> ours.EsiWorkerProcess:
        process = self.make(self.server.endpoint, role, resources=NOOP)
        process.folders = [self.previous_tree]
        process.start()
        return process

    def live_through(self) -> None:
        """Make things, change and delete them."""
        history = self.etcd.history()
        self.addCleanup(history.close)
        names = self.write_load(LOAD)
        self.await_all(names)
        self.assert_done_once(names)
        for name in names:
            self.write(name, version=2)
        for name in names:
            state = history.state(f'things/{name}', 2).json
            self.assertEqual('', state['error'])
            self.etcd.delete(f'/config/v2.0/things/{name}')
        for name in names:
            history.deleted(f'/esi-worker/config/v2.0/things/{name}')
        support.wait_for(
            lambda: not self.etcd.keys('/jobs/'), 'the end of all jobs'
        )

    def write(self, name: str, version: int = 1, **wishes: Any) -> str:
        wishes['wait'] = wishes.pop('polls', 0)
        return super().write(name, version, **wishes)

    def test_a_manager_of_before_and_a_worker_of_today(self) -> None:
        self.start_previous('manager')
        self.start_this('worker')

        self.live_through()

    def test_a_manager_of_today_and_a_worker_of_before(self) -> None:
        self.start_this('manager')
        self.start_previous('worker')

        self.live_through()

    def test_an_upgrade_under_load(self) -> None:
        previous = self.start_previous('all')
        names = self.write_load(LOAD)
        self.await_some(names, 5)

        self.start_this('all')
        names += self.write_load(LOAD)
        previous.signal(signal.SIGTERM)
        self.assertEqual(0, previous.wait(90))

        names += self.write_load(LOAD)
        self.await_all(names)
        self.assert_done_once(names)
