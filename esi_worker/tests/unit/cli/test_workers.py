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

from esi_worker.model import WorkerRecord
from esi_worker.tests.unit.cli import support


class WorkerListTest(support.CommandTest):
    def test_worker_shows_its_slots_and_whether_it_manages(self) -> None:
        record = WorkerRecord(('heat_worker', 'noop'), 8, 5, ('a',))
        self.store.put(self.keys.worker('w1'), record.encode())
        self.store.put(self.keys.election, 'w1')
        expected = {
            'ID': 'w1',
            'Handlers': 'heat_worker noop',
            'Slots': 8,
            'Free': 5,
            'Starting': 1,
            'Manager': True,
        }
        self.assertEqual([expected], self.rows('worker', 'list'))

    def test_manager_that_does_no_jobs_is_listed(self) -> None:
        self.store.put(self.keys.election, 'm')
        (row,) = self.rows('worker', 'list')
        self.assertEqual(('m', True), (row['ID'], row['Manager']))

    def test_unreadable_worker_is_listed_with_the_reason(self) -> None:
        self.store.put(self.keys.worker('w1'), '[]')
        (row,) = self.rows('worker', 'list')
        self.assertIn('cannot be read', row['Handlers'])
