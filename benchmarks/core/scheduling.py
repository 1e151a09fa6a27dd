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

"""What it costs the manager to schedule a job among many others.

There are no workers, so what is scheduled stays. Each job waits for one
of a hundred others. The cost is the processor time of the manager, which
other processes of the machine disturb less than the time that passes. It
is the median over many small blocks, for a single one is also the one in
which the manager collects its garbage or looks after its lease.
"""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
import itertools
from pathlib import Path
import statistics
import time

from core import processes, site
from esi_worker import store

_ROOTS = 100
_BLOCK = 400
_BLOCKS = 10
#: Jobs at a time to come to the next size.
_FILL = 1000
_ALL = '/jobs/all/'
_TIMEOUT = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds for one job while so many are unfinished."""

    unfinished: int
    cpu_ms: float
    wall_ms: float


def costs(
    run_dir: Path, endpoint: str, target: store.Store, sizes: list[int]
) -> list[Cost]:
    """Measure at each of the sizes, which must rise."""
    names = (f'g{number}' for number in itertools.count())
    found = []
    unfinished = _ROOTS
    with site.Site(run_dir, endpoint, 1, role='manager') as ours:
        watch = target.watch({_ALL: target.range('/nothing/').revision + 1})
        site.post_widgets(target, (f'w{each}' for each in range(_ROOTS)))
        _wait(watch, _ROOTS)
        for size in sizes:
            while unfinished < size:
                unfinished += _schedule(
                    target, watch, names, min(_FILL, size - unfinished)
                )
            found.append(
                _measure(ours.manager_pid, target, watch, names, size)
            )
            unfinished += _BLOCK * _BLOCKS
        watch.close()
    return found


def _measure(
    pid: int,
    target: store.Store,
    watch: store.Watch,
    names: Iterator[str],
    size: int,
) -> Cost:
    cpu, wall = [], []
    for _ in range(_BLOCKS):
        used, begin = processes.cpu_seconds(pid), time.monotonic()
        _schedule(target, watch, names, _BLOCK)
        wall.append(time.monotonic() - begin)
        cpu.append(processes.cpu_seconds(pid) - used)
    scale = 1000 / _BLOCK
    return Cost(
        size,
        statistics.median(cpu) * scale,
        statistics.median(wall) * scale,
    )


def _schedule(
    target: store.Store, watch: store.Watch, names: Iterator[str], count: int
) -> int:
    site.post(
        target,
        {
            f'{site.GADGETS}{name}': site.gadget(name, f'w{index % _ROOTS}')
            for index, name in enumerate(itertools.islice(names, count))
        },
    )
    _wait(watch, count)
    return count


def _wait(watch: store.Watch, count: int) -> None:
    """Wait for so many new jobs."""
    while count > 0:
        batch = watch.next(_TIMEOUT)
        if batch is None:
            raise TimeoutError(f'{count} jobs were not scheduled')
        count -= len(batch.events)
