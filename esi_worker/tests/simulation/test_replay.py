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

"""A seed replays exactly, wherever it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import testtools

from esi_worker.tests.simulation import history, running

_SEEDS = (3, 14, 15)
_PRINT_DIGESTS = f"""
from esi_worker.tests.simulation import running
for report in running.run_all([(seed, ()) for seed in {_SEEDS}], 1):
    print('digest', report.digest)
"""


class ReplayTest(testtools.TestCase):
    def test_a_seed_gives_the_same_history_twice(self) -> None:
        with running.quiet():
            once, again = history.run(7), history.run(7)
        self.assertEqual(once, again)

    def test_a_seed_does_not_depend_on_the_order_of_sets(self) -> None:
        with running.quiet():
            expected = [history.run(seed).digest for seed in _SEEDS]
        for hash_seed in ('1', '2'):
            done = subprocess.run(
                [sys.executable, '-W', 'ignore', '-c', _PRINT_DIGESTS],
                env={**os.environ, 'PYTHONHASHSEED': hash_seed},
                capture_output=True,
                text=True,
                check=True,
            )
            digests = [
                line.split()[1]
                for line in done.stdout.splitlines()
                if line.startswith('digest ')
            ]
            self.assertEqual(expected, digests)

    def test_different_seeds_give_different_histories(self) -> None:
        with running.quiet():
            digests = {history.run(seed).digest for seed in range(5)}
        self.assertEqual(5, len(digests))
