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

"""A collector with many targets and a poller that answers at once.

Runs one collector, with all of its threads and an etcd of its own, in
this process, waits until every target was polled once, and then watches
for some intervals how late polls begin. With ``--dead`` a part of the
devices never answers: each poll of them takes its whole timeout, and
the figures are those of the others. Ends with one line of figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import shutil
import sys
import tempfile

ROOT = Path(__file__).absolute().parents[1]
sys.path[:0] = [str(ROOT / 'benchmarks'), str(ROOT)]

from collector import load, measuring  # noqa: E402
from core import report  # noqa: E402

OUTPUT = ROOT / '.run' / 'bench' / 'collector.json'


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parse(arguments)
    folder = Path(tempfile.mkdtemp(prefix='esi-collector-bench-'))
    try:
        figures = measuring.measure(
            folder,
            load.Load(
                targets=given.targets,
                per_device=given.per_device,
                dead=given.dead,
            ),
            interval=given.interval,
            intervals=given.intervals,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.print_table(
        [
            ('polls', f'{figures.pop("polls"):.0f} in the time watched'),
            ('first round', f'{figures.pop("first_round_s"):.1f} s'),
            report.machine(),
        ]
    )
    report.write_json(given.output, {'figures': figures})
    print(' '.join(_shown(name, figures[name]) for name in figures))
    return 0


def _shown(name: str, value: float) -> str:
    whole = value == int(value)
    return f'{name}={value:.0f}' if whole else f'{name}={value:.2f}'


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--targets', type=int, default=10_000)
    parser.add_argument('--per-device', type=int, default=1)
    parser.add_argument('--interval', type=float, default=60.0)
    parser.add_argument('--intervals', type=int, default=3)
    parser.add_argument('--dead', type=float, default=0.0)
    parser.add_argument('--output', type=Path, default=OUTPUT)
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
