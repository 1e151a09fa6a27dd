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

"""What every store owes its users: leases and watches."""

from __future__ import annotations

import threading
import time

from esi_worker import exceptions
from esi_worker.store import base
from esi_worker.tests.contract import store_contract
from esi_worker.tests.contract.store_contract import PATIENCE


class Leases(store_contract.StoreContract):
    """Keys that vanish with their owner."""

    def test_keys_vanish_together_when_a_lease_is_over(self) -> None:
        lease = self.store.grant(1)
        made = self.store.txn(
            (), [base.Put(self.key(n), n, lease.id) for n in 'ab']
        )
        watch = self.open_watch((self.prefix, made.revision + 1))

        self.outlive(lease)
        batch = self.next_batch(watch)

        self.assertEqual(
            [(base.EventType.DELETE, self.key(n)) for n in 'ab'],
            sorted((each.type, each.kv.key) for each in batch.events),
        )
        self.assertEqual(
            {batch.revision}, {each.kv.mod_revision for each in batch.events}
        )
        self.assertEqual(0.0, lease.remaining())

    def test_a_lease_that_is_over_is_lost(self) -> None:
        lease = self.store.grant(1)
        watch = self.open_watch((self.prefix, 0))
        self.store.put(self.key('a'), '', lease=lease.id)
        self.next_batch(watch)

        self.outlive(lease)
        self.next_batch(watch)

        self.assertFalse(lease.lost)
        self.assert_raises(exceptions.LeaseLost, lease.renew)
        self.assertTrue(lease.lost)
        self.assert_raises(exceptions.LeaseLost, lease.renew)

    def test_a_key_names_its_lease(self) -> None:
        lease = self.store.grant(60)
        self.store.put(self.key('a'), '', lease=lease.id)

        found = self.store.get(self.key('a'))

        assert found is not None
        self.assertEqual(lease.id, found.lease)

    def test_a_renewal_gives_the_whole_time_again(self) -> None:
        lease = self.store.grant(60)

        lease.renew()

        self.assertEqual(60, lease.ttl)
        self.assertGreater(lease.remaining(), 60 - PATIENCE)
        self.assertLessEqual(lease.remaining(), 60)

    def test_a_revoked_lease_takes_its_keys(self) -> None:
        lease = self.store.grant(60)
        self.store.put(self.key('a'), '', lease=lease.id)
        self.store.put(self.key('b'), '')

        lease.revoke()
        lease.revoke()

        items = self.store.range(self.prefix).items
        self.assertEqual([self.key('b')], [kv.key for kv in items])
        self.assertTrue(lease.lost)
        self.assertEqual(0.0, lease.remaining())

    def test_a_key_that_left_its_lease_stays(self) -> None:
        lease = self.store.grant(60)
        self.store.put(self.key('a'), '', lease=lease.id)
        self.store.put(self.key('a'), '')

        lease.revoke()

        self.assertIsNotNone(self.store.get(self.key('a')))

    def test_nothing_is_put_on_a_lost_lease(self) -> None:
        lease = self.store.grant(60)
        lease.revoke()

        self.assert_raises(
            exceptions.LeaseLost,
            lambda: self.store.txn(
                (),
                [
                    base.Put(self.key('a'), ''),
                    base.Put(self.key('b'), '', lease.id),
                ],
            ),
        )
        self.assertEqual((), self.store.range(self.prefix).items)


