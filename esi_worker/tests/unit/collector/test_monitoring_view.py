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

"""What the etcd syncer does when something happens to its keys."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import testtools

from esi_worker import store
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.syncers.monitoring_view import MonitoringView
from esi_worker.tests.unit.collector import support

KEY = '/monitoring/v2.0/ports/p1'
STATE = '/state/v2.0/ports/p1'
UP = '{"version":3,"vmi":"UP"}'


class ViewTestCase(testtools.TestCase):
    keys = support.KEYS

    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting(keys=self.keys)
        self.view = MonitoringView(
            self.setting.store, self.keys, self.setting.clock, 6000.0
        )
        self.addCleanup(self.view.close)
        self.setting.etcd_syncer.use(self.view)
        self.look()
        self.shown = support.decoded(self.setting.post())

    def look(self) -> None:
        """Take in what has happened, and act on it without a poll."""
        while (paths := self.view.step(0.0)) is not None:
            for path in paths:
                self.setting.etcd_syncer.changed(
                    path, self.setting.collector.reporter.again
                )
        self.setting.collector.publisher.run_due()

    def poll(self) -> None:
        self.setting.poll()
        self.look()


class TestView(ViewTestCase):
    def test_a_poll_that_changes_nothing_asks_nothing(self) -> None:
        self.poll()
        calls: list[str] = []
        self.setting.clock.advance(60)
        self.setting.store.interceptor = lambda call, phase: calls.append(call)

        self.setting.collector.scheduler.run_due()
        self.setting.collector.publisher.run_due()

        self.assertEqual([], calls)
        self.assertEqual(2, len(self.setting.poller.polls))

    def test_a_lost_key_comes_back_without_a_poll(self) -> None:
        self.poll()

        self.setting.store.delete(KEY)
        self.look()

        self.assertEqual(UP, self.setting.monitoring())

    def test_an_overwritten_key_is_mended_without_a_poll(self) -> None:
        self.poll()

        self.setting.store.put(KEY, '{"version":3,"vmi":"FAIL"}')
        self.look()

        self.assertEqual(UP, self.setting.monitoring())

    def test_a_newer_version_is_left_alone(self) -> None:
        self.poll()

        self.setting.store.put(KEY, '{"version":4,"vmi":"FAIL"}')
        self.look()

        self.assertEqual(
            '{"version":4,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_it_is_written_again_after_a_state_without_a_poll(self) -> None:
        self.poll()

        self.setting.store.put(STATE, '{"version":3}')
        self.look()

        monitoring = self.setting.store.get(KEY)
        state = self.setting.store.get(STATE)
        assert monitoring is not None and state is not None
        self.assertGreater(monitoring.mod_revision, state.mod_revision)

    def test_a_field_of_another_target_is_kept(self) -> None:
        self.poll()

        self.setting.store.put(KEY, '{"server":"UP","version":3}')
        self.look()

        self.assertEqual(
            '{"server":"UP","version":3,"vmi":"UP"}', self.setting.monitoring()
        )


class TestStringShape(ViewTestCase):
    keys = dataclasses.replace(
        support.KEYS, state_shape=store.StateShape.STRING
    )

    def value(self) -> Any:
        text = self.setting.monitoring()
        return None if text is None else json.loads(text)

    def test_nothing_is_written_before_the_state(self) -> None:
        self.poll()
        self.setting.store.put(STATE, '{"version":2}')
        self.look()
        before = self.value()

        self.setting.store.put(STATE, '{"version":3}')
        self.look()

        self.assertIsNone(before)
        self.assertEqual(
            {'version': 3, 'monitoring': '{"vmi":"UP"}'}, self.value()
        )

    def test_it_is_refreshed_now_and_then(self) -> None:
        self.setting.store.put(STATE, '{"version":3}')
        self.look()
        self.poll()
        versions = []
        for _ in range(11):
            self.setting.clock.advance(60)
            self.poll()
            kv = self.setting.store.get(KEY)
            assert kv is not None
            versions.append(kv.version)

        self.assertEqual([1] * 9 + [2] * 2, versions)

    def test_the_recorded_shape_is_not_refreshed(self) -> None:
        syncer = EtcdSyncer(support.Setting().unfenced)

        self.assertEqual(0.0, syncer.refresh_seconds())
