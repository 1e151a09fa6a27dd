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

"""``/readyz`` of real loops: false while they are cut off, then true."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

import falcon
from falcon import testing
import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import dispatcher, drivers, exceptions, scheduler
from esi_worker.admin import probes
from esi_worker.store import Lease
from esi_worker.tests import cluster, members, threads

#: Seconds; one that a test waits for, and one that it does not.
SHORT, LONG = 1, 60


def await_(found: Callable[[], Any], what: str) -> Any:
    """Wait until something is found."""
    end = time.monotonic() + threads.PATIENCE
    while not (result := found()):
        if time.monotonic() > end:
            raise AssertionError(f'{what} does not come')
        time.sleep(0.01)
    return result


class ReadinessTestCase(testtools.TestCase):
    """A loop with real threads, on a store that a test breaks."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.cluster = cluster.Cluster()
        self.clock = clocks.SystemClock()
        self.store = self.cluster.store
        self.store.clock = self.clock
        self.refused: set[str] = set()
        self.store.interceptor = self.intercept

    def start(self, *, lease_ttl: int, silence_deadline: int) -> None:
        """Start the loop and wait until it is ready."""
        loop = self.make(lease_ttl, silence_deadline)
        self.addCleanup(threads.Running(loop).stop)
        app = falcon.App()
        probes.add_routes(app, loop)
        self.client = testing.TestClient(app)
        self.await_status(200)

    def make(self, lease_ttl: int, silence_deadline: int) -> Any:
        """The loop: a ``Living`` that can be run and stopped."""
        raise NotImplementedError

    def intercept(self, name: str, moment: str) -> None:
        if moment == 'before' and name in self.refused:
            raise exceptions.StoreUnavailable('etcd is away')

    def await_status(self, status: int) -> str:
        """:returns: the reason that is told then"""

        def asked() -> Any:
            answer = self.client.simulate_get('/readyz')
            return answer if answer.status_code == status else None

        return str(await_(asked, f'/readyz {status}').json['reason'])

    def check_silence(self) -> None:
        self.start(lease_ttl=LONG, silence_deadline=SHORT)
        self.refused.add('watch')
        self.store.stall_watches()
        self.check_lost('nothing arrived|no sign of life|etcd is away')

    def check_lease(self, key: str) -> None:
        """:param key: hangs on the lease of the loop"""
        self.start(lease_ttl=SHORT, silence_deadline=LONG)
        (kv,) = await_(lambda: self.store.range(key).items, key)
        self.refused.add('grant')
        self.store.revoke_lease(kv.lease)
        self.check_lost('lease')

    def check_lost(self, told: str) -> None:
        """Not ready for this reason, alive, and ready again after it."""
        self.assertRegex(self.await_status(503), told)
        alive = self.client.simulate_get('/healthz')
        self.assertEqual(200, alive.status_code)
        self.refused.clear()
        self.await_status(200)


class WorkerTest(ReadinessTestCase):
    def test_a_watch_that_falls_silent(self) -> None:
        self.check_silence()

    def test_a_lease_that_is_lost(self) -> None:
        self.check_lease(self.cluster.keys.worker(''))

    def make(self, lease_ttl: int, silence_deadline: int) -> dispatcher.Worker:
        context = self.cluster.context()
        handler = members.ScriptedHandler(context)

        def make(lease: Lease, identity: str) -> dispatcher.Dispatcher:
            return dispatcher.Dispatcher(
                self.store,
                self.cluster.keys,
                self.cluster.catalog.types,
                self.cluster.offer(handler),
                lease,
                identity,
                self.clock,
                dispatcher.Settings(),
            )

        return dispatcher.Worker(
            self.store,
            self.cluster.keys,
            self.cluster.catalog,
            make,
            lease_ttl=lease_ttl,
            graceful_timeout=0.2,
            silence_deadline=silence_deadline,
            clock=self.clock,
        )


class ManagerTest(ReadinessTestCase):
    def test_a_watch_that_falls_silent(self) -> None:
        self.check_silence()

    def test_a_lease_that_is_lost(self) -> None:
        self.check_lease(self.cluster.keys.election)

    def make(
        self, lease_ttl: int, silence_deadline: int
    ) -> scheduler.Candidate:
        catalog = self.cluster.make_catalog()
        return scheduler.Candidate(
            self.store,
            self.cluster.keys,
            catalog,
            lambda: scheduler.World(
                self.store,
                self.cluster.keys,
                drivers.DriverSet(catalog),
                catalog.types,
                self.clock,
                scheduler.Settings(),
            ),
            lease_ttl=lease_ttl,
            silence_deadline=silence_deadline,
            clock=self.clock,
        )
