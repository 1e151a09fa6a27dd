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


"""What driving stacks costs: requests, tokens, polls, processor, memory.

The requests of jobs are counted with a real Heat and a real Keystone;
thousands of stacks in flight are measured with a stand-in for Heat that
answers at once, so that the figures are those of the worker alone. Prints
a table, then one line of the figures that are tracked, and writes all of
them as JSON to ``.run/bench/heat.json``.
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

from core import latency, report  # noqa: E402
from stacks import calls, flight  # noqa: E402

OUTPUT = ROOT / '.run' / 'bench' / 'heat.json'

Values = dict[str, float]
_VERBS = {'CREATE': 'create', 'MODIFY': 'modify', 'DELETE': 'delete'}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parse(arguments)
    figures: Values = {}
    rows: list[report.Row] = []
    if given.alone:
        rows += _shown(_count(given, figures))
    for number in given.in_flight:
        rows += _shown(_fly(number, figures))
    rows += _shown([report.machine()])
    report.write_json(given.output, {'figures': figures, 'table': dict(rows)})
    print(_last_line(figures))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--alone', type=int, default=10)
    parser.add_argument('--together', type=int, default=34)
    parser.add_argument(
        '--in-flight', type=int, nargs='*', default=[1000, 5000]
    )
    parser.add_argument('--output', type=Path, default=OUTPUT)
    return parser.parse_args(arguments)


def _shown(rows: list[report.Row]) -> list[report.Row]:
    report.print_table(rows)
    sys.stdout.flush()
    return rows


def _count(given: argparse.Namespace, figures: Values) -> list[report.Row]:
    folder = Path(tempfile.mkdtemp(prefix='esi-worker-bench-'))
    try:
        found = calls.count(folder, given.alone, given.together)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for verb, name in _VERBS.items():
        figures[f'requests_per_{name}'] = found.requests[verb]
        figures[f'looks_per_{name}'] = found.looks[verb]
    figures['tokens_per_100_jobs'] = found.tokens_per_100_jobs
    figures['requests_per_job_together'] = found.together
    return [
        *(
            (
                f'{name}, alone',
                f'{found.requests[verb]:.2f} requests to Heat, '
                f'{found.looks[verb]:.2f} of them looks while it works',
            )
            for verb, name in _VERBS.items()
        ),
        (
            f'{given.together} stacks at once',
            f'{found.together:.2f} requests a job, '
            f'{found.tokens_per_100_jobs:.2f} tokens for 100 jobs',
        ),
    ]


def _fly(number: int, figures: Values) -> list[report.Row]:
    folder = Path(tempfile.mkdtemp(prefix='esi-worker-bench-'))
    try:
        found = flight.fly(folder, number)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    within = flight.LONGEST_INTERVAL * 1000 + 100
    figures[f'poll_requests_per_s_{number}'] = found.polls_per_s
    figures[f'cpu_{number}'] = found.cpu
    figures[f'rss_mb_{number}'] = found.memory_mib
    figures[f'seen_to_published_p99_ms_{number}'] = (
        found.seen_to_published.quantile(0.99)
    )
    figures[f'ended_to_published_max_ms_{number}'] = (
        found.ended_to_published.quantile(1)
    )
    figures['in_flight'] = max(number, figures.get('in_flight', 0))
    figures['rss_mb'] = max(found.memory_mib, figures.get('rss_mb', 0))
    late = [each for each in found.ended_to_published.samples if each > within]
    return [
        (
            f'{number} in flight, {flight.TENANTS} tenants, a stand-in',
            f'{found.polls_per_s:.1f} polls/s of '
            f'{found.looks_per_poll:.0f} stacks, {found.cpu:.0%} of a core, '
            f'{found.memory_mib:.0f} MiB, {found.creates_per_s:.0f} '
            'creates/s before',
        ),
        (
            f'{number} in flight: seen to published',
            _quantiles(found.seen_to_published),
        ),
        (
            f'{number} in flight: ended to published',
            f'{_quantiles(found.ended_to_published)}; '
            f'{len(late)} later than an interval and 100 ms',
        ),
    ]


def _quantiles(found: latency.Latency) -> str:
    return (
        f'p50 {found.quantile(0.5):.0f} ms, p99 {found.quantile(0.99):.0f} '
        f'ms, max {found.quantile(1):.0f} ms'
    )


def _last_line(figures: Values) -> str:
    tracked = (
        'requests_per_create',
        'requests_per_modify',
        'requests_per_delete',
        'tokens_per_100_jobs',
        'poll_requests_per_s_1000',
        'in_flight',
        'rss_mb',
    )
    return ' '.join(
        f'{name}={figures[name]:.10g}'
        if name == 'in_flight'
        else f'{name}={figures[name]:.2f}'
        for name in tracked
        if name in figures
    )


if __name__ == '__main__':
    sys.exit(main())
