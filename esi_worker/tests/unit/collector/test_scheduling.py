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

import threading

import testtools

from esi_worker import clock as clocks
from esi_worker.collector.scheduling import Scheduler, Timetable


def nothing() -> float:
    return 60.0


class TestTimetable(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.table = Timetable()

    def add(self, key: str, now: float = 0.0) -> None:
        self.table.add(key, nothing, 20.0, now)

    def test_a_task_is_due_at_once_and_then_after_its_delay(self) -> None:
        self.add('a')
        row = self.table.take(0.0)
        assert row is not None
        self.table.done(row, 60.0, 3.0)

        self.assertEqual(63.0, self.table.next_due())
        self.assertIsNone(self.table.take(62.9))
        self.assertIsNotNone(self.table.take(63.0))

    def test_the_earliest_comes_first(self) -> None:
        self.add('late', 2.0)
        self.add('early', 1.0)

        first, second = self.table.take(9.0), self.table.take(9.0)

        assert first is not None and second is not None
        self.assertEqual(('early', 'late'), (first.key, second.key))

    def test_a_task_never_runs_twice_at_once(self) -> None:
        self.add('a')
        row = self.table.take(0.0)
        self.add('a')

        self.assertIsNone(self.table.take(0.0))
        assert row is not None
        self.table.done(row, 60.0, 1.0)
        self.assertEqual(1.0, self.table.next_due())

    def test_not_even_when_it_was_removed_and_added_again(self) -> None:
        self.add('a')
        row = self.table.take(0.0)
        self.table.remove('a')
        self.add('a')

        self.assertIsNone(self.table.take(0.0))
        assert row is not None
        self.table.done(row, 60.0, 1.0)
        self.assertEqual(1.0, self.table.next_due())

    def test_a_removed_task_does_not_come_back(self) -> None:
        self.add('a')
        row = self.table.take(0.0)
        self.table.remove('a')
        assert row is not None
        self.table.done(row, 60.0, 1.0)
        self.add('b')
        self.table.remove('b')

        self.assertIsNone(self.table.next_due())
        self.assertEqual(0, len(self.table))

    def test_adding_again_makes_it_due_at_once(self) -> None:
        self.add('a')
        row = self.table.take(0.0)
        assert row is not None
        self.table.done(row, 60.0, 0.0)

        self.add('a', 5.0)

        self.assertIsNotNone(self.table.take(5.0))
        self.assertIsNone(self.table.next_due())

    def test_a_long_run_is_told_once(self) -> None:
        self.add('a')
        self.table.take(0.0)

        told = [self.table.newly_overdue(now) for now in (20.0, 21.0, 99.0)]

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

        def meet() -> float:
            meeting.wait(10.0)
            return 60.0

        scheduler.add('a', meet, 20.0)
        scheduler.add('b', meet, 20.0)

        meeting.wait(10.0)

    def test_runs_a_task_again(self) -> None:
        scheduler = self.start(1)
        runs = threading.Semaphore(0)

        def run() -> float:
            runs.release()
            return 0.01

        scheduler.add('a', run, 20.0)

        self.assertTrue(all(runs.acquire(timeout=10.0) for _ in range(3)))

    def test_survives_a_task_that_fails(self) -> None:
        scheduler = self.start(1)
        ran = threading.Event()

        def fail() -> float:
            raise ZeroDivisionError

        def succeed() -> float:
            ran.set()
            return 60.0

        scheduler.add('a', fail, 20.0)
        scheduler.add('b', succeed, 20.0)

        self.assertTrue(ran.wait(10.0))

    def test_stops_at_once_when_nothing_runs(self) -> None:
        scheduler = Scheduler(threads=2, clock=clocks.SystemClock())
        scheduler.start()
        scheduler.add('a', nothing, 20.0)

        scheduler.stop(10.0)

        self.assertEqual(
            [],
            [
                each
                for each in threading.enumerate()
                if each.name.startswith('poll-') and each in scheduler._threads
            ],
        )
