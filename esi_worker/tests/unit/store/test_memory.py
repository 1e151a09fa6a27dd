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

"""The hooks with which tests break the store in memory."""

from __future__ import annotations

import threading

import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, memory


class MemoryStoreTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.store = memory.MemoryStore(clock=self.clock)

    def raise_at(self, phase: memory.Phase) -> None:
        def intercept(name: str, now: memory.Phase) -> None:
            if now == phase:
                raise exceptions.StoreTimeout(name)

        self.store.interceptor = intercept

    def test_a_call_that_fails_before_is_not_applied(self) -> None:
        self.raise_at('before')
        self.assertRaises(exceptions.StoreTimeout, self.store.put, '/a', 'x')
        self.store.interceptor = None

        self.assertIsNone(self.store.get('/a'))

    def test_a_call_that_fails_after_is_applied(self) -> None:
        self.raise_at('after')
        self.assertRaises(exceptions.StoreTimeout, self.store.put, '/a', 'x')
        self.store.interceptor = None

        self.assertIsNotNone(self.store.get('/a'))

    def test_broken_watches_hand_out_what_they_have(self) -> None:
        watch = self.store.watch({'/': 0})
        self.store.put('/a', 'x')
        self.store.break_watches()
        self.store.put('/b', 'y')

        self.assertIsNotNone(watch.next(0))
        for _ in range(2):
            self.assertRaises(exceptions.WatchDisconnected, watch.next, 0)

    def test_cancelled_watches_tell_the_reason(self) -> None:
        watch = self.store.watch({'/': 0})
        self.store.cancel_watches('because')

        error = self.assertRaises(exceptions.WatchCanceled, watch.next, 0)

        self.assertEqual('because', str(error))

    def test_stalled_watches_see_nothing_while_new_ones_do(self) -> None:
        stalled = self.store.watch({'/': 0})
        self.store.stall_watches()
        fresh = self.store.watch({'/': 0})
        self.store.put('/a', 'x')

        self.assertIsNone(stalled.next(0))
        self.assertIsNotNone(fresh.next(0))

    def test_batches_can_be_lost_and_repeated(self) -> None:
        watch = self.store.watch({'/': 0})
        self.store.drop_batches()
        self.store.put('/lost', '')
        self.store.repeat_batches()
        self.store.put('/twice', '')
        self.store.put('/once', '')

        keys = []
        while (batch := watch.next(0)) is not None:
            keys += [event.kv.key for event in batch.events]

        self.assertEqual(['/twice', '/twice', '/once'], keys)

    def test_the_limits_can_be_lowered(self) -> None:
        store = memory.MemoryStore(max_txn_ops=2, max_request_bytes=10)
        puts = [base.Put(key, '') for key in ('/a', '/b', '/c')]

        self.assertRaises(exceptions.TooManyOperations, store.txn, (), puts)
        self.assertRaises(
            exceptions.RequestTooLarge, store.put, '/a', 'x' * 10
        )

    def test_a_waiting_watch_sees_a_lease_expire(self) -> None:
        lease = self.store.grant(10)
        self.store.put('/a', '', lease=lease.id)
        watch = self.store.watch({'/': 0})
        seen: list[base.WatchBatch | None] = []
        waiter = threading.Thread(target=lambda: seen.append(watch.next(60)))
        waiter.start()

        self.clock.advance(10)
        waiter.join(60)

        assert seen[0] is not None
        self.assertEqual(base.EventType.DELETE, seen[0].events[0].type)

    def test_compacting_twice_is_refused(self) -> None:
        self.store.compact(self.store.put('/a', ''))

        self.assertRaises(exceptions.RevisionCompacted, self.store.compact, 2)
        self.assertRaises(exceptions.RequestRefused, self.store.compact, 9)
