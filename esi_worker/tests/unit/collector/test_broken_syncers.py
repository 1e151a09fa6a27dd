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

"""A syncer that is broken, and one that is called at a bad moment."""

from __future__ import annotations

from collections.abc import Callable
import itertools
from typing import ClassVar

import testtools

from esi_worker.collector.ownership import partition_of
from esi_worker.collector.results import DOWN, STATUS, Sample
from esi_worker.collector.syncers import base
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json
from esi_worker.tests.unit.collector import support

SECRET = 's3cret'


class ToldSyncer(base.Syncer):
    """Does what it is told, as the first of all syncers."""

    report_keys: ClassVar[frozenset[str] | None] = None
    every_target: ClassVar[bool] = True

    def __init__(self, context: base.SyncerContext) -> None:
        super().__init__(context)
        self.breaks_in = ''
        self.meanwhile: Callable[[], object] = lambda: None

    def needs(self, target: Target, name: str, value: Json) -> bool:
        self.meanwhile()
        self.called('needs')
        return True

    def held_for(self, target: Target, name: str, value: Json) -> float:
        self.called('held_for')
        return 0.0

    def publish(self, target: Target, name: str, value: Json) -> None:
        self.called('publish')

    def withdraw(self, target: Target) -> None:
        self.called('withdraw')

    def forget(self, target_id: str) -> None:
        self.called('forget')

    def called(self, method: str) -> None:
        if method == self.breaks_in:
            raise ZeroDivisionError(SECRET)


class SyncerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting(first_syncer=ToldSyncer)
        syncer = self.setting.first_syncer
        assert isinstance(syncer, ToldSyncer)
        self.syncer = syncer

    def post(self, count: int = 1) -> list[str]:
        """:returns: the paths of the targets, all in one pool"""
        return [
            f'/targets/{support.decoded(answer)["id"]}'
            for number in range(count)
            for answer in [self.setting.post(resource_id=f'p{number}')]
        ]

    def values(self, count: int) -> list[str | None]:
        return [self.setting.monitoring(f'p{each}') for each in range(count)]

    def metrics(self) -> str:
        return str(self.setting.client.simulate_get('/metrics').text)


class BrokenSyncerTest(SyncerTest):
    def test_keeps_no_other_from_publishing(self) -> None:
        self.post(3)
        for method in ('needs', 'held_for', 'publish'):
            with self.subTest(method):
                self.syncer.breaks_in = method
                for value in ('UP', 'DOWN'):
                    name = support.body()['properties']['fq_name']
                    self.setting.poller.sees[name] = Sample(STATUS, value)
                    self.setting.poll()
                    self.setting.clock.advance(60)

                    expected = f'{{"version":3,"vmi":"{value}"}}'
                    self.assertEqual([expected] * 3, self.values(3))
                    self.assertEqual(3, self.metrics().count(f'="{value}"'))

    def test_is_tried_again_and_shown(self) -> None:
        (path,) = self.post()
        self.syncer.breaks_in = 'publish'
        self.setting.poll()
        shown = self.setting.client.simulate_get(path)

        self.syncer.breaks_in = ''
        self.setting.clock.advance(10)
        self.setting.collector.publisher.run_due()
        mended = self.setting.client.simulate_get(path)

        self.assertEqual(
            {'first': 'ZeroDivisionError'}, shown.json['sync_errors']
        )
        self.assertNotIn('sync_errors', mended.json)

    def test_does_not_keep_the_collector_from_its_work(self) -> None:
        paths = self.post(2)
        self.setting.poll()
        self.syncer.breaks_in = 'withdraw'
        answer = self.setting.client.simulate_delete(paths[0])
        self.setting.clock.advance(60)

        # The owner goes on with the deletion, and with the other target.
        polled = self.setting.poll()
        self.syncer.breaks_in = 'forget'
        self.setting.store.delete(
            support.KEYS.target(paths[1].removeprefix('/targets/'))
        )
        self.setting.settle()

        self.assertEqual((500, 1), (answer.status_code, polled))
        self.assertNotIn('esi_monitoring_status{', self.metrics())


class GoneMeanwhileTest(SyncerTest):
    def test_what_goes_while_it_is_reported_is_shown_no_more(self) -> None:
        (path,) = self.post()
        self.setting.settle()

        def goes() -> None:
            self.syncer.meanwhile = lambda: None
            self.setting.client.simulate_delete(path)
            self.setting.settle()

        self.syncer.meanwhile = goes
        self.setting.poll()

        self.assertNotIn('esi_monitoring_status{', self.metrics())
        self.assertEqual([], self.setting.traces())


class ReplacedTest(SyncerTest):
    def neighbour(self) -> str:
        """Another device, of the part that the collector polls already."""
        poller = self.setting.poller

        def part(name: str) -> str:
            target = support.make_target(properties={'fq_name': name})
            return partition_of(poller.affinity(target))

        mine = part('default-domain:admin:p1')
        names = (f'another-{number}' for number in itertools.count())
        return next(name for name in names if part(name) == mine)

    def test_numbers_of_another_device_are_shown_no_more(self) -> None:
        (path,) = self.post()
        self.setting.poller.sees_all = (
            Sample(STATUS, 'UP'),
            Sample('traffic.in', 14),
        )
        self.setting.poll()
        self.assertIn('esi_monitoring_traffic_in{', self.metrics())

        self.setting.client.simulate_put(
            path,
            json=support.body(
                resource_id='p0',
                properties={'fq_name': self.neighbour()},
            ),
        )
        self.setting.poller.sees_all = (Sample(STATUS, DOWN),)
        self.setting.poll()

        self.assertIn('status="DOWN"', self.metrics())
        self.assertNotIn('esi_monitoring_traffic_in{', self.metrics())


class UncertainTest(testtools.TestCase):
    def test_values_are_not_shown_when_another_may_show_newer_ones(
        self,
    ) -> None:
        setting = support.Setting(lease_ttl=10)
        setting.post()
        setting.poll()
        before = setting.client.simulate_get('/metrics').text

        # etcd is away, so the lease is not renewed and nothing is polled.
        setting.clock.advance(11)
        after = setting.client.simulate_get('/metrics').text

        self.assertIn('esi_monitoring_status{', before)
        self.assertNotIn('esi_monitoring_status{', after)
