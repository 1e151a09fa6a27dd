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

"""A cluster of three members, and endpoints that do not answer."""

from __future__ import annotations

from collections.abc import Callable

from esi_worker import embedded
from esi_worker.embedded import cluster as embedded_cluster
from esi_worker.embedded import ports
from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import raw_etcd

LOAD = 60
BEFORE = 5


class ClusterTestCase(faults.FaultTestCase):
    """Three members and a service that knows them all."""

    def start_cluster(
        self, binary: str | None = None
    ) -> embedded_cluster.EtcdCluster:
        cluster = embedded_cluster.EtcdCluster(
            self.folder, binary=binary, unsafe_no_fsync=True
        )
        return self.enterContext(cluster)

    def survive(
        self,
        cluster: embedded_cluster.EtcdCluster,
        fault: Callable[[embedded.EtcdServer], None],
    ) -> list[str]:
        """Run a load while the leader breaks.

        :param fault: breaks the member that it is given
        """
        leader = cluster.leader()
        others = [each for each in cluster.members if each is not leader]
        self.etcd = raw_etcd.RawEtcd(others[0].endpoint)
        endpoints = [leader.endpoint, *(each.endpoint for each in others)]
        service = self.start(
            others[0].endpoint, etcd={'endpoints': ','.join(endpoints)}
        )
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)

        fault(leader)
        self.assertNotEqual(leader, cluster.leader())

        self.assert_recovered()
        self.await_all(names)
        self.assert_done_once(names)
        self.assert_readable(service)
        return names


class LeaderTest(ClusterTestCase):
    def test_the_leader_is_stopped(self) -> None:
        names = self.survive(
            self.start_cluster(), lambda leader: leader.stop()
        )

        self.assertEqual(0, self.repeated(names))

    def test_the_leader_is_killed(self) -> None:
        cluster = self.start_cluster(processes.sturdy_etcd())

        names = self.survive(cluster, lambda leader: leader.kill())

        self.assertEqual(0, self.repeated(names))


class EndpointTest(faults.FaultTestCase):
    def test_the_first_endpoint_is_dead(self) -> None:
        nobody = ports.ReservedPort()
        self.addCleanup(nobody.close)
        dead = f'http://{ports.LOOPBACK}:{nobody.number}'
        server = self.start_etcd()
        service = self.start(
            server.endpoint, etcd={'endpoints': f'{dead},{server.endpoint}'}
        )

        self.assert_recovered()

        # Again, now that the good one was away for a moment.
        server.stop()
        server.start()
        self.assert_recovered()
        self.assertNotIn('Traceback', service.log_text())
