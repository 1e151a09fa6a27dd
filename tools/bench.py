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

"""Runs the benchmark suites: every ``bench_*.py`` under benchmarks/.

It says first which suites there are. The exit code is 1 when one of
them failed.
"""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

BENCHMARKS = Path(__file__).absolute().parents[1] / 'benchmarks'


def main() -> int:
    suites = sorted(BENCHMARKS.glob('bench_*.py'))
    if not suites:
        print('bench: there are no benchmark suites yet; nothing ran')
        return 0
    print(f'bench: {", ".join(suite.stem for suite in suites)}')
    return max(_run(suite) for suite in suites)


def _run(suite: Path) -> int:
    print(f'--- {suite.stem}', flush=True)
    return int(subprocess.run([sys.executable, str(suite)]).returncode != 0)


if __name__ == '__main__':
    sys.exit(main())
