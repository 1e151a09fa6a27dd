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

"""Monitoring: case W7 of the reference."""

from __future__ import annotations

import dataclasses
import json

from esi_worker import store
from esi_worker.collector.results import STATUS
from esi_worker.collector.syncers.base import SyncerContext
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.targets import Target
from esi_worker.tests.unit.collector import support as collector
from esi_worker.tests.unit.rest_cases import support

load_tests = support.load_tests

NET = 'v2.0/networks/n'


class MonitoringTest(support.RestCase):
    def setUp(self) -> None:
        super().setUp()
        context = SyncerContext(
            collector.make_conf(), self.store, self.keys, self.cluster.clock
        )
        self.syncer = EtcdSyncer(context)
        self.targets = TargetStore(self.store, self.keys)

    def register(self, version: int) -> Target:
        """What the stack does while its job is going on."""
        target = collector.make_target(
            resource_type='networks', resource_id='n', version=version
        )
        return self.targets.save(target).target

    def poll(self, target: Target, status: str) -> None:
        self.syncer.publish(target, STATUS, status)
        self.rest.follow()

    def assert_monitoring(self, version: int, status: str) -> None:
        """The value is there, after the state, and was accepted."""
        monitoring = self.store.get(self.keys.monitoring(NET))
        state = self.store.get(self.keys.state(NET))
        assert monitoring is not None and state is not None
        self.assertGreater(monitoring.mod_revision, state.mod_revision)
        value = json.loads(monitoring.value)
        self.assertIs(int, type(value['version']))
        self.assertEqual(version, value['version'])
        if self.keys.state_shape is store.StateShape.STRING:
            text = self.rest.rows[NET].monitoring
            self.assertEqual(value['monitoring'], text)
            self.assertEqual([], self.rest.dropped)
            value = json.loads(text)
        self.assertEqual(status, value['vmi'])

    def test_w07_it_is_written_again_after_the_state(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        target = self.register(1)
        self.poll(target, 'UP')
        self.assertEqual('', self.rest.rows[NET].monitoring)
        self.pass_time(6)
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

        self.poll(target, 'UP')

        self.assert_monitoring(1, 'UP')

    def test_w07_it_changes_freely_at_one_version(self) -> None:
        self.create(NET)
        self.settle()
        target = self.register(1)
        for status in ('UP', 'FAIL', 'UP'):
            self.poll(target, status)
            self.assert_monitoring(1, status)

    def test_w07_each_version_begins_anew(self) -> None:
        self.create(NET, noop={**support.SLOW, 'actions': ['modify']})
        self.settle()
        self.poll(self.register(1), 'UP')
        self.rest.update(NET)
        self.settle()
        target = self.register(2)
        self.poll(target, 'DOWN')
        self.pass_time(6)
        self.assertEqual(2, self.rest.rows[NET].state_version)

        self.poll(target, 'DOWN')

        self.assert_monitoring(2, 'DOWN')

    def test_w07_a_replay_finds_it_after_the_state(self) -> None:
        self.create(NET)
        self.settle()
        target = self.register(1)
        self.poll(target, 'UP')
        fresh = dataclasses.replace(self.rest.rows[NET], state_version=0)
        self.rest.rows[NET] = dataclasses.replace(fresh, monitoring='')

        self.rest.restart()

        self.assert_monitoring(1, 'UP')

    def test_w07_nothing_is_written_after_the_target_is_gone(self) -> None:
        self.create(NET)
        self.settle()
        target = self.register(1)
        self.poll(target, 'UP')
        self.targets.mark_deleting(target.id)
        self.rest.delete(NET)
        self.settle()

        self.poll(target, 'UP')

        self.assertIsNone(self.store.get(self.keys.monitoring(NET)))