class Watches(store_contract.StoreContract):
    """Changes in order, from any revision on."""

    def test_changes_come_in_order(self) -> None:
        watch = self.open_watch((self.prefix, 0))
        self.store.put(self.key('a'), 'one')
        self.store.put(self.key('a'), '')
        last = self.store.delete(self.key('a'))

        batches = self.read_until(watch, last)

        events = [each for batch in batches for each in batch.events]
        self.assertEqual(
            [('PUT', 'one', 1), ('PUT', '', 2), ('DELETE', '', 0)],
            [(each.type, each.kv.value, each.kv.version) for each in events],
        )
        self.assertEqual(last, events[-1].kv.mod_revision)

    def test_a_transaction_is_one_batch(self) -> None:
        watch = self.open_watch((self.prefix, 0))
        revision = self.put_many('abc')

        batch = self.next_batch(watch)

        self.assertEqual(revision, batch.revision)
        self.assertEqual(list('abc'), [each.kv.value for each in batch.events])

    def test_one_watch_follows_several_prefixes(self) -> None:
        a, b = self.key('a/'), self.key('b/')
        first = self.store.put(a + '1', 'a')
        self.store.put(b + '1', 'not seen')
        watch = self.open_watch((a, first), (b, 0))
        self.store.put(self.key('c/1'), 'not seen')
        self.store.put(b + '2', 'b')

        batches = [self.next_batch(watch) for _ in range(2)]

        self.assertEqual(
            {(a, 'a'), (b, 'b')},
            {(each.prefix, each.events[0].kv.value) for each in batches},
        )
        self.assertIsNone(watch.next(0))

    def test_a_watch_resumes_from_a_revision(self) -> None:
        self.store.put(self.key('a'), 'before')
        start = self.store.put(self.key('a'), 'start')
        self.store.put(self.key('other'), '')
        last = self.store.put(self.key('a'), 'last')

        watch = self.open_watch((self.key('a'), start))
        batches = self.read_until(watch, last)

        self.assertEqual(
            ['start', 'last'],
            [each.kv.value for batch in batches for each in batch.events],
        )

    def test_the_revision_is_never_ahead_of_the_events(self) -> None:
        # etcd catches up by 1,000 revisions at a time.
        start = self.store.put(self.key('0'), '')
        for number in range(1, 2000):
            last = self.store.put(self.key(str(number)), '')

        watch = self.open_watch((self.prefix, start))
        batches = self.read_until(watch, last)

        seen = 0
        for batch in batches:
            seen += len(batch.events)
            self.assertEqual(batch.events[-1].kv.mod_revision, batch.revision)
        self.assertEqual(2000, seen)

    def test_two_thousand_live_events_arrive_in_order(self) -> None:
        watch = self.open_watch((self.prefix, 0))
        names = [f'{number:04}' for number in range(2000)]

        last = self.put_many(names)
        batches = self.read_until(watch, last)

        self.assertEqual(
            names,
            [each.kv.value for batch in batches for each in batch.events],
        )

    def test_odd_and_big_values_arrive(self) -> None:
        values = ['', '\udcff\udc80x', 'ü', 'x' * 1024 * 1024, 'end']
        watch = self.open_watch((self.prefix, 0))
        for number, value in enumerate(values):
            last = self.store.put(self.key(f'{number} %/ü\udcfe'), value)

        batches = self.read_until(watch, last)

        events = [each for batch in batches for each in batch.events]
        self.assertEqual(values, [each.kv.value for each in events])
        self.assertEqual(self.key('4 %/ü\udcfe'), events[-1].kv.key)

    def test_nothing_new_is_none(self) -> None:
        watch = self.open_watch((self.prefix, 0))

        self.assertIsNone(watch.next(0))
        self.assertIsNone(watch.next(0.01))

    def test_a_compacted_start_is_told(self) -> None:
        start = self.store.put(self.key('a'), 'one')
        compacted = self.store.put(self.key('a'), 'two')
        self.compact(compacted)

        watch = self.open_watch((self.prefix, start))

        error = self.assertRaises(
            exceptions.WatchCompacted, watch.next, PATIENCE
        )
        self.assertGreaterEqual(error.compact_revision, compacted)

    def test_a_watch_starts_at_the_compacted_revision(self) -> None:
        self.store.put(self.key('a'), 'one')
        compacted = self.store.put(self.key('a'), 'two')
        self.compact(compacted)

        watch = self.open_watch((self.prefix, compacted))

        self.assertEqual(compacted, self.next_batch(watch).revision)

    def test_a_range_works_after_a_compaction(self) -> None:
        self.store.put(self.key('a'), 'one')
        self.compact(self.store.put(self.key('a'), 'two'))

        items = self.store.range(self.prefix).items

        self.assertEqual(['two'], [kv.value for kv in items])

    def test_close_wakes_a_thread_that_waits(self) -> None:
        watch = self.open_watch((self.prefix, 0))
        waiting = threading.Event()
        ended: list[Exception] = []

        def wait() -> None:
            waiting.set()
            try:
                watch.next(2 * PATIENCE)
            except exceptions.WatchError as error:
                ended.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        waiting.wait()
        started = time.monotonic()
        watch.close()
        waiter.join()

        self.assertLess(time.monotonic() - started, PATIENCE / 2)
        self.assertIsInstance(ended[0], exceptions.WatchDisconnected)
        watch.close()
        self.assert_raises(exceptions.WatchDisconnected, watch.next, 0)

    def test_closing_the_store_ends_its_watches(self) -> None:
        watch = self.open_watch((self.prefix, 0))

        self.store.close()

        self.assert_raises(exceptions.WatchDisconnected, watch.next, PATIENCE)
