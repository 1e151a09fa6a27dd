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

"""The core with a handler that does nothing, and TaskFlow beside it.

Starts an etcd of its own for each part. Prints a table as it goes, then
one line of the figures that are tracked, and writes all of them as JSON
to ``.run/bench/core.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
from pathlib import Path
import shutil
import statistics
import sys
import tempfile

ROOT = Path(__file__).absolute().parents[1]
sys.path[:0] = [str(ROOT / 'benchmarks'), str(ROOT)]

from core import (  # noqa: E402
    etcd,
    latency,
    peer,
    report,
    restart,
    scheduling,
    site,
    throughput,
)

from esi_worker import store  # noqa: E402
from esi_worker.embedded import EtcdServer  # noqa: E402

OUTPUT = ROOT / '.run' / 'bench' / 'core.json'

Values = dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Bench:
    """One part's etcd and what it is to measure."""

    folder: Path
    server: etcd.Etcd
    target: store.Store
    given: argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parse(arguments)
    figures: Values = {}
    rows: list[report.Row] = [('peer', peer.settings())]
    for part in given.parts:
        with _bench(given) as bench:
            found = PARTS[part](bench, figures)
        report.print_table(found)
        rows += found
        sys.stdout.flush()
    rows.append(report.machine())
    report.print_table((rows[0], rows[-1]))
    report.write_json(given.output, {'figures': figures, 'table': dict(rows)})
    print(
        report.last_line(
            {name: figures[name] for name in TRACKED if name in figures}
        )
    )
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--jobs', type=int, default=2000)
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--samples', type=int, default=200)
    parser.add_argument('--resources', type=int, default=10_000)
    parser.add_argument('--unfinished', type=int, default=100_000)
    parser.add_argument('--output', type=Path, default=OUTPUT)
    parser.add_argument(
        '--parts', nargs='+', choices=PARTS, default=list(PARTS)
    )
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _bench(given: argparse.Namespace) -> Iterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix='esi-worker-bench-'))
    try:
        with (
            EtcdServer(folder) as service,
            etcd.Etcd(service.endpoint) as server,
            store.EtcdStore([service.endpoint], timeout=30) as target,
        ):
            site.prepare(target)
            yield Bench(folder, server, target, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- the parts --------------------------------------------------------------


def _throughput(bench: Bench, figures: Values) -> list[report.Row]:
    rows = []
    for workers in (1, 4):
        ours, peers = [], []
        for _ in range(bench.given.rounds):
            ours.append(_ours(bench, workers))
            peers.append(
                throughput.peers(bench.server, bench.given.jobs, workers)
            )
        rows += _compare(workers, ours, peers, figures)
    return rows


def _ours(bench: Bench, workers: int) -> throughput.Throughput:
    return throughput.ours(
        bench.folder, bench.server, bench.target, bench.given.jobs, workers
    )


def _compare(
    workers: int,
    ours: Sequence[throughput.Throughput],
    peers: Sequence[throughput.Throughput],
    figures: Values,
) -> list[report.Row]:
    rate = statistics.median(each.jobs_per_s for each in ours)
    peer_rate = statistics.median(each.jobs_per_s for each in peers)
    figures[f'taskflow_ratio_{workers}'] = rate / peer_rate
    figures[f'jobs_per_s_{workers}'] = rate
    figures[f'taskflow_jobs_per_s_{workers}'] = peer_rate
    figures[f'requests_per_job_burst_{workers}'] = ours[0].requests_per_job
    figures[f'txns_per_job_burst_{workers}'] = ours[0].writes_per_job
    name = f'{workers} worker(s), {ours[0].jobs} jobs'
    return [
        (
            name,
            f'{rate:.0f} jobs/s, TaskFlow {peer_rate:.1f}, '
            f'ratio {rate / peer_rate:.1f}',
        ),
        (
            f'{name}: etcd',
            f'{ours[0].requests_per_job:.2f} requests a job, '
            f'{ours[0].writes_per_job:.2f} of them write; TaskFlow '
            f'{peers[0].requests_per_job:.1f} and '
            f'{peers[0].writes_per_job:.1f}',
        ),
    ]


def _latency(bench: Bench, figures: Values) -> list[report.Row]:
    count = bench.given.samples
    rate = figures.get('jobs_per_s_1', 200.0) / 2
    with site.Site(bench.folder, bench.server.endpoint, 1):
        latency.starts(bench.target, 10, 'warm')
        before = bench.server.usage()
        idle = latency.starts(bench.target, count, 'idle')
        used = bench.server.usage() - before
        alone = len(idle.samples)
        idle_next = latency.successions(bench.target, count, 'idle')
        with latency.load(bench.server.endpoint, rate):
            busy = latency.starts(bench.target, count, 'busy')
            busy_next = latency.successions(bench.target, count, 'busy')
    # Each sample's own config is one request, and writes.
    figures['requests_per_job'] = used.requests / alone - 1
    figures['txns_per_job'] = used.writes / alone - 1
    figures['p50_ms'] = idle.quantile(0.5)
    figures['p99_ms'] = idle.quantile(0.99)
    figures['p50_half_load_ms'] = busy.quantile(0.5)
    figures['p99_half_load_ms'] = busy.quantile(0.99)
    return [
        _quantiles('config to start, idle', idle),
        _quantiles('blocker to dependant, idle', idle_next),
        _quantiles(f'config to start, {rate:.0f} jobs/s', busy),
        _quantiles(f'blocker to dependant, {rate:.0f} jobs/s', busy_next),
        (
            'a job alone: etcd',
            f'{figures["txns_per_job"]:.2f} transactions that write, '
            f'{figures["requests_per_job"]:.2f} requests in all',
        ),
    ]


def _quantiles(name: str, found: latency.Latency) -> report.Row:
    return (
        name,
        f'p50 {found.quantile(0.5):.1f} ms, p99 {found.quantile(0.99):.1f} ms '
        f'({len(found.samples)} samples)',
    )


def _scheduling(bench: Bench, figures: Values) -> list[report.Row]:
    sizes = [1000, bench.given.unfinished]
    found = scheduling.costs(
        bench.folder, bench.server.endpoint, bench.target, sizes
    )
    figures['cost_ratio_100k'] = found[-1].cpu_ms / found[0].cpu_ms
    figures['cost_wall_ratio_100k'] = found[-1].wall_ms / found[0].wall_ms
    return [
        (
            f'scheduling, {each.unfinished} unfinished jobs',
            f'{each.cpu_ms:.2f} ms of the processor a job, '
            f'{each.wall_ms:.2f} ms pass',
        )
        for each in found
    ]


def _restart(bench: Bench, figures: Values) -> list[report.Row]:
    found = restart.restart(
        bench.folder, bench.server, bench.target, bench.given.resources
    )
    figures['restart_10k_s'] = found.seconds
    figures['restart_empty_s'] = found.empty_seconds
    figures['memory_10k_mib'] = found.memory - found.empty_memory
    return [
        (
            f'restart, {found.resources} resources',
            f'{found.seconds:.1f} s, with none {found.empty_seconds:.1f} s; '
            f'{found.extra_jobs} needless jobs',
        ),
        (
            f'memory of the manager, {found.resources} resources',
            f'{found.memory - found.empty_memory:.0f} MiB more than '
            f'{found.empty_memory:.0f} MiB',
        ),
    ]


PARTS: dict[str, Callable[[Bench, Values], list[report.Row]]] = {
    'throughput': _throughput,
    'latency': _latency,
    'scheduling': _scheduling,
    'restart': _restart,
}
TRACKED = (
    'taskflow_ratio_1',
    'taskflow_ratio_4',
    'jobs_per_s_1',
    'jobs_per_s_4',
    'p50_ms',
    'p99_ms',
    'cost_ratio_100k',
    'restart_10k_s',
    'txns_per_job',
)


if __name__ == '__main__':
    sys.exit(main())
