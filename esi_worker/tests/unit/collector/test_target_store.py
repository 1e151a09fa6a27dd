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

import testtools

from esi_worker import store
from esi_worker.collector import errors
from esi_worker.collector.target_store import TargetStore
from esi_worker.tests.unit.collector import support


class TestTargetStore(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.targets = TargetStore(self.store, support.KEYS)

    def test_keeps_targets(self) -> None:
        saved = self.targets.save(support.make_target())

        self.assertTrue(saved.created)
        self.assertEqual([saved.target], self.targets.list())
        kv = self.store.get(f'/esi-worker/targets/{saved.target.id}')
        assert kv is not None
        self.assertEqual(kv.mod_revision, saved.target.revision)

    def test_a_second_description_replaces_the_first(self) -> None:
        first = self.targets.save(support.make_target())

        second = self.targets.save(
            support.make_target(properties={'fq_name': 'another'})
        )

        self.assertFalse(second.created)
        self.assertEqual(first.target, second.previous)
        self.assertEqual([second.target], self.targets.list())

    def test_a_lost_answer_is_settled_by_reading(self) -> None:
        self.store.interceptor = support.LostAnswers(1, skip=1)

        saved = self.targets.save(support.make_target())

        self.store.interceptor = None
        kv = self.store.get(f'/esi-worker/targets/{saved.target.id}')
        assert kv is not None
        self.assertEqual(kv.mod_revision, saved.target.revision)
        self.assertEqual(1, kv.version)

    def test_what_stays_unknown_is_an_error(self) -> None:
        target = self.targets.save(support.make_target()).target
        marked = self.targets.mark_deleting(target.id)
        assert marked is not None
        self.store.interceptor = support.LostAnswers(100)

        self.assertRaises(errors.StillContended, self.targets.remove, marked)

    def test_a_bad_record_hides_only_itself(self) -> None:
        self.store.put('/esi-worker/targets/bad', '{')
        saved = self.targets.save(support.make_target())

        self.assertEqual([saved.target], self.targets.list())
        self.assertIsNone(self.targets.get('bad'))

    def test_what_changed_after_the_mark_is_not_removed(self) -> None:
        target = self.targets.save(support.make_target()).target
        marked = self.targets.mark_deleting(target.id)
        assert marked is not None
        self.store.put(support.KEYS.target(target.id), target.encode())

        self.targets.remove(marked)

        self.assertIsNotNone(self.targets.get(target.id))
