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

"""When to poll: due times, a pool of threads, no overlap.

A *task* is a callable under a key that returns the seconds until it
wants to run again. It runs at once when it is added, and never twice at
the same time. ``Timetable`` decides and can be driven by hand;
``Scheduler`` adds the threads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
import dataclasses
import heapq
import itertools
import threading

from oslo_log import log as logging

from esi_worker import clock as clocks

LOG = logging.getLogger(__name__)

#: Runs a task; gives the seconds until it is due again.
Task = Callable[[], float]

_AFTER_AN_ERROR = 60.0


@dataclasses.dataclass(slots=True)
class _Row:
    key: Hashable
    task: Task
    limit: float
    running_since: float | None = None
    again: bool = False
    removed: bool = False
    #: Set once it was told that this run takes too long.
    overdue: bool = False
    #: Which of its entries in the heap counts.
    ticket: int = -1


class Timetable:
    """The due times of tasks; whoever calls it holds the lock."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, _Row] = {}
        self._heap: list[tuple[float, int, _Row]] = []
        self._running: dict[Hashable, _Row] = {}
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, key: Hashable, task: Task, limit: float, now: float) -> None:
        """Make a task due at once; one that runs now runs once more."""
        row = self._rows.get(key) or self._running.get(key)
        if row is None:
            row = _Row(key, task, limit)
        self._rows[key] = row
        row.task, row.limit, row.removed = task, limit, False
        if row.running_since is not None:
            row.again = True
            return
        self._push(row, now)

    def remove(self, key: Hashable) -> None:
        """Forget a task; a run that has begun goes on."""
        row = self._rows.pop(key, None)
        if row is not None:
            row.removed = True

    def take(self, now: float) -> _Row | None:
        """Begin the next task that is due."""
        self._skip()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, row = heapq.heappop(self._heap)
        row.running_since = now
        row.again = row.overdue = False
        self._running[row.key] = row
        return row

    def done(self, row: _Row, delay: float, now: float) -> None:
        """End a run; the task is due again after ``delay`` seconds."""
        del self._running[row.key]
        row.running_since = None
        if not row.removed:
            self._push(row, now if row.again else now + delay)

    def next_due(self) -> float | None:
        """When the next task is due, None when none waits."""
        self._skip()
        return self._heap[0][0] if self._heap else None

    def newly_overdue(self, now: float) -> list[Hashable]:
        """The tasks that have just passed their limit; each run once."""
        late = [
            row
            for row in self._running.values()
            if row.running_since is not None
            and now - row.running_since > row.limit
            and not row.overdue
        ]
        for row in late:
            row.overdue = True
        return [row.key for row in late if not row.removed]

    def _push(self, row: _Row, due_at: float) -> None:
        row.ticket = next(self._tickets)
        heapq.heappush(self._heap, (due_at, row.ticket, row))

    def _skip(self) -> None:
        while self._heap:
            _, ticket, row = self._heap[0]
            if not row.removed and ticket == row.ticket:
                return
            heapq.heappop(self._heap)


class Scheduler:
    """Runs tasks when they are due, in a fixed number of threads."""

    def __init__(self, *, threads: int, clock: clocks.Clock) -> None:
        self._clock = clock
        self._table = Timetable()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(
                target=self._work, name=f'poll-{number}', daemon=True
            )
            for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Begin no more runs; wait for those that go on.

        :param timeout: seconds to wait for all of them together
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        deadline = clocks.SystemClock().monotonic() + timeout
        for thread in self._threads:
            left = deadline - clocks.SystemClock().monotonic()
            if thread.is_alive():
                thread.join(max(0.0, left))

    def add(self, key: Hashable, task: Task, limit: float) -> None:
        """Run a task now, and then when it wants to.

        :param limit: seconds after which a run is overdue
        """
        with self._changed:
            self._table.add(key, task, limit, self._clock.monotonic())
            self._changed.notify()

    def remove(self, key: Hashable) -> None:
        with self._changed:
            self._table.remove(key)

    def newly_overdue(self) -> list[Hashable]:
        """The tasks whose run has just passed its limit."""
        with self._changed:
            return self._table.newly_overdue(self._clock.monotonic())

    def run_due(self) -> int:
        """Run what is due now in the calling thread.

        :returns: how many runs that were
        """
        count = 0
        while True:
            with self._changed:
                row = self._table.take(self._clock.monotonic())
            if row is None:
                return count
            self._run(row)
            count += 1

    def _work(self) -> None:
        while (row := self._wait()) is not None:
            self._run(row)

    def _wait(self) -> _Row | None:
        with self._changed:
            while not self._stopped:
                now = self._clock.monotonic()
                row = self._table.take(now)
                if row is not None:
                    return row
                due = self._table.next_due()
                self._changed.wait(None if due is None else due - now)
        return None

    def _run(self, row: _Row) -> None:
        try:
            delay = row.task()
        except Exception:
            LOG.exception('A scheduled task has failed; key=%s', row.key)
            delay = _AFTER_AN_ERROR
        with self._changed:
            self._table.done(row, delay, self._clock.monotonic())
            self._changed.notify()
