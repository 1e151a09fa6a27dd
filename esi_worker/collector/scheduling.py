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

"""Runs tasks when they are due, in threads that are made as needed.

One thread watches the ``Timetable`` and hands out runs. Tasks of the
slow lane get at most half of the threads: what never answers cannot
keep the others from their schedule. A run that is overdue counts there,
whatever it was; runs that never end are made up for by as many threads
again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
import dataclasses
import queue
import random
import threading

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker.collector.timetable import (
    Lane,
    Pace,
    Row,
    Task,
    Timetable,
    Verdict,
)

LOG = logging.getLogger(__name__)

_EVERY_LANE = (Lane.FAST, Lane.SLOW)


def _ignore(_lateness: float, _lane: Lane) -> None:
    pass


@dataclasses.dataclass(slots=True)
class _Run:
    """A task that is run, and the lane whose threads it takes one of."""

    row: Row
    due: float
    lane: Lane
    counted: Lane


class Scheduler:
    """A timetable and the threads that keep it."""

    def __init__(
        self,
        *,
        threads: int,
        clock: clocks.Clock,
        name: str = 'poll',
        random: Callable[[], float] = random.random,
        on_late: Callable[[float, Lane], None] = _ignore,
    ) -> None:
        """Prepare; ``start`` begins to run tasks.

        :param threads: how many runs there may be at a time, and as many
            more while some of them are overdue
        :param on_late: told of every run by how many seconds it is late,
            and its lane
        """
        self._clock = clock
        self._limit = threads
        self._name = name
        self._on_late = on_late
        self._table = Timetable(random)
        self._changed = threading.Condition()
        self._stopped = False
        self._busy = dict.fromkeys(Lane, 0)
        self._active: dict[Hashable, _Run] = {}
        self._runs: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._watcher = threading.Thread(
            target=self._watch, name=f'{name}-watcher', daemon=True
        )

    def __len__(self) -> int:
        with self._changed:
            return len(self._table)

    def start(self) -> None:
        self._watcher.start()

    def threads(self) -> list[threading.Thread]:
        """All threads that were ever started."""
        return [self._watcher, *self._threads]

    def stop(self, timeout: float) -> None:
        """Begin no more runs; wait for those that go on.

        :param timeout: seconds to wait for all of them together
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        deadline = clocks.SystemClock().monotonic() + timeout
        for thread in self.threads():
            left = deadline - clocks.SystemClock().monotonic()
            if thread.is_alive():
                thread.join(max(0.0, left))

    def add(
        self, key: Hashable, task: Task, pace: Pace, within: float = 0.0
    ) -> None:
        """Run a task now, and then at its pace.

        :param within: seconds over which first runs are spread
        """
        with self._changed:
            now = self._clock.monotonic()
            self._table.add(key, task, pace, now, within)
            self._changed.notify()

    def remove(self, key: Hashable) -> None:
        """Run it no more; a run that has begun goes on."""
        with self._changed:
            self._table.remove(key)

    def is_running(self, key: Hashable) -> bool:
        with self._changed:
            return self._table.is_running(key)

    def newly_overdue(self) -> list[Hashable]:
        """The tasks that are too late, or take too long; see ``Timetable``."""
        with self._changed:
            late = self._table.newly_overdue(self._clock.monotonic())
            for key in late:
                self._set_aside(key)
            self._changed.notify()
        return late

    def run_due(self) -> int:
        """Run what is due now in the calling thread.

        :returns: how many runs that were
        """
        count = 0
        while True:
            with self._changed:
                row = self._table.take(self._clock.monotonic(), _EVERY_LANE)
            if row is None:
                return count
            self._run(row)
            count += 1

    def _watch(self) -> None:
        while (run := self._wait()) is not None:
            self._runs.put(run)
        for _ in self._threads:
            self._runs.put(None)

    def _set_aside(self, key: Hashable) -> None:
        run = self._active.get(key)
        if run is not None:
            self._busy[run.counted] -= 1
            run.counted = Lane.SLOW
            self._busy[run.counted] += 1

    def _wait(self) -> _Run | None:
        with self._changed:
            while not self._stopped:
                now = self._clock.monotonic()
                lanes = self._open_lanes()
                row = self._table.take(now, lanes)
                if row is not None:
                    return self._begin(row)
                due = self._table.next_due(lanes)
                self._changed.wait(None if due is None else due - now)
        return None

    def _open_lanes(self) -> tuple[Lane, ...]:
        fast, slow = self._busy[Lane.FAST], self._busy[Lane.SLOW]
        slow_limit = max(1, self._limit // 2)
        is_full = fast + min(slow, slow_limit) >= self._limit
        if is_full or fast + slow >= 2 * self._limit:
            return ()
        return (Lane.FAST,) if slow >= slow_limit else _EVERY_LANE

    def _begin(self, row: Row) -> _Run:
        run = _Run(row, row.due, row.lane, row.lane)
        self._active[row.key] = run
        self._busy[run.counted] += 1
        if sum(self._busy.values()) > len(self._threads):
            number = len(self._threads)
            thread = threading.Thread(
                target=self._work, name=f'{self._name}-{number}', daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return run

    def _work(self) -> None:
        while (run := self._runs.get()) is not None:
            self._on_late(self._clock.monotonic() - run.due, run.lane)
            self._run(run.row)
            with self._changed:
                self._busy[run.counted] -= 1
                # The task may have begun once more already.
                if self._active.get(run.row.key) is run:
                    del self._active[run.row.key]
                self._changed.notify()

    def _run(self, row: Row) -> None:
        try:
            verdict = row.task()
        except Exception:
            LOG.exception('A scheduled task has failed; key=%s', row.key)
            verdict = Verdict(failed=True)
        with self._changed:
            self._table.done(row, verdict, self._clock.monotonic())
            self._changed.notify()
