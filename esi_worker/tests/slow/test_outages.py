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

"""Outages of etcd that take long, and many of them."""

from __future__ import annotations

from esi_worker import embedded
from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import test_etcd_cluster as clusters
from esi_worker.tests.functional import test_etcd_outage as outages

#: How often etcd is killed in a row.
KILLS = 10


class LongOutageTest(outages.OutageTestCase):
    def survive_stop(self, seconds: float) -> None:
        server = self.start_etcd()

        def fault() -> None:
            server.stop()
            faults.outage(seconds)
            server.start()

        names = self.survive(server, fault)

        self.assertEqual(0, self.repeated(names))

    def test_five_seconds(self) -> None:
        self.survive_stop(5)

    def test_fifteen_seconds(self) -> None:
        self.survive_stop(15)

    def test_longer_than_the_pauses_between_two_tries_grow(self) -> None:
        self.survive_stop(60)


class FrozenTest(outages.OutageTestCase):
    """Leases as an operator has them, and longer than they last."""

    options = {'etcd': {'timeout': 2}}

    def test_a_minute(self) -> None:
        server = self.start_etcd()

        def fault() -> None:
            server.pause()
            faults.outage(60)
            server.resume()

        names = self.survive(server, fault)

        self.assertLess(self.repeated(names), outages.LOAD - outages.BEFORE)


class FrozenLeaderTest(clusters.ClusterTestCase):
    """A member that takes connections and never answers.

    Requests pass it over after their timeout, watches after the silence
    deadline.
    """

    options = {
        **faults.FaultTestCase.options,
        'etcd': {'timeout': 1, 'silence_deadline': 3},
    }

    def test_the_leader_is_frozen(self) -> None:
        cluster = self.start_cluster()

        def freeze(leader: embedded.EtcdServer) -> None:
            leader.pause()
            self.addCleanup(leader.resume)

        names = self.survive(cluster, freeze)

        self.assertEqual(0, self.repeated(names))


class KilledAgainAndAgainTest(outages.OutageTestCase):
    def test_kills(self) -> None:
        server = self.start_etcd(binary=processes.sturdy_etcd())
        service = self.start(server.endpoint)
        names: list[str] = []

        for _ in range(KILLS):
            names += self.write_load(outages.LOAD)
            self.await_some(names, len(names) - outages.LOAD // 2)
            server.kill()
            server.start()
            self.assert_recovered()

        self.await_all(names)
        self.assert_done_once(names)
        self.assertEqual(0, self.repeated(names))
        self.assertNotIn('Traceback', service.log_text())
