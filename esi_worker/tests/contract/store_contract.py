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

"""What every store owes its users: keys, transactions and ranges.

Mixins with tests and no store; ``test_memory_store`` and
``test_etcd_store`` run them, and those
of ``watch_contract``. Every test works under a key prefix of its
own, so that one etcd serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
import threading
from typing import Any
import uuid

import testtools

from esi_worker import exceptions
from esi_worker.store import base

#: Far longer than anything takes; only a failing test waits for it.
PATIENCE = 40.0


class StoreContract(testtools.TestCase):
    """What the tests need; subclasses give the store."""

    store: base.Store

    def setUp(self) -> None:
        super().setUp()
        self.prefix = f'/test-{uuid.uuid4().hex}/'
        self.store = self.make_store()
        self.addCleanup(self.store.close)

    def make_store(self) -> base.Store:
        raise NotImplementedError

    def compact(self, revision: int) -> None:
        raise NotImplementedError

    def outlive(self, lease: base.Lease) -> None:
        """Let time pass until an unrenewed lease is over."""
        raise NotImplementedError

    def key(self, name: str) -> str:
        return self.prefix + name

    def put_many(self, names: Iterable[str]) -> int:
        puts = [base.Put(self.key(name), name) for name in names]
        revision = 0
        for start in range(0, len(puts), 100):
            chunk = puts[start : start + 100]
            revision = self.store.txn((), chunk).revision
        return revision

    def open_watch(self, *starts: tuple[str, int]) -> base.Watch:
        watch = self.store.watch(dict(starts))
        self.addCleanup(watch.close)
        return watch

    def next_batch(self, watch: base.Watch) -> base.WatchBatch:
        batch = watch.next(PATIENCE)
        assert batch is not None
        return batch

    def read_until(
        self, watch: base.Watch, revision: int
    ) -> list[base.WatchBatch]:
        batches = [self.next_batch(watch)]
        while batches[-1].revision < revision:
            batches.append(self.next_batch(watch))
        return batches

    def assert_raises(
        self, kind: type[Exception], call: Callable[..., object], *args: Any
    ) -> None:
        with testtools.ExpectedException(kind):
            call(*args)


class ReadAndWrite(StoreContract):
    """Single keys."""

    def test_a_value_is_read_back(self) -> None:
        revision = self.store.put(self.key('a'), 'one')

        found = self.store.get(self.key('a'))

        self.assertEqual(
            base.KeyValue(self.key('a'), 'one', revision, revision, 1), found
        )

    def test_a_missing_key_is_none(self) -> None:
        self.assertIsNone(self.store.get(self.key('a')))

    def test_a_change_keeps_the_create_revision(self) -> None:
        first = self.store.put(self.key('a'), 'one')
        second = self.store.put(self.key('a'), 'two')

        found = self.store.get(self.key('a'))

        self.assertGreater(second, first)
        self.assertEqual(
            base.KeyValue(self.key('a'), 'two', first, second, 2), found
        )

    def test_a_key_that_is_made_anew_starts_anew(self) -> None:
        self.store.put(self.key('a'), 'one')
        self.store.delete(self.key('a'))
        again = self.store.put(self.key('a'), 'two')

        found = self.store.get(self.key('a'))

        assert found is not None
        self.assertEqual((again, 1), (found.create_revision, found.version))

    def test_deleting_a_missing_key_changes_nothing(self) -> None:
        before = self.store.put(self.key('a'), '')

        self.assertEqual(before, self.store.delete(self.key('b')))

    def test_many_keys_are_read_at_once(self) -> None:
        names = [f'{number:03}' for number in range(300)]
        self.put_many(names)
        keys = [self.key(name) for name in [*names, 'missing']]

        found = self.store.get_many(keys)

        self.assertEqual(set(keys[:-1]), set(found))

    def test_odd_keys_and_values_pass_through(self) -> None:
        odd = ['a b', 'a//b/', '100%2F', 'ümläut', '日本', '\udcff\udc80', '']
        for text in odd:
            key = self.key(f'<{text}>')
            self.store.put(key, text)
            found = self.store.get(key)
            assert found is not None
            self.assertEqual((key, text), (found.key, found.value))

    def test_a_big_value_passes_through(self) -> None:
        value = 'x' * 1024 * 1024
        self.store.put(self.key('a'), value)

        found = self.store.get(self.key('a'))

        assert found is not None
        self.assertEqual(value, found.value)


class Transactions(StoreContract):
    """Compares, branches and limits."""

    def holds(self, *compares: base.Compare) -> bool:
        return self.store.txn(compares, ()).succeeded

    def test_the_branches_are_exclusive(self) -> None:
        key = self.key('a')
        for expected in (True, False):
            result = self.store.txn(
                [base.Compare.missing(key)],
                [base.Put(key, 'made')],
                [base.Put(self.key('b'), 'was there'), base.Get(key)],
            )
            self.assertEqual(expected, result.succeeded)
        self.assertEqual('made', result.values[key].value)
        self.assertIsNotNone(self.store.get(self.key('b')))

    def test_all_changes_have_one_revision(self) -> None:
        result = self.store.txn(
            (), [base.Put(self.key('a'), ''), base.Put(self.key('b'), '')]
        )

        items = self.store.range(self.prefix).items

        self.assertEqual(
            [result.revision] * 2, [kv.mod_revision for kv in items]
        )

    def test_a_read_sees_what_its_transaction_wrote(self) -> None:
        key = self.key('a')

        result = self.store.txn(
            (), [base.Put(key, 'new'), base.Get(key), base.Get(key + 'x')]
        )

        self.assertEqual(['new'], [kv.value for kv in result.values.values()])
        self.assertEqual(result.revision, result.values[key].mod_revision)

    def test_compares_of_a_key_that_exists(self) -> None:
        key = self.key('a')
        created = self.store.put(key, 'one')
        changed = self.store.put(key, 'two')

        for compare, expected in (
            (base.Compare.missing(key), False),
            (base.Compare.exists(key), True),
            (base.Compare.created_at(key, created), True),
            (base.Compare.created_at(key, changed), False),
            (base.Compare.created_before(key, created), False),
            (base.Compare.created_before(key, changed), True),
            (base.Compare.modified_at(key, changed), True),
            (base.Compare.modified_at(key, created), False),
            (base.Compare.value_is(key, 'two'), True),
            (base.Compare.value_is(key, 'one'), False),
        ):
            self.assertEqual(expected, self.holds(compare), str(compare))

    def test_compares_of_a_missing_key(self) -> None:
        key = self.key('a')
        not_x = base.Compare(
            key, base.Target.VALUE, base.Relation.NOT_EQUAL, 'x'
        )

        for compare, expected in (
            (base.Compare.missing(key), True),
            (base.Compare.exists(key), False),
            (base.Compare.created_before(key, 1), True),
            (base.Compare.modified_at(key, 0), True),
            (base.Compare.value_is(key, ''), False),
            (not_x, False),
        ):
            self.assertEqual(expected, self.holds(compare), str(compare))

    def test_values_compare_as_bytes(self) -> None:
        key = self.key('a')
        self.store.put(key, 'é')

        for operand, relation in (
            ('z', base.Relation.GREATER),
            ('ü', base.Relation.LESS),
            ('\udcff', base.Relation.LESS),
            ('z', base.Relation.NOT_EQUAL),
        ):
            compare = base.Compare(key, base.Target.VALUE, relation, operand)
            self.assertTrue(self.holds(compare), str(compare))

    def test_every_compare_must_hold(self) -> None:
        a, b = self.key('a'), self.key('b')
        self.store.put(a, '')

        self.assertTrue(
            self.holds(base.Compare.exists(a), base.Compare.missing(b))
        )
        self.assertFalse(
            self.holds(base.Compare.exists(a), base.Compare.exists(b))
        )

    def test_a_key_that_is_changed_twice_is_refused(self) -> None:
        put, delete = base.Put(self.key('a'), ''), base.Delete(self.key('a'))
        for changes in ((put, put), (put, delete), (delete, put)):
            self.assert_raises(
                exceptions.DuplicateKey, self.store.txn, (), changes
            )
        self.assert_raises(
            exceptions.DuplicateKey,
            lambda: self.store.txn((), (), (put, put)),
        )
        self.store.txn((), [delete, delete])
        self.assertIsNone(self.store.get(self.key('a')))

    def test_too_many_operations_are_refused(self) -> None:
        puts = [base.Put(self.key(str(each)), '') for each in range(129)]
        compares = [base.Compare.missing(put.key) for put in puts]

        for request in ((), puts, ()), ((), (), puts), (compares, (), ()):
            self.assert_raises(
                exceptions.TooManyOperations,
                self.store.txn,
                *request,
            )
        self.store.txn(compares[:128], puts[:128])

    def test_a_request_that_is_too_large_is_refused(self) -> None:
        for size in (1600 * 1024, 4 * 1024 * 1024):
            value = 'x' * size
            self.assert_raises(
                exceptions.RequestTooLarge,
                self.store.put,
                self.key('a'),
                value,
            )

    def test_text_that_is_not_unicode_is_refused(self) -> None:
        self.assert_raises(
            exceptions.RequestRefused,
            self.store.put,
            self.key('a'),
            'a lone \ud800 surrogate',
        )

    def test_an_empty_key_is_refused(self) -> None:
        self.assert_raises(
            exceptions.RequestRefused, lambda: self.store.put('', 'x')
        )


class Ranges(StoreContract):
    """Prefixes read at one revision."""

    def test_a_prefix_is_read_in_key_order(self) -> None:
        names = ['b', 'a', 'ü', 'a/b', 'B', '\udcff']
        revision = self.put_many(names)
        self.store.put(self.prefix[:-1] + '0', 'next to it')

        snapshot = self.store.range(self.prefix)

        self.assertEqual(
            ['B', 'a', 'a/b', 'b', 'ü', '\udcff'],
            [kv.value for kv in snapshot.items],
        )
        self.assertLess(revision, snapshot.revision)
        self.assertEqual(self.prefix, snapshot.prefix)

    def test_an_empty_prefix_has_a_revision(self) -> None:
        revision = self.store.put(self.key('a'), '')

        snapshot = self.store.range(self.key('none/'))

        self.assertEqual((), snapshot.items)
        self.assertGreaterEqual(snapshot.revision, revision)

    def test_a_range_in_pages_is_complete(self) -> None:
        names = [f'{number:03}' for number in range(25)]
        self.put_many(names)

        for page_size in (1, 5, 24, 25, 26):
            items = self.store.range(self.prefix, page_size=page_size).items
            self.assertEqual(names, [kv.value for kv in items])

    def test_a_range_can_show_the_past(self) -> None:
        revision = self.put_many(['a', 'b', 'c'])
        self.store.put(self.key('a'), 'later')
        self.store.delete(self.key('b'))
        self.store.put(self.key('d'), '')

        snapshot = self.store.range(
            self.prefix, page_size=2, revision=revision
        )

        self.assertEqual(revision, snapshot.revision)
        self.assertEqual(['a', 'b', 'c'], [kv.value for kv in snapshot.items])

    def test_a_past_that_is_compacted_cannot_be_read(self) -> None:
        old = self.put_many(['a', 'b'])
        self.store.put(self.key('a'), 'later')
        kept = self.store.delete(self.key('b'))
        self.compact(kept)

        self.assertRaises(
            exceptions.RevisionCompacted,
            self.store.range,
            self.prefix,
            revision=old,
        )
        (kv,) = self.store.range(self.prefix, revision=kept).items
        self.assertEqual('later', kv.value)

    def test_pages_show_one_revision_while_others_write(self) -> None:
        stop = threading.Event()
        names = [f'{number:02}' for number in range(10)]

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                self.store.txn(
                    (), [base.Put(self.key(n), str(number)) for n in names]
                )

        self.put_many(['00'])
        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(stop.set)
        for _ in range(20):
            items = self.store.range(self.prefix, page_size=2).items
            self.assertEqual(1, len({kv.mod_revision for kv in items}))
