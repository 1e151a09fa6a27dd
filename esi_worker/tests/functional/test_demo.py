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

"""The README's first command, as a user runs it."""

from __future__ import annotations

import os
from pathlib import Path
import re
import signal
import subprocess
import sys

import fixtures
import testtools

from esi_worker import store

_TIMEOUT = 240
_STATE = '/state/v2.0/ports/23464cbc-d910-430a-93f7-3776ea07f992'


class DemoTest(testtools.TestCase):
    def test_the_demo_shows_all_points_and_stops_everything(self) -> None:
        run_dir = Path(self.useFixture(fixtures.TempDir()).path)
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'esi_worker.cmd.demo',
                '--keep',
                '--run-dir',
                str(run_dir),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.kill)
        self.useFixture(fixtures.Timeout(_TIMEOUT, gentle=True))
        output = self._read_until(process, 'Ctrl-C stops everything')

        for number in range(1, 7):
            self.assertRegex(output, rf'\n  \({number}\) +[0-9.]+ ')
        self.assertTrue((run_dir / 'six_points.txt').exists())
        self._check_state(output)
        pids = [int(path.read_text()) for path in run_dir.glob('*/pid')]
        self.assertEqual(5, len(pids))

        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(0, process.returncode)
        self.assertEqual([], [pid for pid in pids if _lives(pid)])

    def _read_until(self, process: subprocess.Popen[str], mark: str) -> str:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if mark in line:
                return ''.join(lines)
        raise AssertionError(f'the demo ended early:\n{"".join(lines)}')

    def _check_state(self, output: str) -> None:
        """The services are there to be looked at."""
        found = re.search(r'etcd listens on (\S+);', output)
        assert found is not None
        with store.EtcdStore([found.group(1)]) as target:
            self.assertIsNotNone(target.get(_STATE))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
