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

"""Packing transitions changes nothing but their speed."""

from __future__ import annotations

from collections.abc import Sequence
import unittest

import hypothesis
from hypothesis import strategies as st
import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, batching, memory

Transition = batching.Transition


def put(key: str, value: str = '') -> Transition:
    return Transition((), (base.Put(key, value),))


def create(key: str, value: str = '') -> Transition:
    return Transition((base.Compare.missing(key),), (base.Put(key, value),))


class CommitTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = memory.MemoryStore(clock=clocks.ManualClock())
        self.transactions = 0
        #: What to raise at the n-th transaction, and in which phase.
        self.faults: dict[tuple[int, str], Exception] = {}
        self.store.interceptor = self.intercept

    def intercept(self, name: str, phase: memory.Phase) -> None:
        if name == 'txn':
            self.transactions += phase == 'before'
            fault = self.faults.get((self.transactions, phase))
            if fault is not None:
                raise fault

    def test_many_transitions_take_few_transactions(self) -> None:
        results = batching.commit(
            self.store, [create(f'/{each}') for each in range(240)]
        )

        self.assertEqual(2, self.transactions)
        self.assertEqual([2] * 120 + [3] * 120, [r.revision for r in results])

    def test_nothing_to_commit_is_no_transaction(self) -> None:
        self.assertEqual([], batching.commit(self.store, []))
        self.assertEqual(0, self.transactions)

    def test_a_stale_transition_does_not_hurt_its_neighbours(self) -> None:
        self.store.put('/1', 'in the way')

        results = batching.commit(
            self.store, [create(f'/{each}') for each in range(3)]
        )

        self.assertEqual([True, False, True], [r.applied for r in results])
        self.assertIsNone(results[1].error)
        in_the_way = self.store.get('/1')
        assert in_the_way is not None
        self.assertEqual('in the way', in_the_way.value)

    def test_a_refused_transition_does_not_hurt_its_neighbours(self) -> None:
        doubled = Transition((), (base.Put('/1', ''), base.Delete('/1')))
        huge = put('/2', 'x' * 2 * 1024 * 1024)
        lapsed = Transition((), (base.Put('/3', '', 77),))
        broken = put('/4', '\ud800')

        results = batching.commit(
            self.store, [put('/0'), doubled, huge, lapsed, broken, put('/5')]
        )

        self.assertEqual(
            [
                None,
                exceptions.DuplicateKey,
                exceptions.RequestTooLarge,
                exceptions.LeaseLost,
                exceptions.RequestRefused,
                None,
            ],
            [r.error and type(r.error) for r in results],
        )
        items = self.store.range('/').items
        self.assertEqual(['/0', '/5'], [kv.key for kv in items])

    def test_changes_of_one_key_stay_in_order(self) -> None:
        results = batching.commit(
            self.store, [put('/a', '1'), put('/a', '2'), put('/a', '3')]
        )

        found = self.store.get('/a')
        assert found is not None
        self.assertEqual(('3', 3), (found.value, found.version))
        self.assertEqual(3, len({r.revision for r in results}))

    def test_a_compare_sees_what_an_earlier_transition_did(self) -> None:
        after = Transition((base.Compare.exists('/a'),), (base.Put('/b', ''),))

        results = batching.commit(self.store, [create('/a'), after])

        self.assertTrue(all(r.applied for r in results))

    def test_batches_keep_the_limits(self) -> None:
        fence = [base.Compare.exists('/leader')]
        transitions = [create(f'/{each}', 'x' * 20000) for each in range(300)]

        batches = list(batching.pack(transitions, fence))

        self.assertEqual(transitions, [t for batch in batches for t in batch])
        for batch in batches:
            size = sum(
                len(op.value)
                for t in batch
                for op in t.operations
                if isinstance(op, base.Put)
            )
            self.assertLessEqual(size, batching.MAX_BATCH_BYTES)
            self.assertLessEqual(len(batch) + 1, batching.MAX_BATCH_OPS)
        self.assertLess(len(batches), 8)

    def test_the_fence_counts_as_a_compare(self) -> None:
        fence = [base.Compare.exists('/leader')]
        transitions = [create(f'/{each}') for each in range(120)]

        self.assertEqual(
            [119, 1], [len(b) for b in batching.pack(transitions, fence)]
        )

    def test_a_lost_fence_stops_everything(self) -> None:
        mine = self.store.put('/leader', 'me')
        fence = [base.Compare.created_at('/leader', mine)]
        batching.commit(self.store, [put('/a')], fence=fence)
        self.store.delete('/leader')
        self.store.put('/leader', 'other')

        for transitions in ([put('/b')], [put('/b'), put('/c')]):
            with testtools.ExpectedException(exceptions.FenceLost):
                batching.commit(self.store, transitions, fence=fence)

        items = self.store.range('/').items
        self.assertEqual(['/a', '/leader'], [kv.key for kv in items])

    def test_a_lost_answer_tells_what_is_certain(self) -> None:
        self.faults[2, 'after'] = exceptions.StoreTimeout()
        transitions = [create(f'/{each}') for each in range(300)]

        error = self.assertRaises(
            exceptions.CommitInterrupted,
            batching.commit,
            self.store,
            transitions,
        )

        self.assertEqual(120, len(error.results))
        self.assertEqual(120, error.unknown)
        self.assertIsInstance(error, exceptions.StoreTimeout)
        self.assertEqual(240, len(self.store.range('/').items))

    def test_an_outage_tells_what_is_certain(self) -> None:
        self.faults[2, 'before'] = exceptions.StoreUnavailable('away')
        transitions = [create(f'/{each}') for each in range(300)]

        error = self.assertRaises(
            exceptions.CommitInterrupted,
            batching.commit,
            self.store,
            transitions,
        )

        self.assertEqual((120, 0), (len(error.results), error.unknown))
        self.assertIn('away', str(error))
        self.assertEqual(120, len(self.store.range('/').items))


KEYS = st.sampled_from(['/a', '/b', '/c', '/d', '/e', '/f'])
COMPARES = (
    st.builds(base.Compare.missing, KEYS)
    | st.builds(base.Compare.exists, KEYS)
    | st.builds(base.Compare.value_is, KEYS, st.sampled_from('xy'))
)
CHANGES = st.builds(base.Put, KEYS, st.sampled_from('xy')) | st.builds(
    base.Delete, KEYS
)
TRANSITIONS = st.lists(
    st.builds(
        Transition,
        st.lists(COMPARES, max_size=2).map(tuple),
        st.lists(CHANGES, max_size=3).map(tuple),
    ),
    max_size=12,
)


def one_by_one(
    store: base.Store, transitions: Sequence[Transition]
) -> list[bool]:
    results = []
    for transition in transitions:
        try:
            results.append(
                store.txn(transition.compares, transition.operations).succeeded
            )
        except exceptions.DuplicateKey:
            results.append(False)
    return results


class CommitPropertyTest(unittest.TestCase):
    @hypothesis.settings(
        max_examples=200, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(TRANSITIONS)
    def test_the_outcome_is_that_of_one_by_one(
        self, transitions: list[Transition]
    ) -> None:
        packed, single = memory.MemoryStore(), memory.MemoryStore()

        results = batching.commit(packed, transitions)
        expected = one_by_one(single, transitions)

        self.assertEqual(expected, [r.applied for r in results])
        self.assertEqual(
            [(kv.key, kv.value, kv.version) for kv in single.range('/').items],
            [(kv.key, kv.value, kv.version) for kv in packed.range('/').items],
        )
