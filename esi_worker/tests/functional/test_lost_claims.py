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

"""Workers that die or lose their lease while Heat works for them."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client

from esi_worker.embedded import fixtures, ours
from esi_worker.tests.faulty import FaultProxy, faults
from esi_worker.tests.functional import raw_etcd
from esi_worker.tests.functional import service_support as support

#: Seconds; shorter ones run out by themselves on a machine that is busy.
TTL = 5
OPTIONS: Mapping[str, Mapping[str, object]] = {
    'manager': {'lease_ttl': TTL},
    'worker': {'lease_ttl': TTL},
    'heat': {'poll_interval': 0.1, 'poll_interval_max': 0.5},
}


class LostClaimTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        cls.enterClassContext(cls.make('manager', 'manager', None, **OPTIONS))

    def setUp(self) -> None:
        super().setUp()
        self.net = str(uuid.uuid4())
        self.stacks = heat_client.Client(
            '1', session=self.heat.session()
        ).stacks

    def start_worker(self, endpoint: str | None = None) -> Any:
        """:param endpoint: of Heat, if not its own"""
        worker: ours.EsiWorkerProcess = self.make(
            uuid.uuid4().hex,
            'worker',
            endpoint or self.heat.server.endpoint,
            **OPTIONS,
        )
        self.addCleanup(self.processes.remove, worker)
        self.addCleanup(worker.close)
        worker.start()
        return worker

    def write(self, version: int = 1, **more: Any) -> None:
        body = {**support.network(self.net, self.heat.tenant), **more}
        self.etcd.put(
            f'/config/v2.0/networks/{self.net}', support.config(body, version)
        )

    def await_done(self, version: int = 1) -> None:
        state = self.history.state(f'networks/{self.net}', version).json
        self.assertEqual('', state['error'])

    def await_claim(self, version: int = 1, after: int = 0) -> raw_etcd.Event:
        return self.history.put(
            '/jobs/working/',
            lambda event: f':{self.net}:{version}:' in event.key,
            after=after,
        )

    def all_stacks(self) -> list[Any]:
        """The stacks of the network, deleted ones too."""
        name = f'network_{self.net}'
        return list(
            self.stacks.list(filters={'name': name}, show_deleted=True)
        )

    def test_the_stack_of_a_killed_worker_is_adopted(self) -> None:
        self.heat.server.faults.set(self.net, 'wait-create-6s')
        first = self.start_worker()
        self.write()
        claim = self.await_claim()
        support.wait_for(lambda: bool(self.all_stacks()), 'a stack')
        (stack,) = self.all_stacks()

        first.kill()
        self.start_worker()

        self.assertEqual(claim.key, self.await_claim(after=claim.revision).key)
        self.await_done()
        self.assertEqual([stack.id], [each.id for each in self.all_stacks()])

    def test_a_worker_without_a_lease_changes_nothing(self) -> None:
        proxy = self.enterContext(FaultProxy(self.heat.server.endpoint))
        first = self.start_worker(proxy.endpoint)
        known = first.worker_ids()
        self.write()
        self.await_done()
        created = proxy.changes_of(self.net)
        hold = faults.HoldAnswer()
        self.addCleanup(hold.release)
        proxy.inject(hold, method='GET', times=math.inf)
        self.write(2, admin_state_up=False)
        claim = self.await_claim(2)
        # It has looked, and would now change something.
        self.assertTrue(hold.asked.wait(raw_etcd.DEADLINE))

        first.pause()
        self.history.deleted(claim.key)
        known |= self.start_worker().worker_ids()
        self.await_done(2)
        first.resume()
        # It has another lease by now, but not that of the claim.
        self.history.put(
            '/esi-worker/workers/',
            lambda event: event.key.rpartition('/')[2] not in known,
        )
        hold.release()

        # A change would come long before the end of another job.
        self.await_change_of_others()
        self.assertEqual(created, proxy.changes_of(self.net))
        (stack,) = self.all_stacks()
        self.assertEqual('UPDATE_COMPLETE', stack.stack_status)

    def await_change_of_others(self) -> None:
        net, self.net = self.net, str(uuid.uuid4())
        self.write()
        self.await_done()
        self.net = net
