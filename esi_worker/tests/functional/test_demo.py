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

"""The README's first commands, as a user runs them."""

from __future__ import annotations

import os
from pathlib import Path
import pty
import re
import signal
import subprocess
import sys
from typing import IO

import fixtures
import testtools

from esi_worker import store

_TIMEOUT = 240
_STATE = '/state/v2.0/ports/23464cbc-d910-430a-93f7-3776ea07f992'


class DemoTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_dir = Path(self.useFixture(fixtures.TempDir()).path)

    def start(
        self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'esi_worker.cmd.demo',
                '--run-dir',
                str(self.run_dir),
                *arguments,
            ],
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.kill)
        self.useFixture(fixtures.Timeout(_TIMEOUT, gentle=True))
        return process

    def pids(self) -> list[int]:
        """Of the services, while they run."""
        return [int(path.read_text()) for path in self.run_dir.glob('*/pid')]

    def read_until(self, process: subprocess.Popen[str], mark: str) -> str:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if mark in line:
                return ''.join(lines)
        raise AssertionError(f'the demo ended early:\n{"".join(lines)}')


class PortTest(DemoTestCase):
    def test_the_demo_shows_all_points_and_stops_everything(self) -> None:
        process = self.start('--keep')
        output = self.read_until(process, 'Ctrl-C stops everything')

        for number in range(1, 7):
            self.assertRegex(output, rf'\n  \({number}\) +[0-9.]+ ')
        self.assertTrue((self.run_dir / 'six_points.txt').exists())
        self._check_state(output)
        pids = self.pids()
        self.assertEqual(5, len(pids))

        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(0, process.returncode)
        self.assertEqual([], [pid for pid in pids if _lives(pid)])

    def _check_state(self, output: str) -> None:
        """The services are there to be looked at."""
        found = re.search(r'etcd listens on (\S+);', output)
        assert found is not None
        with store.EtcdStore([found.group(1)]) as target:
            self.assertIsNotNone(target.get(_STATE))


class LoadBalancerTest(DemoTestCase):
    def test_the_demo_shows_who_waits_for_whom(self) -> None:
        """On a terminal, where the table changes in place."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        with os.fdopen(theirs, 'w') as terminal:
            process = self.start(
                '--scenario', 'load-balancer', stdout=terminal
            )
        output = _read_all(ours)

        self.assertEqual(0, process.wait(), output)
        self.assertIn('32 jobs are done, in the right order', output)
        self.assertIn('\x1b[', output)
        table = (self.run_dir / 'jobs.txt').read_text()
        self.assertEqual(32, table.count(' done '), table)
        self.assertRegex(
            table,
            r'\nmodify load balancer v2 +done +[0-9.]+ +'
            r'\(waited for server, configuration\)\n',
        )
        self.assertRegex(output, r'modify server v2 +working')
        self.assertRegex(output, r'modify configuration v2 +waiting +server')


def _read_all(terminal: int) -> str:
    """Everything up to the end of the last process that writes."""
    output = b''
    while True:
        try:
            output += os.read(terminal, 65536)
        except OSError:
            return output.decode()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
