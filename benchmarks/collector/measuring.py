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

"""Runs a collector and watches it."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from pathlib import Path
import resource
import statistics
import threading
import time
from typing import Any

from oslo_config import cfg

from collector import load
from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.collector import assembly, loading, opts
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.ownership import Ownership
from esi_worker.collector.pollers import base as pollers
from esi_worker.collector.syncers.base import SyncerContext
from esi_worker.collector.timetable import Lane
from esi_worker.embedded import EtcdServer
from esi_worker.store import opts as store_opts

_LIMIT_SECONDS = 600.0
_URL = 'http://127.0.0.1:7070'


def measure(
    folder: Path, given: load.Load, *, interval: float, intervals: int
) -> dict[str, float]:
    """The figures of one run."""
    with (
        EtcdServer(folder, unsafe_no_fsync=True) as etcd,
        store.EtcdStore([etcd.endpoint], timeout=30) as target,
    ):
        given.write(target, store.KeyLayout())
        with _collector(target, interval) as (collector, poller, watch):
            began = time.monotonic()
            collector.start(_URL, _URL)
            _wait(lambda: len(poller.polled) == given.targets)
            first_round = time.monotonic() - began
            # The second run of each stands where it will stay.
            time.sleep(interval)
            watch.clear()
            polls, cpu, start = poller.polls, _cpu(), time.monotonic()
            time.sleep(interval * intervals)
            seconds = time.monotonic() - start
            late = sorted(watch)
            return {
                'targets': given.targets,
                'interval_s': interval,
                'lateness_p50_ms': 1000 * statistics.median(late),
                'lateness_p99_ms': 1000 * late[int(len(late) * 0.99)],
                'cpu_percent': 100 * (_cpu() - cpu) / seconds,
                'rss_mb': _rss(),
                'polls': poller.polls - polls,
                'first_round_s': first_round,
            }


@contextlib.contextmanager
def _collector(target: store.Store, interval: float) -> Any:
    clock, keys = clocks.SystemClock(), store.KeyLayout()
    conf = _conf(interval)
    ownership = Ownership(keys)
    context = SyncerContext(conf, target, keys, clock, ownership.fence)
    poller = load.BenchPoller(
        pollers.PollerContext(conf, clock, Credentials())
    )
    watch: list[float] = []

    def on_late(seconds: float, lane: Lane) -> None:
        # What does not answer is meant to wait.
        if lane is Lane.FAST:
            watch.append(seconds)

    collector = assembly.Collector(
        context,
        ownership,
        {'bench': poller},
        loading.load_syncers(context),
        on_late=on_late,
    )
    try:
        yield collector, poller, watch
    finally:
        collector.stop()


def _conf(interval: float) -> Any:
    conf = cfg.ConfigOpts()
    opts.register(conf)
    store_opts.register(conf)
    conf([])
    conf.set_override('poll_interval', interval, group=opts.GROUP)
    timeout = min(10.0, interval)
    conf.set_override('poll_timeout', timeout, group=opts.GROUP)
    return conf


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    pause = threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError('not every target was polled')
        pause.wait(0.1)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss() -> float:
    """Megabytes that are resident now."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
