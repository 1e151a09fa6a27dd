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

"""A follower on a store in memory, with time moved by hand."""

from __future__ import annotations

import itertools
import logging
import threading

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, following, memory

PULSE = '/pulse/me'
DEADLINE = 20.0


class FollowerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logged = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.clock = clocks.ManualClock()
        self.store = memory.MemoryStore(clock=self.clock)
        self.down = False
        self.calls: list[str] = []
        self.store.interceptor = self.intercept

    def intercept(self, name: str, phase: memory.Phase) -> None:
        if phase == 'before':
            self.calls.append(name)
            if self.down:
                raise exceptions.StoreUnavailable('etcd is away')

    def follow(
        self, *prefixes: str, pulse_key: str | None = PULSE
    ) -> following.Follower:
        follower = following.Follower(
            self.store,
            prefixes or ['/a/', '/b/'],
            pulse_key=pulse_key,
            silence_deadline=DEADLINE,
            clock=self.clock,
            max_backoff=8.0,
            jitter=lambda: 0.0,
        )
        self.addCleanup(follower.close)
        return follower

    def started(self, *prefixes: str) -> following.Follower:
        follower = self.follow(*prefixes)
        while not follower.alive:
            follower.poll(0)
        return follower

    def keys(self, follower: following.Follower) -> list[str]:
        """The keys of all changes that are at hand."""
        found: list[str] = []
        while (item := follower.poll(0)) is not None:
            assert isinstance(item, base.WatchBatch)
            found += [event.kv.key for event in item.events]
        return found

    def test_snapshots_come_first_then_changes(self) -> None:
        revision = self.store.put('/a/1', 'x')
        follower = self.follow()

        first, second = follower.poll(0), follower.poll(0)
        self.assertFalse(follower.alive)
        nothing = follower.poll(0)
        change = self.store.put('/b/1', 'y')
        batch = follower.poll(0)

        assert isinstance(first, base.Snapshot)
        assert isinstance(second, base.Snapshot)
        assert isinstance(batch, base.WatchBatch)
        self.assertEqual(('/a/', revision), (first.prefix, first.revision))
        self.assertEqual(('/b/', ()), (second.prefix, second.items))
        self.assertIsNone(nothing)
        self.assertTrue(follower.alive)
        self.assertEqual(('/b/', change), (batch.prefix, batch.revision))
        self.assertEqual(change, follower.revision('/b/'))

    def test_what_changes_between_list_and_watch_is_seen(self) -> None:
        follower = self.follow('/a/')
        follower.poll(0)
        self.store.put('/a/1', 'x')

        self.assertEqual(['/a/1'], self.keys(follower))

    def test_a_broken_watch_goes_on_where_it_was(self) -> None:
        follower = self.started()
        self.store.put('/a/1', 'before')
        self.store.break_watches()
        self.store.put('/a/2', 'meanwhile')
        self.store.delete('/b/1')
        self.store.put('/b/2', 'meanwhile')

        self.assertEqual(['/a/1'], self.keys(follower))
        self.assertFalse(follower.alive)
        self.assertIsInstance(follower.problem, exceptions.WatchDisconnected)
        self.clock.advance(1)

        self.assertEqual(['/a/2', '/b/2'], self.keys(follower))
        self.assertIsNone(follower.problem)

    def test_a_cancelled_watch_goes_on_where_it_was(self) -> None:
        follower = self.started()
        self.store.cancel_watches()
        self.store.put('/a/1', 'x')

        self.assertEqual([], self.keys(follower))
        self.clock.advance(1)
        self.assertEqual(['/a/1'], self.keys(follower))

    def test_repeated_batches_are_seen_once(self) -> None:
        follower = self.started()
        self.store.repeat_batches(2)
        self.store.put('/a/1', 'x')
        self.store.put('/a/2', 'y')

        self.assertEqual(['/a/1', '/a/2'], self.keys(follower))

    def test_only_the_compacted_prefix_is_listed_again(self) -> None:
        follower = self.started()
        self.store.put('/a/1', 'x')
        self.store.put('/a/2', 'x')
        self.assertEqual(['/a/1', '/a/2'], self.keys(follower))
        self.store.break_watches()
        follower.poll(0)
        # All of /a/ up to here was seen, of /b/ nothing for long.
        self.store.compact(self.store.put('/b/1', 'y'))
        self.clock.advance(1)

        self.assertIsNone(follower.poll(0))
        item = follower.poll(0)

        assert isinstance(item, base.Snapshot)
        self.assertEqual('/b/', item.prefix)
        self.assertEqual(['y'], [kv.value for kv in item.items])
        self.assertIsNone(follower.poll(0))
        self.store.put('/a/2', 'x')
        self.assertEqual(['/a/2'], self.keys(follower))

    def test_relist_hands_out_everything_again(self) -> None:
        follower = self.started()
        revision = self.store.put('/a/1', 'x')

        follower.relist()
        items = [follower.poll(0), follower.poll(0)]

        for item in items:
            assert isinstance(item, base.Snapshot)
            self.assertEqual(revision, item.revision)
        self.assertIsNone(follower.poll(0))

    def test_a_quiet_watch_proves_that_it_is_alive(self) -> None:
        follower = self.started()
        for _ in range(10):
            self.clock.advance(DEADLINE / 2)
            self.assertIsNone(follower.poll(0))
            self.assertIsNone(follower.poll(0))
            self.assertLess(follower.silence(), 1)
            self.assertTrue(follower.alive)
        self.assertEqual(10, self.calls.count('txn'))
        self.assertEqual(1, self.calls.count('watch'))

    def test_a_busy_watch_needs_no_pulse(self) -> None:
        follower = self.started()
        for number in range(10):
            self.clock.advance(DEADLINE / 4)
            self.store.put('/a/1', str(number))
            self.assertEqual(['/a/1'], self.keys(follower))
        self.assertIsNone(self.store.get(PULSE))

    def test_pulses_are_not_handed_out(self) -> None:
        follower = self.started('/pulse/')
        self.clock.advance(DEADLINE / 2)
        self.assertIsNone(follower.poll(0))
        self.store.put('/pulse/other', 'x')

        self.assertIsNotNone(self.store.get(PULSE))
        self.assertEqual(['/pulse/other'], self.keys(follower))

    def test_a_dead_watch_is_silent_at_the_deadline(self) -> None:
        follower = self.started()
        self.store.stall_watches()
        self.clock.advance(DEADLINE / 2)
        follower.poll(0)
        self.clock.advance(DEADLINE / 2 - 1)
        self.assertIsNone(follower.poll(0))
        self.assertIsNone(follower.problem)
        self.store.put('/a/1', 'not seen by the dead watch')
        self.clock.advance(1)
        self.assertIsNone(follower.poll(0))

        self.assertIsInstance(follower.problem, exceptions.WatchSilent)
        self.assertEqual(DEADLINE, follower.silence())
        self.clock.advance(1)
        self.assertEqual(['/a/1'], self.keys(follower))

    def test_a_pulse_that_is_refused_is_told(self) -> None:
        follower = self.started()
        self.down = True
        self.clock.advance(DEADLINE / 2)
        follower.poll(0)
        self.clock.advance(DEADLINE / 2)
        follower.poll(0)

        self.assertIsInstance(follower.problem, exceptions.WatchSilent)
        self.assertIn('etcd is away', str(follower.problem))

    def test_a_busy_consumer_is_no_dead_watch(self) -> None:
        follower = self.started()
        self.store.put('/a/1', 'x')
        self.clock.advance(10 * DEADLINE)

        self.assertEqual(['/a/1'], self.keys(follower))
        self.clock.advance(10 * DEADLINE)
        self.assertIsNone(follower.poll(0))
        self.assertIsNone(follower.poll(0))
        self.assertTrue(follower.alive)

    def test_without_a_pulse_key_nothing_is_written(self) -> None:
        follower = self.follow('/a/', pulse_key=None)
        follower.poll(0)
        follower.poll(0)
        self.clock.advance(10 * DEADLINE)

        self.assertIsNone(follower.poll(0))
        self.assertEqual(0, self.calls.count('txn'))
        self.assertIsNone(follower.problem)

    def test_a_pulse_outlives_its_lost_lease(self) -> None:
        follower = self.started()
        for _ in range(2):
            self.clock.advance(DEADLINE / 2)
            follower.poll(0)
            follower.poll(0)
            self.assertIsNotNone(self.store.get(PULSE))
            self.clock.advance(1000)
            self.store.expire_leases()
            self.assertIsNone(self.store.get(PULSE))
            follower.poll(0)
        self.assertTrue(follower.alive)

    def test_close_removes_the_pulse(self) -> None:
        follower = self.started()
        self.clock.advance(DEADLINE / 2)
        follower.poll(0)

        follower.close()

        self.assertIsNone(self.store.get(PULSE))
        self.assertIsNone(follower.poll(0))

    def test_tries_are_spaced_out_up_to_the_limit(self) -> None:
        follower = self.started()
        self.down = True
        self.store.break_watches()
        self.calls.clear()
        tries = []
        for tenth in range(600):
            before = len(self.calls)
            follower.poll(0)
            if len(self.calls) > before:
                tries.append(tenth / 10)
            self.clock.advance(0.1)

        gaps = [b - a for a, b in itertools.pairwise(tries)]
        self.assertLess(gaps[0], 1)
        self.assertLess(max(gaps), 8.3)
        self.assertGreater(max(gaps), 7.7)

    def test_an_outage_is_one_line_and_one_when_it_is_over(self) -> None:
        follower = self.started()
        self.down = True
        self.store.break_watches()
        for _ in range(20):
            follower.poll(0)
            self.clock.advance(10)
        self.down = False
        follower.poll(0)

        lines = self.logged.output.splitlines()
        self.assertEqual(2, len(lines), str(lines))
        self.assertIn('stopped', lines[0])
        self.assertIn('works again', lines[1])

    def test_a_store_that_is_away_at_start_is_awaited(self) -> None:
        self.down = True
        follower = self.follow('/a/')
        self.assertIsNone(follower.poll(0))
        self.assertIn('away', str(follower.problem))
        self.down = False
        self.clock.advance(1)

        self.assertIsInstance(follower.poll(0), base.Snapshot)

    def test_close_wakes_a_poll_that_waits(self) -> None:
        follower = self.started()
        waiter = threading.Thread(target=follower.poll, args=[60])
        waiter.start()

        follower.close()
        waiter.join(50)

        self.assertFalse(waiter.is_alive())
