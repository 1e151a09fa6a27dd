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

"""The worker's loop with its real threads."""

from __future__ import annotations

import threading
from typing import Any

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import dispatcher, exceptions
from esi_worker.model import Action, Done, InProgress, Job, ResourceRef, Retry
from esi_worker.store import Lease
from esi_worker.tests import cluster, members, threads

JOB = Job(
    'create:heat_worker:network:n:1:abcde',
    Action.CREATE,
    'heat_worker',
    ResourceRef('network', 'n'),
    1,
    (),
    {'id': 'n'},
)


class WorkerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.cluster = cluster.Cluster()
        self.clock = clocks.SystemClock()
        self.store = self.cluster.store
        self.store.clock = self.clock
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.running: list[threads.Running] = []

    def start(self, **settings: Any) -> dispatcher.Worker:
        keys, catalog = self.cluster.keys, self.cluster.catalog

        def make(lease: Lease, identity: str) -> dispatcher.Dispatcher:
            return dispatcher.Dispatcher(
                self.store,
                keys,
                catalog.types,
                self.cluster.offer(self.handler),
                lease,
                identity,
                self.clock,
                dispatcher.Settings(**settings),
            )

        worker = dispatcher.Worker(
            self.store,
            keys,
            catalog,
            make,
            lease_ttl=5,
            graceful_timeout=0.2,
            silence_deadline=30,
            clock=self.clock,
        )
        running = threads.Running(worker)
        self.addCleanup(running.stop)
        self.running.append(running)
        return worker

    def put_job(self) -> None:
        self.cluster.write(cluster.NETWORK, 'n')
        self.store.put(f'/jobs/all/{JOB.id}', JOB.encode())
        self.store.put(f'/jobs/ready/{JOB.id}', JOB.handler)

    def await_key(self, key: str, *, there: bool = True) -> None:
        threads.await_key(self.store, key, there=there)

    def test_it_does_a_job_and_stops(self) -> None:
        self.start()
        self.put_job()
        self.await_key('/state/v2.0/networks/n')
        self.await_key(f'/jobs/finished/{JOB.id}')
        self.running[0].stop()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/workers/'))
        self.assertEqual([], self.cluster.jobs('working'))

    def test_it_sees_jobs_that_were_there_before(self) -> None:
        self.put_job()
        self.start()
        self.await_key(f'/jobs/finished/{JOB.id}')

    def test_answers_later_are_taken_at_once(self) -> None:
        outcomes = [InProgress(0.01), Retry('not now', 0.01), Done()]
        self.handler.on_start = lambda job: outcomes.pop(0)
        self.handler.on_poll = lambda jobs: {
            job.id: outcomes.pop(0) for job in jobs
        }
        self.start()
        self.put_job()
        self.await_key(f'/jobs/finished/{JOB.id}')

    def test_a_stop_hands_over_what_goes_on(self) -> None:
        self.handler.on_start = lambda job: InProgress(100)
        self.start()
        self.put_job()
        self.await_key(f'/jobs/working/{JOB.id}')
        self.running[0].stop()
        self.assertEqual([JOB.id], self.cluster.jobs('ready'))
        self.assertEqual([], self.cluster.jobs('working'))

    def test_a_stop_waits_for_calls_that_are_running(self) -> None:
        entered, leave = threading.Event(), threading.Event()

        def start(_job: Job) -> Done:
            entered.set()
            leave.wait(threads.PATIENCE)
            return Done()

        self.handler.on_start = start
        worker = self.start()
        worker._graceful_timeout = threads.PATIENCE
        self.put_job()
        self.assertTrue(entered.wait(threads.PATIENCE))
        worker.stop()
        leave.set()
        self.running[0].join()
        self.assertEqual([JOB.id], self.cluster.jobs('finished'))

    def test_a_stop_does_not_wait_for_ever(self) -> None:
        leave = threading.Event()
        self.addCleanup(leave.set)
        self.handler.on_start = lambda job: leave.wait(threads.PATIENCE)
        self.start()
        self.put_job()
        self.await_key(f'/jobs/working/{JOB.id}')
        self.running[0].stop()
        self.assertEqual([JOB.id], self.cluster.jobs('ready'))

    def test_a_lost_lease_is_followed_by_another(self) -> None:
        self.handler.on_start = lambda job: InProgress(100)
        self.start()
        self.put_job()
        self.await_key(f'/jobs/working/{JOB.id}')
        claim = self.store.get(f'/jobs/working/{JOB.id}')
        assert claim is not None
        self.handler.on_start = lambda job: Done()
        self.store.revoke_lease(claim.lease)
        # The manager would do this.
        self.store.put(f'/jobs/ready/{JOB.id}', JOB.handler)
        self.await_key(f'/jobs/finished/{JOB.id}')

    def test_it_starts_when_the_store_is_back(self) -> None:
        refused = threading.Event()

        def away(_name: str, _moment: str) -> None:
            refused.set()
            raise exceptions.StoreUnavailable

        self.store.interceptor = away
        self.start()
        self.assertTrue(refused.wait(threads.PATIENCE))
        self.store.interceptor = None
        self.put_job()
        self.await_key(f'/jobs/finished/{JOB.id}')

    def test_calls_know_how_long_their_claims_are_certain(self) -> None:
        seconds: list[float] = []

        def start(_job: Job) -> Done:
            seconds.append(worker.claim_seconds())
            return Done()

        self.handler.on_start = start
        worker = self.start()
        self.put_job()
        self.await_key(f'/jobs/finished/{JOB.id}')
        self.assertTrue(0 < seconds[0] <= 5)
        # Another thread has no claims.
        self.assertEqual(0, worker.claim_seconds())

    def test_templates_of_etcd_are_followed(self) -> None:
        seen: list[str] = []

        def start(_job: Job) -> Done:
            seen.extend(
                template.source
                for template in self.cluster.catalog.templates()
                if template.id == 'network'
            )
            return Done()

        self.handler.on_start = start
        self.cluster.write_template('network')
        self.put_job()
        self.start()
        self.await_key(f'/jobs/finished/{JOB.id}')
        self.assertEqual(['/config/v2.0/heat_templates/network'], seen)
