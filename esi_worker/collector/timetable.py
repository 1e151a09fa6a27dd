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

"""When a task is due: a grid of its own, back-off, two lanes.

A *task* runs as soon as it is added, and then at the points of a grid
that starts there and never moves: a run that was late, or took long,
does not delay the next one. Each run is spread around its point at
random. A task that fails again and again leaves out more and more
points.

There are two *lanes*. Tasks whose last run failed stand in the slow one,
which a caller may hold back, so that they cannot delay the others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
import dataclasses
import enum
import heapq
import itertools
import math


class Lane(enum.Enum):
    """Where a task waits."""

    FAST = 'fast'
    SLOW = 'slow'


@dataclasses.dataclass(frozen=True, slots=True)
class Pace:
    """How often a task runs; all in seconds.

    ``limit`` is how long a run may take, and how late one may be, before
    the task is overdue. ``jitter`` is the part of the interval by which
    runs are spread; ``backoff`` the most intervals between two runs that
    fail.
    """

    interval: float
    limit: float
    jitter: float = 0.0
    backoff: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended.

    ``retry`` are the seconds until it is to be tried again, off the
    grid; ``once`` says that it is not due again at all.
    """

    failed: bool = False
    retry: float | None = None
    once: bool = False


Task = Callable[[], Verdict]


@dataclasses.dataclass(slots=True)
class Row:
    """One task and what is known of it."""

    key: Hashable
    task: Task
    pace: Pace
    #: The point of the grid that the next run belongs to.
    point: float = 0.0
    due: float = 0.0
    lane: Lane = Lane.FAST
    failures: int = 0
    running_since: float | None = None
    again: bool = False
    removed: bool = False
    #: How often it was told that this run is overdue.
    told: int = 0
    #: Which of its entries in the heap counts.
    ticket: int = -1


class Timetable:
    """The due times of tasks; whoever calls it holds the lock."""

    def __init__(self, random: Callable[[], float]) -> None:
        """:param random: gives a number from 0 to 1"""
        self._random = random
        self._rows: dict[Hashable, Row] = {}
        self._heaps: dict[Lane, list[tuple[float, int, Row]]] = {
            lane: [] for lane in Lane
        }
        self._running: dict[Hashable, Row] = {}
        self._tickets = itertools.count()

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def add(
        self,
        key: Hashable,
        task: Task,
        pace: Pace,
        now: float,
        within: float = 0.0,
    ) -> None:
        """Make a task due at once; one that runs now runs once more.

        :param within: seconds over which first runs are spread at random
        """
        row = self._rows.get(key) or self._running.get(key)
        if row is None:
            row = Row(key, task, pace)
        self._rows[key] = row
        row.task, row.pace, row.removed = task, pace, False
        if row.running_since is not None:
            row.again = True
            return
        share = self._random() if within else 0.0
        # The first run comes early; the second begins the grid.
        row.point = (
            now
            + share * max(within, pace.interval)
            - (pace.interval if within else 0.0)
        )
        self._push(row, now + share * within)

    def remove(self, key: Hashable) -> None:
        """Forget a task; a run that has begun goes on."""
        row = self._rows.pop(key, None)
        if row is not None:
            row.removed = True

    def take(self, now: float, lanes: tuple[Lane, ...]) -> Row | None:
        """Begin the next task of these lanes that is due."""
        for lane in lanes:
            heap = self._waiting(lane)
            if heap and heap[0][0] <= now:
                _, _, row = heapq.heappop(heap)
                row.running_since = now
                row.again, row.told = False, 0
                self._running[row.key] = row
                return row
        return None

    def done(self, row: Row, verdict: Verdict, now: float) -> None:
        """End a run, and find out when the task is due again."""
        del self._running[row.key]
        row.running_since = None
        row.failures = row.failures + 1 if verdict.failed else 0
        row.lane = Lane.SLOW if verdict.failed else Lane.FAST
        if row.removed:
            return
        if row.again:
            self._push(row, now)
        elif verdict.once:
            del self._rows[row.key]
        else:
            self._push(row, self._next(row, verdict, now))

    def next_due(self, lanes: tuple[Lane, ...]) -> float | None:
        """When the next task of these lanes is due, None when none is."""
        heaps = [self._waiting(lane) for lane in lanes]
        return min((heap[0][0] for heap in heaps if heap), default=None)

    def newly_overdue(self, now: float) -> list[Hashable]:
        """The tasks that are beyond their limit.

        Each is told once, and then once in each interval, as if it ran
        and failed.
        """
        late = [
            row
            for row in self._rows.values()
            if now - self._since(row) > self._patience(row)
        ]
        for row in late:
            row.told += 1
        return [row.key for row in late]

    def is_running(self, key: Hashable) -> bool:
        return key in self._running

    def _since(self, row: Row) -> float:
        return row.due if row.running_since is None else row.running_since

    def _patience(self, row: Row) -> float:
        return row.pace.limit + row.told * row.pace.interval

    def _next(self, row: Row, verdict: Verdict, now: float) -> float:
        interval = row.pace.interval
        doublings = min(max(row.failures - 1, 0), 16)
        steps = min(1 << doublings, row.pace.backoff)
        # A run that was early or late belongs to its point all the same.
        passed = math.floor((now - row.point) / interval) + 1
        point = row.point + interval * max(steps, passed, 1)
        if verdict.retry is not None and now + verdict.retry < point:
            return now + verdict.retry
        row.point = point
        return point + interval * row.pace.jitter * (self._random() - 0.5)

    def _push(self, row: Row, due: float) -> None:
        row.due, row.ticket = due, next(self._tickets)
        heapq.heappush(self._heaps[row.lane], (due, row.ticket, row))

    def _waiting(self, lane: Lane) -> list[tuple[float, int, Row]]:
        """The heap of a lane, without what does not count any more."""
        heap = self._heaps[lane]
        while heap:
            _, ticket, row = heap[0]
            if not row.removed and ticket == row.ticket:
                break
            heapq.heappop(heap)
        return heap
