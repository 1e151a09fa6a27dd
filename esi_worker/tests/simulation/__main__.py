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

"""Explore histories: ``python -m esi_worker.tests.simulation``.

Stops at the first seed that breaks a promise, prints it and what
happened, and exits with 1. ``--lines`` shows the last lines of a
history, for replaying one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import sys
import time

from esi_worker.tests.simulation import running
from esi_worker.tests.simulation.faults import Visit
from esi_worker.tests.simulation.history import Report

_EVERY = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parse(arguments)
    visits = tuple(_visit(text) for text in args.visit)
    cases = [
        (seed, visits) for seed in range(args.first, args.first + args.seeds)
    ]
    started = time.monotonic()
    summary = running.Summary()
    for report in running.run_all(cases, args.workers):
        summary.add(report)
        if report.violations:
            _show(report, args.lines)
            return 1
        if summary.histories % _EVERY == 0:
            _say(f'{summary.histories} histories, nothing is broken')
    seconds = time.monotonic() - started
    for line in summary.table():
        _say(line)
    _say(f'{summary.histories / seconds:.1f} histories per second')
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='simulation', description='Explore histories of the system.'
    )
    parser.add_argument('--seeds', type=int, default=1000, help='how many')
    parser.add_argument('--first', type=int, default=0, help='the first')
    parser.add_argument(
        '--visit',
        action='append',
        default=[],
        help='crash at this site too, such as "<site>/before"',
    )
    parser.add_argument('--lines', type=int, default=60)
    parser.add_argument(
        '--workers', type=int, default=0, help='processes; 0: one per core'
    )
    return parser.parse_args(arguments)


def _visit(text: str) -> Visit:
    site, _, phase = text.rpartition('/')
    return site, phase


def _show(report: Report, lines: int) -> None:
    for line in report.lines[-lines:]:
        _say(line)
    _say(str(report))


def _say(text: str) -> None:
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
