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

"""Who leads, and how a leader finds out that it does not."""

from __future__ import annotations

import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, election, memory

KEY = '/job_manager_id'


class ElectionTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.store = memory.MemoryStore(clock=self.clock)
        self.ours = self.candidate('ours')
        self.theirs = self.candidate('theirs')

    def candidate(self, identity: str) -> election.Election:
        lease = self.store.grant(10)
        return election.Election(self.store, KEY, identity, lease)

    def lose(self, phase: memory.Phase, times: int = 1) -> None:
        """Let the next transactions time out."""
        left = [None] * times

        def intercept(name: str, now: memory.Phase) -> None:
            if (name, now) == ('txn', phase) and left:
                left.pop()
                raise exceptions.StoreTimeout()

        self.store.interceptor = intercept

    def test_the_first_candidate_leads(self) -> None:
        self.assertTrue(self.ours.campaign())
        self.assertFalse(self.theirs.campaign())

        kv = self.store.get(KEY)
        assert kv is not None
        self.assertEqual('ours', kv.value)
        self.assertEqual(self.store.revision, self.ours.revision)
        self.assertIsNone(self.theirs.revision)

    def test_a_leader_stays_leader(self) -> None:
        self.ours.campaign()
        revision = self.ours.revision

        self.assertTrue(self.ours.campaign())
        self.assertEqual(revision, self.ours.revision)

    def test_the_fence_holds_only_for_the_leader(self) -> None:
        self.ours.campaign()
        fence = self.ours.fence
        self.assertTrue(self.store.txn([fence], ()).succeeded)

        self.clock.advance(10)
        self.theirs = self.candidate('theirs')
        self.assertTrue(self.theirs.campaign())

        self.assertFalse(self.store.txn([fence], ()).succeeded)
        self.assertTrue(self.store.txn([self.theirs.fence], ()).succeeded)
        self.assertFalse(self.ours.campaign())
        with testtools.ExpectedException(exceptions.FenceLost):
            _ = self.ours.fence

    def test_a_renewed_fence_shuts_out_the_one_before(self) -> None:
        self.ours.campaign()
        before = self.ours.fence

        self.ours.renew_fence()

        self.assertFalse(self.store.txn([before], ()).succeeded)
        self.assertTrue(self.store.txn([self.ours.fence], ()).succeeded)
        self.assertTrue(self.ours.campaign())
        self.assertTrue(self.store.txn([self.ours.fence], ()).succeeded)

    def test_a_renewal_whose_answer_was_lost_is_done_again(self) -> None:
        self.ours.campaign()
        before = self.ours.fence
        # Reading the key comes first, then it is written.
        fails = [False, True]

        def intercept(name: str, now: memory.Phase) -> None:
            if now == 'after' and fails and fails.pop(0):
                raise exceptions.StoreTimeout()

        self.store.interceptor = intercept
        with testtools.ExpectedException(exceptions.StoreTimeout):
            self.ours.renew_fence()
        self.ours.renew_fence()

        self.assertFalse(self.store.txn([before], ()).succeeded)
        self.assertTrue(self.store.txn([self.ours.fence], ()).succeeded)

    def test_who_lost_the_office_cannot_renew_its_fence(self) -> None:
        self.ours.campaign()
        self.clock.advance(10)
        self.theirs = self.candidate('theirs')
        self.theirs.campaign()

        with testtools.ExpectedException(exceptions.FenceLost):
            self.ours.renew_fence()
        self.assertTrue(self.store.txn([self.theirs.fence], ()).succeeded)

    def test_who_did_not_win_has_no_fence(self) -> None:
        with testtools.ExpectedException(exceptions.FenceLost):
            _ = self.ours.fence

    def test_a_win_whose_answer_was_lost_is_found(self) -> None:
        self.lose('after')

        self.assertTrue(self.ours.campaign())

        self.assertTrue(self.store.txn([self.ours.fence], ()).succeeded)

    def test_an_attempt_that_never_arrived_is_no_win(self) -> None:
        self.lose('before')

        self.assertFalse(self.ours.campaign())
        self.assertIsNone(self.ours.revision)
        self.assertTrue(self.ours.campaign())

    def test_a_lost_attempt_against_a_leader_is_no_win(self) -> None:
        self.theirs.campaign()
        self.lose('after')

        self.assertFalse(self.ours.campaign())

    def test_a_win_is_found_by_the_next_campaign(self) -> None:
        self.lose('after', times=2)
        with testtools.ExpectedException(exceptions.StoreTimeout):
            self.ours.campaign()
        self.assertIsNone(self.ours.revision)

        self.assertTrue(self.ours.campaign())
        self.assertTrue(self.store.txn([self.ours.fence], ()).succeeded)

    def test_an_earlier_life_does_not_make_a_leader(self) -> None:
        self.ours.campaign()
        reborn = self.candidate('ours')

        self.assertFalse(reborn.campaign())

        self.clock.advance(10)
        self.store.expire_leases()
        with testtools.ExpectedException(exceptions.LeaseLost):
            reborn.campaign()

    def test_the_key_goes_with_the_lease(self) -> None:
        self.ours.campaign()

        self.clock.advance(10)

        self.assertIsNone(self.store.get(KEY))
        self.assertFalse(
            self.store.txn([base.Compare.exists(KEY)], ()).succeeded
        )
