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

"""Collectors, when what they depend on fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
import threading
import time
from typing import Any, ClassVar

import fixtures
import requests
import testtools

from esi_worker import clock as clocks
from esi_worker import embedded, store
from esi_worker.collector import assembly, loading
from esi_worker.collector.ownership import Ownership
from esi_worker.collector.pollers import base
from esi_worker.collector.results import STATUS, UP, Failure, Result, Sample
from esi_worker.collector.syncers.base import SyncerContext
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target
from esi_worker.embedded import ours
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.unit.collector import support
from esi_worker.tests.unit.collector.test_contrail import Analytics

KEY = '/monitoring/v2.0/ports/p1'
UP_VALUE = '{"version":3,"vmi":"UP"}'
FAIL_VALUE = '{"version":3,"vmi":"FAIL"}'
ACTIVE = b'{"UveVMInterfaceAgent": {"l2_active": true}}'
TTL = 2


class CollectorFaultTestCase(testtools.TestCase):
    """An etcd and an analytics server for one test."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.etcd = embedded.EtcdServer(self.folder, unsafe_no_fsync=True)
        self.enterContext(self.etcd)
        self.store = store.EtcdStore([self.etcd.endpoint])
        self.addCleanup(self.store.close)
        self.analytics = Analytics()
        self.addCleanup(self.analytics.close)
        self.analytics.body = ACTIVE

    def collector(
        self, name: str = 'first', ttl: int = TTL
    ) -> ours.CollectorProcess:
        process = ours.CollectorProcess(
            self.folder / name,
            self.etcd.endpoint,
            {
                'etcd': {'timeout': 1},
                'collector': {
                    'poll_interval': 1,
                    'poll_timeout': 1,
                    'start_spread': 0,
                    'lease_ttl': ttl,
                    'analytics_url': self.analytics.url,
                },
            },
        )
        self.addCleanup(process.close)
        process.start()
        return process

    def post(self, process: ours.CollectorProcess) -> None:
        requests.post(
            f'{process.url}/targets', json=support.body(), timeout=30
        ).raise_for_status()

    def value(self) -> str | None:
        kv = self.store.get(KEY)
        return None if kv is None else kv.value

    def wait_for(self, value: str, limit: float) -> float:
        """:returns: the seconds it took"""
        began = time.monotonic()
        wait_until(lambda: self.value() == value, limit)
        return time.monotonic() - began


class OutageTest(CollectorFaultTestCase):
    def test_etcd_is_away_for_fifteen_seconds(self) -> None:
        collector = self.collector()
        self.post(collector)
        self.wait_for(UP_VALUE, 60)

        self.etcd.stop()
        self.analytics.body = b'{}'
        faults.outage(15)
        self.etcd.start()

        self.wait_for(FAIL_VALUE, 30)
        self.analytics.body = ACTIVE
        self.wait_for(UP_VALUE, 30)
        self.assertNotIn('Traceback', collector.log_text())

    def test_a_lease_that_outlives_the_outage_keeps_the_targets(self) -> None:
        """What was seen meanwhile is published as soon as it can be."""
        collector = self.collector(ttl=120)
        self.post(collector)
        self.wait_for(UP_VALUE, 60)
        prefix = '/esi-worker/collectors/'
        (before,) = self.store.range(prefix).items

        self.etcd.stop()
        self.analytics.body = b'{}'
        faults.outage(15)
        self.etcd.start()

        self.wait_for(FAIL_VALUE, 30)
        (after,) = self.store.range(prefix).items
        self.assertEqual(before, after)

    def test_etcd_is_frozen_for_fifteen_seconds(self) -> None:
        collector = self.collector()
        self.post(collector)
        self.wait_for(UP_VALUE, 60)

        self.etcd.pause()
        self.analytics.body = b'{}'
        faults.outage(15)
        self.etcd.resume()

        self.wait_for(FAIL_VALUE, 60)


class KilledTest(CollectorFaultTestCase):
    def test_another_one_takes_over(self) -> None:
        first, _ = self.collector(), self.collector('second')
        self.post(first)
        self.wait_for(UP_VALUE, 60)

        first.kill()
        self.analytics.body = b'{}'

        self.assertLess(self.wait_for(FAIL_VALUE, 60), 60)

    def test_where_there_is_none_the_manager_marks(self) -> None:
        manager = ours.EsiWorkerProcess(
            self.folder / 'manager',
            self.etcd.endpoint,
            None,
            'manager',
            {},
        )
        self.addCleanup(manager.close)
        manager.start()
        collector = self.collector()
        self.post(collector)
        self.wait_for(UP_VALUE, 60)

        collector.kill()

        self.assertLess(self.wait_for(FAIL_VALUE, 90), 60)
        self.collector('second')
        self.wait_for(UP_VALUE, 60)


