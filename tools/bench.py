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

"""Runs benchmark suites: every ``bench_*.py`` under benchmarks/.

``SUITE=core`` in the environment asks for one of them, and what follows
on the command line goes to the suites. What they need beyond the tests
is installed first where it is missing. The exit code is 1 when a suite
failed, and 2 when there is none of that name.
"""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).absolute().parents[1]
BENCHMARKS = ROOT / 'benchmarks'
REQUIREMENTS = ROOT / 'bench-requirements.txt'


def main() -> int:
    suites = {
        path.stem.removeprefix('bench_'): path
        for path in sorted(BENCHMARKS.glob('bench_*.py'))
    }
    wanted = os.environ.get('SUITE', '').split() or list(suites)
    print(f'bench: there is {", ".join(suites)}; SUITE=... takes one')
    unknown = [name for name in wanted if name not in suites]
    if unknown:
        print(f'bench: there is no suite {", ".join(unknown)}')
        return 2
    _install()
    return max(_run(suites[name]) for name in wanted)


def _install() -> None:
    """Install what the suites need; a second time that is quick."""
    subprocess.run(
        [
            *(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps'),
            *('--disable-pip-version-check', '-r', str(REQUIREMENTS)),
        ],
        check=True,
    )


def _run(suite: Path) -> int:
    print(f'--- {suite.stem}', flush=True)
    command = [sys.executable, str(suite), *sys.argv[1:]]
    return int(subprocess.run(command).returncode != 0)


if __name__ == '__main__':
    sys.exit(main())
