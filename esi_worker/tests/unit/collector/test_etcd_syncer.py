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

from __future__ import annotations

import dataclasses
import json
from typing import Any

import testtools

from esi_worker import exceptions, store
from esi_worker.collector import errors
from esi_worker.collector.results import STATUS
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.targets import Target
from esi_worker.tests.unit.collector import support

KEY = '/monitoring/v2.0/ports/p1'


class TestEtcdSyncer(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.store = self.setting.store
        self.targets = TargetStore(self.store, support.KEYS)
        self.syncer = EtcdSyncer(self.setting.unfenced)

    def target(self, field: str = 'vmi', **changes: Any) -> Target:
        settings = {'etcd': {'status': {'key': field}}}
        target = support.make_target(
            field_name=field, syncer_properties=settings, **changes
        )
        return self.targets.save(target).target

    def test_writes_the_recorded_form(self) -> None:
        self.syncer.publish(self.target(), STATUS, 'FAIL')

        self.assertEqual('{"version":3,"vmi":"FAIL"}', self.value())

    def test_writes_maps(self) -> None:
        status = {'secondary': 'BACKUP', 'primary': 'MASTER'}
        self.syncer.publish(self.target('status', version=1), STATUS, status)

        self.assertEqual(
            '{"status":{"primary":"MASTER","secondary":"BACKUP"},"version":1}',
            self.value(),
        )

    def test_writes_the_same_again_after_a_state(self) -> None:
        target = self.target()
        self.syncer.publish(target, STATUS, 'UP')
        state = self.store.put('/state/v2.0/ports/p1', '{"version":3}')

        self.syncer.publish(target, STATUS, 'UP')
        self.syncer.publish(target, STATUS, 'UP')

        self.assertEqual(state + 1, self.store.revision)

    def test_can_write_one_string(self) -> None:
        keys = dataclasses.replace(
            support.KEYS, state_shape=store.StateShape.STRING
        )
        syncer = EtcdSyncer(
            dataclasses.replace(self.setting.unfenced, keys=keys)
        )
        vmi, server = self.target('vmi'), self.target('server')
        self.store.put('/state/v2.0/ports/p1', '{"version":3}')

        for target in (vmi, server, vmi):
            syncer.publish(target, STATUS, 'UP')

        value = json.loads(self.value() or '')
        self.assertEqual(
            {'version': 3, 'monitoring': '{"server":"UP","vmi":"UP"}'}, value
        )
        syncer.withdraw(server)
        self.assertEqual(
            '{"monitoring":"{\\"vmi\\":\\"UP\\"}","version":3}', self.value()
        )
        syncer.withdraw(vmi)
        self.assertIsNone(self.value())

    def test_writes_only_what_changes(self) -> None:
        target = self.target()
        self.syncer.publish(target, STATUS, 'UP')
        revision = self.store.revision

        self.syncer.publish(target, STATUS, 'UP')

        self.assertEqual(revision, self.store.revision)

    def test_brings_a_lost_key_back(self) -> None:
        target = self.target()
        self.syncer.publish(target, STATUS, 'UP')
        self.store.delete(KEY)

        self.syncer.publish(target, STATUS, 'UP')

        self.assertEqual('{"version":3,"vmi":"UP"}', self.value())

    def test_an_older_version_never_overwrites_a_newer_one(self) -> None:
        old, new = self.target(version=3), self.target(version=4)
        self.syncer.publish(new, STATUS, 'UP')

        self.syncer.publish(old, STATUS, 'FAIL')

        self.assertEqual('{"version":4,"vmi":"UP"}', self.value())

    def test_a_newer_version_starts_afresh(self) -> None:
        self.syncer.publish(self.target('vmi', version=3), STATUS, 'UP')

        self.syncer.publish(self.target('server', version=4), STATUS, 'UP')

        self.assertEqual('{"server":"UP","version":4}', self.value())

    def test_fields_of_one_version_share_the_key(self) -> None:
        self.syncer.publish(self.target('vmi'), STATUS, 'UP')
        self.syncer.publish(self.target('server'), STATUS, 'DOWN')

        self.assertEqual(
            '{"server":"DOWN","version":3,"vmi":"UP"}', self.value()
        )

    def test_takes_only_its_own_field_away(self) -> None:
        vmi, server = self.target('vmi'), self.target('server')
        self.syncer.publish(vmi, STATUS, 'UP')
        self.syncer.publish(server, STATUS, 'UP')

        self.syncer.withdraw(vmi)
        self.assertEqual('{"server":"UP","version":3}', self.value())
        self.syncer.withdraw(server)
        self.assertIsNone(self.value())

    def test_leaves_another_version_alone(self) -> None:
        old, new = self.target(version=3), self.target(version=4)
        self.syncer.publish(new, STATUS, 'UP')

        self.syncer.withdraw(old)

        self.assertEqual('{"version":4,"vmi":"UP"}', self.value())

    def test_publishes_nothing_once_the_target_is_marked(self) -> None:
        target = self.target()
        self.targets.mark_deleting(target.id)

        self.syncer.publish(target, STATUS, 'UP')

        self.assertIsNone(self.value())

    def test_publishes_nothing_for_an_earlier_description(self) -> None:
        target = self.target()
        self.target(properties={'fq_name': 'another'})

        self.syncer.publish(target, STATUS, 'UP')

        self.assertIsNone(self.value())

    def test_reads_again_when_an_answer_is_lost(self) -> None:
        target = self.target()
        self.store.interceptor = support.LostAnswers(1, skip=1)

        self.syncer.publish(target, STATUS, 'UP')

        self.store.interceptor = None
        kv = self.store.get(KEY)
        assert kv is not None
        self.assertEqual(
            ('{"version":3,"vmi":"UP"}', 1), (kv.value, kv.version)
        )

    def test_merges_what_comes_between(self) -> None:
        vmi, server = self.target('vmi'), self.target('server')
        self.store.interceptor = Between(
            lambda: self.syncer.publish(server, STATUS, 'UP')
        )

        self.syncer.publish(vmi, STATUS, 'UP')

        self.assertEqual(
            '{"server":"UP","version":3,"vmi":"UP"}', self.value()
        )

    def test_gives_up_when_others_never_stop(self) -> None:
        target = self.target()
        numbers = iter(range(1000))

        def write(call: str, phase: str) -> None:
            if phase == 'after':
                self.store.interceptor = None
                self.store.put(KEY, f'{{"other":{next(numbers)}}}')
                self.store.interceptor = write

        self.store.interceptor = write

        self.assertRaises(
            errors.StillContended, self.syncer.publish, target, STATUS, 'UP'
        )

    def test_an_outage_is_the_callers_to_retry(self) -> None:
        target = self.target()
        self.store.interceptor = support.down

        self.assertRaises(
            exceptions.TransientError,
            self.syncer.publish,
            target,
            STATUS,
            'UP',
        )

    def test_replaces_what_is_not_ours_and_never_deletes_it(self) -> None:
        target = self.target()
        for text in ('{', '[]', '{"vmi":"UP"}', '{"version":true}'):
            self.store.put(KEY, text)
            self.syncer.withdraw(target)
            self.assertEqual(text, self.value())

            self.syncer.publish(target, STATUS, 'UP')
            self.assertEqual('{"version":3,"vmi":"UP"}', self.value())

    def test_a_target_without_its_settings_is_left_out(self) -> None:
        target = self.targets.save(support.make_target(syncer_properties={}))

        self.syncer.publish(target.target, STATUS, 'UP')
        self.syncer.withdraw(target.target)

        self.assertIsNone(self.value())

    def test_the_path_is_an_option(self) -> None:
        setting = support.Setting(self.store, monitoring_path='')
        target = self.target()

        EtcdSyncer(setting.unfenced).publish(target, STATUS, 'UP')

        self.assertIsNotNone(self.store.get('/monitoring/ports/p1'))

    def test_a_withdrawn_target_may_be_withdrawn_again(self) -> None:
        target = self.target()
        self.syncer.publish(target, STATUS, 'UP')
        self.syncer.withdraw(target)

        self.syncer.withdraw(target)
        self.syncer.withdraw(dataclasses.replace(target, revision=0))

        self.assertIsNone(self.value())

    def value(self) -> str | None:
        return self.setting.monitoring()


class Between:
    """An interceptor that acts once, between a read and its write."""

    def __init__(self, act: Any) -> None:
        self._act: Any = act

    def __call__(self, call: str, phase: str) -> None:
        if phase == 'after' and self._act is not None:
            act, self._act = self._act, None
            act()
