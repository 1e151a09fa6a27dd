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

"""Candidates with their real threads."""

from __future__ import annotations

import threading

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import drivers, exceptions, scheduler
from esi_worker.tests import cluster, threads
from esi_worker.tests.cluster import NETWORK, PLAN

ELECTION = '/job_manager_id'


class CandidateTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.cluster = cluster.Cluster()
        self.clock = clocks.SystemClock()
        self.store = self.cluster.store
        self.store.clock = self.clock

    def start(self) -> threads.Running:
        keys, catalog = self.cluster.keys, self.cluster.make_catalog()
        candidate = scheduler.Candidate(
            self.store,
            keys,
            catalog,
            lambda: scheduler.World(
                self.store,
                keys,
                drivers.DriverSet(catalog),
                catalog.types,
                self.clock,
                scheduler.Settings(),
            ),
            lease_ttl=5,
            silence_deadline=30,
            clock=self.clock,
        )
        running = threads.Running(candidate)
        self.addCleanup(running.stop)
        return running

    def write(self, name: str) -> None:
        """Write a config and wait until it was acted on."""
        self.cluster.write(PLAN, name)
        threads.await_key(self.store, f'/state/v2.0/plans/{name}')

    def test_it_leads_and_works(self) -> None:
        self.start()
        self.write('p')
        self.cluster.write(NETWORK, 'n')
        self.write('q')
        self.assertEqual(1, len(self.cluster.jobs('ready')))

    def test_a_stop_gives_the_office_back(self) -> None:
        running = self.start()
        threads.await_key(self.store, ELECTION)
        running.stop()
        self.assertIsNone(self.store.get(ELECTION))

    def test_a_stand_by_takes_over(self) -> None:
        first = self.start()
        self.write('p')
        leader = self.store.get(ELECTION)
        self.start()
        first.stop()
        threads.await_key(self.store, ELECTION)
        self.write('q')
        follower = self.store.get(ELECTION)
        assert leader is not None
        assert follower is not None
        self.assertNotEqual(leader.value, follower.value)

    def test_a_stand_by_stops_too(self) -> None:
        self.start()
        threads.await_key(self.store, ELECTION)
        second = self.start()
        second.stop()
        self.write('p')

    def test_a_leader_whose_lease_is_lost_stands_again(self) -> None:
        self.start()
        threads.await_key(self.store, ELECTION)
        office = self.store.get(ELECTION)
        assert office is not None
        self.store.revoke_lease(office.lease)
        self.write('p')

    def test_an_answer_that_is_lost_costs_a_new_look(self) -> None:
        self.start()
        self.write('p')
        lost: list[str] = []

        def lose(name: str, moment: str) -> None:
            ours = threading.current_thread() is threading.main_thread()
            if name == 'txn' and moment == 'after' and not (ours or lost):
                lost.append(name)
                raise exceptions.StoreTimeout

        self.cluster.write(PLAN, 'q')
        self.store.interceptor = lose
        threads.await_key(self.store, '/state/v2.0/plans/q')
        self.store.interceptor = None
        self.write('r')
