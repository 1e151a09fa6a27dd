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

from __future__ import annotations

import functools
import threading

import testtools

from esi_worker import clock as clocks
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.timetable import (
    Lane,
    Pace,
    Row,
    Timetable,
    Verdict,
)

PACE = Pace(60.0, limit=20.0)
ALL = (Lane.FAST, Lane.SLOW)
OK = Verdict()
FAILED = Verdict(failed=True)


def nothing() -> Verdict:
    return OK


class TestTimetable(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.share = 0.5
        self.table = Timetable(lambda: self.share)

    def add(self, key: str, now: float = 0.0, pace: Pace = PACE) -> None:
        self.table.add(key, nothing, pace, now)

    def take(self, now: float, lanes: tuple[Lane, ...] = ALL) -> Row:
        row = self.table.take(now, lanes)
        assert row is not None
        return row

    def due(self) -> float | None:
        return self.table.next_due(ALL)

    def test_a_task_is_due_at_once_and_then_on_its_grid(self) -> None:
        self.add('a')
        self.table.done(self.take(0.0), OK, 3.0)

        self.assertEqual(60.0, self.due())
        self.assertIsNone(self.table.take(59.9, ALL))
        self.assertIsNotNone(self.table.take(60.0, ALL))

    def test_lateness_does_not_add_up(self) -> None:
        self.add('a')
        for point in (0.0, 60.0, 120.0):
            self.table.done(self.take(point + 7), OK, point + 9)

        self.assertEqual(180.0, self.due())

    def test_points_that_are_missed_are_left_out(self) -> None:
        self.add('a')

        self.table.done(self.take(0.0), OK, 150.0)

        self.assertEqual(180.0, self.due())

    def test_jitter_stays_around_the_grid(self) -> None:
        self.add('a', pace=Pace(60.0, 20.0, jitter=0.1))
        dues = []
        now = 0.0
        for share in (0.0, 1.0, 0.0, 0.5):
            self.share = share
            self.table.done(self.take(now), OK, now)
            now = self.due() or 0.0
            dues.append(now)

        self.assertEqual([57.0, 123.0, 177.0, 240.0], dues)

    def test_many_that_come_at_once_are_spread(self) -> None:
        self.table.add('a', nothing, PACE, 0.0, within=20.0)

        self.assertEqual(10.0, self.due())
        self.table.done(self.take(10.0), OK, 10.0)
        self.assertEqual(30.0, self.due())
        self.table.done(self.take(30.0), OK, 30.0)
        self.assertEqual(90.0, self.due())

    def test_what_fails_is_due_more_and_more_rarely(self) -> None:
        self.add('a', pace=Pace(60.0, 20.0, backoff=4))
        gaps = []
        now = 0.0
        for verdict in (FAILED, FAILED, FAILED, FAILED, OK):
            self.table.done(self.take(now), verdict, now + 10)
            due = self.due() or 0.0
            gaps.append(due - now)
            now = due

        self.assertEqual([60.0, 120.0, 240.0, 240.0, 60.0], gaps)

    def test_a_retry_does_not_move_the_grid(self) -> None:
        self.add('a')

        self.table.done(self.take(0.0), Verdict(retry=5.0), 1.0)
        self.assertEqual(6.0, self.due())
        self.table.done(self.take(6.0), OK, 6.0)

        self.assertEqual(60.0, self.due())

    def test_what_runs_once_is_gone_afterwards(self) -> None:
        self.add('a')

        self.table.done(self.take(0.0), Verdict(once=True), 1.0)

        self.assertEqual((None, 0), (self.due(), len(self.table)))

    def test_what_failed_waits_in_the_slow_lane(self) -> None:
        self.add('a')
        self.table.done(self.take(0.0), FAILED, 0.0)
        self.add('b', 60.0)

        self.assertEqual('b', self.take(60.0, (Lane.FAST,)).key)
        self.assertIsNone(self.table.take(60.0, (Lane.FAST,)))
        self.assertEqual('a', self.take(60.0).key)

    def test_the_earliest_comes_first(self) -> None:
        self.add('late', 2.0)
        self.add('early', 1.0)

        self.assertEqual('early', self.take(9.0).key)
        self.assertEqual('late', self.take(9.0).key)

    def test_a_task_never_runs_twice_at_once(self) -> None:
        self.add('a')
        row = self.take(0.0)
        self.add('a')

        self.assertIsNone(self.table.take(0.0, ALL))
        self.table.done(row, OK, 1.0)
        self.assertEqual(1.0, self.due())

    def test_not_even_when_it_was_removed_and_added_again(self) -> None:
        self.add('a')
        row = self.take(0.0)
        self.table.remove('a')
        self.add('a')

        self.assertIsNone(self.table.take(0.0, ALL))
        self.table.done(row, OK, 1.0)
        self.assertEqual(1.0, self.due())

    def test_a_removed_task_does_not_come_back(self) -> None:
        self.add('a')
        row = self.take(0.0)
        self.table.remove('a')
        self.table.done(row, OK, 1.0)
        self.add('b')
        self.table.remove('b')

        self.assertIsNone(self.due())
        self.assertEqual(0, len(self.table))

    def test_adding_again_makes_it_due_at_once(self) -> None:
        self.add('a')
        self.table.done(self.take(0.0), OK, 0.0)

        self.add('a', 5.0)

        self.assertIsNotNone(self.table.take(5.0, ALL))
        self.assertIsNone(self.due())

    def test_a_long_run_is_told_once_an_interval(self) -> None:
        self.add('a')
        self.take(0.0)

        told = [
            self.table.newly_overdue(now)
            for now in (20.0, 21.0, 80.0, 81.0, 82.0, 141.0)
        ]

        self.assertEqual([[], ['a'], [], ['a'], [], ['a']], told)

    def test_so_is_one_that_does_not_begin(self) -> None:
        self.add('a')

        told = [self.table.newly_overdue(now) for now in (20.0, 21.0, 79.0)]

        self.assertEqual([[], ['a'], []], told)


class TestScheduler(testtools.TestCase):
    def start(self, threads: int) -> Scheduler:
        scheduler = Scheduler(threads=threads, clock=clocks.SystemClock())
        scheduler.start()
        self.addCleanup(scheduler.stop, 10.0)
        return scheduler

    def test_runs_tasks_side_by_side(self) -> None:
        scheduler = self.start(2)
        # Passes only when both tasks are inside at the same time.
        meeting = threading.Barrier(3)

        def meet() -> Verdict:
            meeting.wait(30.0)
            return OK

        scheduler.add('a', meet, PACE)
        scheduler.add('b', meet, PACE)

        meeting.wait(30.0)

    def test_runs_a_task_again(self) -> None:
        scheduler = self.start(1)
        runs = threading.Semaphore(0)

        def run() -> Verdict:
            runs.release()
            return OK

        scheduler.add('a', run, Pace(0.01, 20.0))

        self.assertTrue(all(runs.acquire(timeout=30.0) for _ in range(3)))

    def test_survives_a_task_that_fails(self) -> None:
        scheduler = self.start(1)
        ran = threading.Event()

        def fail() -> Verdict:
            raise ZeroDivisionError

        def succeed() -> Verdict:
            ran.set()
            return OK

        scheduler.add('a', fail, PACE)
        scheduler.add('b', succeed, PACE)

        self.assertTrue(ran.wait(30.0))

    def test_what_hangs_gets_half_of_the_threads(self) -> None:
        scheduler = self.start(4)
        release, hanging = threading.Event(), threading.Semaphore(0)
        self.addCleanup(release.set)
        seen: dict[int, int] = {}

        def hang(number: int) -> Verdict:
            seen[number] = seen.get(number, 0) + 1
            if seen[number] > 1:
                hanging.release()
                release.wait(60.0)
            return FAILED

        for number in range(8):
            scheduler.add(
                number, functools.partial(hang, number), Pace(0.01, 20.0)
            )
        for _ in range(2):
            self.assertTrue(hanging.acquire(timeout=30.0))
        ran = threading.Event()

        def run() -> Verdict:
            ran.set()
            return OK

        scheduler.add('a', run, PACE)

        self.assertTrue(ran.wait(30.0))
        self.assertFalse(hanging.acquire(blocking=False))

    def hang(self, scheduler: Scheduler, count: int) -> threading.Semaphore:
        """Add tasks that never end; each that begins releases."""
        release, hanging = threading.Event(), threading.Semaphore(0)
        self.addCleanup(release.set)

        def run() -> Verdict:
            hanging.release()
            release.wait(60.0)
            return OK

        for number in range(count):
            scheduler.add(number, run, Pace(60.0, limit=0.0))
        return hanging

    def test_what_never_ends_does_not_use_the_threads_up(self) -> None:
        scheduler = self.start(2)
        hanging = self.hang(scheduler, 3)
        for _ in range(2):
            self.assertTrue(hanging.acquire(timeout=30.0))
        # Both are overdue, so the third may begin, and hangs too.
        scheduler.newly_overdue()
        self.assertTrue(hanging.acquire(timeout=30.0))
        scheduler.newly_overdue()
        ran = threading.Event()

        def run() -> Verdict:
            ran.set()
            return OK

        scheduler.add('a', run, PACE)

        self.assertTrue(ran.wait(30.0))

    def test_not_without_an_end(self) -> None:
        scheduler = self.start(2)
        hanging = self.hang(scheduler, 9)
        for _ in range(4):
            self.assertTrue(hanging.acquire(timeout=30.0))
            scheduler.newly_overdue()

        self.assertFalse(hanging.acquire(timeout=0.2))

    def test_stops_at_once_when_nothing_runs(self) -> None:
        scheduler = Scheduler(threads=2, clock=clocks.SystemClock())
        scheduler.start()
        scheduler.add('a', nothing, PACE)

        scheduler.stop(30.0)

        self.assertEqual(
            [], [each for each in scheduler.threads() if each.is_alive()]
        )
