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

"""A lease that is kept, through outages, until it is lost."""

from __future__ import annotations

import threading

import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import leasing, memory

TTL = 15


class LeaseKeeperTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.store = memory.MemoryStore(clock=self.clock)
        self.store.interceptor = self.intercept
        self.fault: tuple[memory.Phase, Exception] | None = None
        self.renewals = 0
        self.losses = 0

    def intercept(self, name: str, phase: memory.Phase) -> None:
        self.renewals += (name, phase) == ('renew', 'before')
        if self.fault is not None and self.fault[0] == phase:
            raise self.fault[1]

    def keeper(
        self, clock: clocks.Clock | None = None, ttl: int = TTL
    ) -> leasing.LeaseKeeper:
        return leasing.LeaseKeeper(
            self.store, ttl, clock=clock or self.clock, on_lost=self.lose
        )

    def lose(self) -> None:
        self.losses += 1

    def run_for(self, keeper: leasing.LeaseKeeper, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(max(0.01, keeper.step()))

    def test_there_is_no_lease_before_it_is_taken(self) -> None:
        keeper = self.keeper()

        self.assertEqual(0.0, keeper.remaining())
        with testtools.ExpectedException(exceptions.LeaseLost):
            _ = keeper.lease

    def test_a_lease_is_renewed_every_third_of_its_time(self) -> None:
        keeper = self.keeper()
        keeper.open()

        self.assertEqual(TTL / 3, keeper.step())
        self.run_for(keeper, 100)

        self.assertEqual(19, self.renewals)
        self.assertFalse(keeper.lost.is_set())
        self.assertGreater(keeper.remaining(), 0)

    def test_opening_twice_takes_one_lease(self) -> None:
        keeper = self.keeper()

        self.assertIs(keeper.open(), keeper.open())

    def test_an_outage_is_tried_again_quickly(self) -> None:
        keeper = self.keeper()
        keeper.open()
        self.clock.advance(TTL / 3)
        self.fault = ('before', exceptions.StoreUnavailable())

        self.assertEqual(1.0, keeper.step())
        self.run_for(keeper, 4)
        remaining = keeper.remaining()
        self.fault = None
        self.run_for(keeper, 1)

        self.assertGreater(keeper.remaining(), remaining)
        self.assertFalse(keeper.lost.is_set())

    def test_an_outage_alone_never_loses_a_lease(self) -> None:
        keeper = self.keeper()
        keeper.open()
        self.fault = ('before', exceptions.StoreUnavailable())

        self.run_for(keeper, 10 * TTL)

        self.assertEqual(0.0, keeper.remaining())
        self.assertFalse(keeper.lost.is_set())

    def test_a_lost_answer_counts_as_no_renewal(self) -> None:
        keeper = self.keeper()
        keeper.open()
        self.clock.advance(TTL / 3)
        self.fault = ('after', exceptions.StoreTimeout())

        keeper.step()

        self.assertEqual(TTL * 2 / 3, keeper.remaining())

    def test_a_lease_that_is_gone_is_lost_once_and_for_good(self) -> None:
        keeper = self.keeper()
        keeper.open()
        self.store.revoke_lease(keeper.lease.id)
        self.run_for(keeper, 3 * TTL)

        self.assertTrue(keeper.lost.is_set())
        self.assertEqual(1, self.losses)
        self.assertEqual(1, self.renewals)
        self.assertEqual(0.0, keeper.remaining())

    def test_stop_revokes_the_lease_or_leaves_it(self) -> None:
        for revoke in (True, False):
            keeper = self.keeper()
            keeper.open()
            self.store.put('/a', '', lease=keeper.lease.id)
            keeper.stop(revoke=revoke)
            self.assertEqual(revoke, self.store.get('/a') is None)

    def test_stop_does_not_mind_a_store_that_is_away(self) -> None:
        keeper = self.keeper()
        keeper.open()
        self.fault = ('before', exceptions.StoreUnavailable())

        keeper.stop()

    def test_start_fails_when_there_is_no_lease(self) -> None:
        keeper = self.keeper()
        self.fault = ('before', exceptions.StoreUnavailable())
        self.assertRaises(exceptions.StoreUnavailable, keeper.start)
        self.fault = None

        keeper.start()
        keeper.stop()

    def test_the_thread_notices_a_lost_lease_and_ends(self) -> None:
        told = threading.Event()
        self.store = memory.MemoryStore()
        keeper = leasing.LeaseKeeper(
            self.store, 1, clock=self.store.clock, on_lost=told.set
        )
        keeper.start()
        self.store.revoke_lease(keeper.lease.id)

        self.assertTrue(told.wait(60))
        self.assertTrue(keeper.lost.is_set())
        keeper.stop()
