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

"""Writes constraints.txt: the exact set of packages that is tested.

Run it with ``make lock`` on Linux x86_64 with CPython 3.11, the platform
that the file is for. pip resolves the requirement ranges of the run
time, of all extras and of the tests against the registry without
installing anything; its answer, one ``name==version`` a line, is the
file. Nothing of this machine's own pip configuration takes part, so two
runs at the same time give the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
import configparser
import json
import os
from pathlib import Path
import platform
import subprocess
import sys
import tempfile

ROOT = Path(__file__).absolute().parents[1]
LOCK = ROOT / 'constraints.txt'
INDEX = 'https://pypi.org/simple'

HEADER = """\
# Every package of a development environment, pinned, for CPython 3.11 on
# Linux x86_64. Made by "make lock" (tools/lock.py); do not edit by hand.
"""


def main() -> int:
    if not _is_platform_of_the_lock():
        print('lock: run this with CPython 3.11 on Linux x86_64')
        return 1
    with tempfile.TemporaryDirectory() as folder:
        pins = sorted(_pins(_resolve(Path(folder))))
    LOCK.write_text(HEADER + ''.join(f'{pin}\n' for pin in pins))
    print(f'lock: {len(pins)} packages in {LOCK.name}')
    return 0


def _is_platform_of_the_lock() -> bool:
    return (
        sys.implementation.name == 'cpython'
        and sys.version_info[:2] == (3, 11)
        and sys.platform == 'linux'
        and platform.machine() == 'x86_64'
    )


def _resolve(folder: Path) -> dict[str, object]:
    """Let pip work out what it would install, as its report."""
    extras = folder / 'extras.txt'
    extras.write_text('\n'.join(_extras()) + '\n')
    report = folder / 'report.json'
    subprocess.run(
        [
            *(sys.executable, '-m', 'pip', 'install', '--quiet'),
            *('--dry-run', '--ignore-installed', '--report', str(report)),
            *('--index-url', INDEX),
            *('-r', str(ROOT / 'requirements.txt')),
            *('-r', str(ROOT / 'test-requirements.txt')),
            *('-r', str(extras)),
        ],
        check=True,
        env=_environment(),
    )
    answer: dict[str, object] = json.loads(report.read_text())
    return answer


def _environment() -> dict[str, str]:
    """The environment without other package sources."""
    env = dict(os.environ, PIP_CONFIG_FILE=os.devnull)
    for name in ('PIP_FIND_LINKS', 'PIP_EXTRA_INDEX_URL', 'PIP_INDEX_URL'):
        env.pop(name, None)
    return env


def _extras() -> Iterator[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    for extra in config['extras'].values():
        yield from extra.split('\n')


def _pins(report: dict[str, object]) -> Iterator[str]:
    items = report['install']
    assert isinstance(items, list)
    for item in items:
        metadata = item['metadata']
        yield f'{metadata["name"].lower()}=={metadata["version"]}'


if __name__ == '__main__':
    sys.exit(main())
