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


"""The example package of pollers does what its README says."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from typing import Any

import fixtures
from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.pollers.base import Poller, PollerContext
from esi_worker.collector.pollers.netconf import shared_sessions
from esi_worker.collector.results import STATUS, Failure, Sample
from esi_worker.store import opts as store_opts
from esi_worker.tests.functional.netconf_router import NetconfRouter
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.packaging import checkout

FOLDER = checkout.ROOT / 'examples' / 'pollers'


class ExamplesTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        sys.path.insert(0, str(FOLDER))
        self.addCleanup(sys.path.remove, str(FOLDER))
        project = tomllib.loads((FOLDER / 'pyproject.toml').read_text())
        self.declared = project['project']['entry-points'][
            'esi_worker.collector.pollers'
        ]

    def poller_class(self, name: str) -> Any:
        module, _, attribute = self.declared[name].partition(':')
        return getattr(importlib.import_module(module), attribute)

    def context(self) -> PollerContext:
        conf: cfg.ConfigOpts = support.make_conf(netconf_verify_hosts=False)
        for group, options in store_opts.list_opts():
            conf.register_opts(options, group=group)
        return PollerContext(conf, clocks.ManualClock())


class EtcdReaderTest(ExamplesTest):
    def poll(self, *values: str | None) -> list[Any]:
        memory = store.MemoryStore(clock=clocks.ManualClock())
        poller = self.poller_class('etcd_reader')(self.context(), memory)
        self.assertIsInstance(poller, Poller)
        targets = []
        for number, value in enumerate(values):
            path = f'v2.0/ha_interfaces/{number}'
            if value is not None:
                memory.put(f'/monitoring/{path}', value)
            targets.append(
                support.make_target(
                    type='etcd_reader',
                    resource_id=str(number),
                    properties={'etcd_path': path},
                )
            )
        found = poller.poll(targets, 10.0)
        return [found[target.id][0] for target in targets]

    def test_tells_whether_all_is_up(self) -> None:
        fields = json.dumps({'a': 'UP', 'b': 'UP'})
        up, also_up, down, without, nothing, rubbish = self.poll(
            '{"a":"UP","b":"UP","version":3}',
            json.dumps({'version': 3, 'monitoring': fields}),
            '{"a":"UP","b":"FAIL","version":3}',
            '{"version":3}',
            None,
            '[]',
        )

        self.assertEqual(
            (Sample(STATUS, 'UP'), Sample(STATUS, 'UP')), (up, also_up)
        )
        self.assertEqual(Sample(STATUS, 'DOWN'), down)
        for each in (without, nothing, rubbish):
            self.assertIsInstance(each, Failure)


class IgsCounterTest(ExamplesTest):
    def test_tells_the_counters_of_a_router(self) -> None:
        router = NetconfRouter()
        self.addCleanup(router.close)
        self.addCleanup(shared_sessions().close)
        router.counters = {
            ('INET_IN', 'vrf_a_IN'): 123,
            ('INET_IN', 'vrf_a_OUT'): 7,
            ('INET_OUT', 'vrf_b_OUT'): 'many',
        }
        poller = self.poller_class('igs_counter')(self.context())
        served = Catalogue({'igs_counter': poller}).get('igs_counter')
        assert served is not None
        self.assertEqual(('traffic.in', 'traffic.out'), served.type.results)
        login, password = router.account
        target = support.make_target(
            type='igs_counter',
            properties={
                'host': '127.0.0.1',
                'port': router.port,
                'login': login,
                'password': password,
                'counter_name_in': 'vrf_a_IN',
                'counter_name_out': 'vrf_a_OUT',
                'primary_device_ip': '10.0.0.1',
                'secondary_device_ip': '10.0.0.2',
            },
        )

        found = poller.poll([target], 30.0)[target.id]

        self.assertEqual(Sample('traffic.in', 123), found[0])
        self.assertIsInstance(found[1], Failure)
        self.assertEqual('netconf 10.0.0.1 10.0.0.2', poller.affinity(target))
