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

"""Many stacks through a proxy that loses, delays and spoils answers.

The proxy stands between esi-worker and a real Heat. Which requests
suffer depends on a seed: ``ESI_SOAK_SEED`` sets it, and a failing run
tells which one it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
import json
import os
import time
from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client
from testtools import content

from esi_worker.embedded import fixtures
from esi_worker.tests.faulty import FaultProxy, Weather, faults
from esi_worker.tests.functional import service_support as support

STACKS = 200
#: Seconds in which all of it must be done; Heat makes four stacks or
#: more a second.
PATIENCE = 900.0
#: Seconds that esi-worker waits for an answer.
TIMEOUT = 3.0
#: A request in six suffers.
WEATHER = (
    (faults.DropAnswer(), 0.03),
    (faults.ResetAnswer(), 0.02),
    (faults.ReplaceAnswer(), 0.02),
    (faults.TruncateAnswer(), 0.02),
    (faults.CutAnswer(), 0.02),
    (faults.Reset(), 0.02),
    (faults.Refuse(), 0.01),
    (faults.Twice(), 0.02),
    (faults.DelayAnswer(TIMEOUT + 1), 0.005),
    (faults.Delay(TIMEOUT + 1), 0.005),
)
OPTIONS = {
    'heat': {
        'timeout': TIMEOUT,
        'poll_interval': 0.2,
        'poll_interval_max': 1,
    },
}
VERSIONS = (1, 2)


class SoakTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.seed = int(os.environ.get('ESI_SOAK_SEED', time.time_ns()))
        self.addDetail('seed', content.text_content(str(self.seed)))
        self.proxy = self.enterContext(
            FaultProxy(self.heat.server.endpoint, Weather(self.seed, WEATHER))
        )
        service = self.make('service', 'all', self.proxy.endpoint, **OPTIONS)
        self.addCleanup(self.processes.remove, service)
        self.enterContext(service)
        self.nets = [
            str(uuid.UUID(int=number)) for number in range(1, STACKS + 1)
        ]

    def write(self, net: str, version: int) -> None:
        body = support.network(net, self.heat.tenant)
        body['admin_state_up'] = version == 1
        self.etcd.put(
            f'/config/v2.0/networks/{net}', support.config(body, version)
        )

    def await_states(self, version: int) -> list[dict[str, Any]]:
        """Wait for the states of all networks."""
        deadline = time.monotonic() + PATIENCE
        while True:
            states = map(json.loads, self.etcd.values('/state/v2.0/networks/'))
            reached = [each for each in states if each['version'] == version]
            if len(reached) == len(self.nets):
                return reached
            if time.monotonic() > deadline:
                raise AssertionError(
                    f'{len(reached)} of {len(self.nets)} are at {version}'
                )
            time.sleep(0.5)

    def stacks(self) -> Iterator[Any]:
        """All stacks that there ever were, asked without the proxy."""
        client = heat_client.Client('1', session=self.heat.session())
        yield from client.stacks.list(show_deleted=True)

    def test_no_stack_twice_and_no_update_lost(self) -> None:
        # In the middle of it Heat is away for everybody.
        self.proxy.inject(faults.Refuse(), skip=STACKS, times=STACKS / 2)
        for version in VERSIONS:
            for net in self.nets:
                self.write(net, version)
            states = self.await_states(version)
            self.assertEqual({''}, {state['error'] for state in states})
        self.proxy.clear()

        self.check_each_was_made_once()
        self.check_each_is_what_was_wanted_last()
        self.report()

    def check_each_was_made_once(self) -> None:
        names = [f'network_{net}' for net in self.nets]
        found = Counter(stack.stack_name for stack in self.stacks())
        self.assertEqual(Counter(names), found)

    def check_each_is_what_was_wanted_last(self) -> None:
        client = heat_client.Client('1', session=self.heat.session())
        wrong = []
        for stack in self.stacks():
            identity = f'{stack.stack_name}/{stack.id}'
            parameters = client.stacks.environment(identity)['parameters']
            if parameters['admin_state_up'] is not False:
                wrong.append((stack.stack_name, stack.stack_status))
        self.assertEqual([], wrong)

    def report(self) -> None:
        suffered = self.proxy.suffered()
        text = ', '.join(f'{n} {name}' for name, n in suffered.most_common())
        self.addDetail(
            'report',
            content.text_content(
                f'seed {self.seed}: {len(self.proxy.account)} requests for '
                f'{len(VERSIONS)} versions of {STACKS} stacks: {text}'
            ),
        )