class DevicePoller(base.Poller):
    """Devices that answer at once, until half of them die."""

    reporter: ClassVar[str] = 'device'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType('device', (STATUS,), members({'device': TEXT})),
    )

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self.half_is_dead = False
        self.times: dict[str, list[float]] = defaultdict(list)
        self.dead_polls = 0
        self._closed = threading.Event()

    def pool_key(self, target: Target) -> str:
        return str(target.properties['device'])

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        device = self.pool_key(targets[0])
        result: Result = Sample(STATUS, UP)
        if self.half_is_dead and device.startswith('mortal'):
            self.dead_polls += 1
            self._closed.wait(timeout)
            result = Failure(STATUS, 'no answer')
        else:
            self.times[device].append(time.monotonic())
        return {target.id: (result,) for target in targets}

    def close(self) -> None:
        self._closed.set()


class HalfDeadTest(testtools.TestCase):
    """2,000 devices, half of which never answer again."""

    COUNT = 2000
    #: A sixth of what is usual, and so is the timeout: as many polls hang
    #: at the same time as with 60 s and 10 s.
    INTERVAL = 10.0
    TIMEOUT = 10.0 / 6
    ROUNDS = 4

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        etcd = self.enterContext(
            embedded.EtcdServer(folder, unsafe_no_fsync=True)
        )
        self.store = store.EtcdStore([etcd.endpoint], timeout=30)
        self.addCleanup(self.store.close)
        clock, keys = clocks.SystemClock(), store.KeyLayout()
        conf = support.make_conf(
            poll_interval=self.INTERVAL,
            poll_timeout=self.TIMEOUT,
            start_spread=5.0,
            lease_ttl=10,
        )
        self.write(TargetStore(self.store, keys))
        ownership = Ownership(keys)
        context = SyncerContext(conf, self.store, keys, clock, ownership.fence)
        self.poller = DevicePoller(base.PollerContext(conf, clock))
        self.collector = assembly.Collector(
            context,
            ownership,
            {'device': self.poller},
            loading.load_syncers(context),
        )
        self.addCleanup(self.collector.stop)

    def write(self, targets: TargetStore) -> None:
        kinds = ('immortal', 'mortal')
        for number in range(self.COUNT):
            name = f'{kinds[number % 2]}-{number}'
            targets.save(
                support.make_target(
                    type='device',
                    resource_id=name,
                    properties={'device': name},
                )
            )

    def values(self, kind: str) -> set[str]:
        found = self.store.range(f'/monitoring/v2.0/ports/{kind}').items
        return {kv.value for kv in found}

    def lateness(self) -> list[float]:
        """By how many seconds the polls of the living missed their grid."""
        late: list[float] = []
        for device, times in self.poller.times.items():
            if device.startswith('immortal'):
                late += self._lateness(times)
        return sorted(late)

    def _lateness(self, times: Sequence[float]) -> list[float]:
        # Each is as late as it is behind the most punctual of all.
        offsets = [
            time - number * self.INTERVAL for number, time in enumerate(times)
        ]
        return [offset - min(offsets) for offset in offsets]

    def test_the_living_keep_their_schedule(self) -> None:
        self.collector.start('http://127.0.0.1:1', 'http://127.0.0.1:1')
        wait_until(lambda: len(self.poller.times) == self.COUNT, 120)
        # The second poll begins the grid.
        faults.outage(self.INTERVAL)
        self.poller.times.clear()

        self.poller.half_is_dead = True
        faults.outage(self.ROUNDS * self.INTERVAL)

        late = self.lateness()
        p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
        self.addDetail('lateness', _text(f'p50 {p50:.3f} s, p99 {p99:.3f} s'))
        self.assertLess(
            self.COUNT / 2 * (self.ROUNDS - 1), len(late), 'polls left out'
        )
        self.assertLess(p99, 2.0)
        self.assertLess(self.COUNT / 2, self.poller.dead_polls + 1)
        self.assertEqual({UP_VALUE}, self.values('immortal'))
        self.assertEqual({FAIL_VALUE}, self.values('mortal'))


def wait_until(reached: Callable[[], bool], limit: float) -> None:
    """:param limit: seconds to wait at most"""
    deadline = time.monotonic() + limit
    pause = threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError
        pause.wait(0.05)


def _text(text: str) -> Any:
    return testtools.content.text_content(text)
