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

import json

from esi_worker import store
from esi_worker.model import WorkerRecord
from esi_worker.tests.unit.cli import support


class WorkerTest(support.CommandTest):
    def add_worker(self, name: str) -> store.Lease:
        """A worker that holds one job."""
        lease = self.store.grant(30)
        record = WorkerRecord(
            ('heat_worker', 'noop'),
            8,
            5,
            ('a',),
            {'host': 'h', 'pid': 7, 'version': '1'},
        )
        self.store.put(self.keys.worker(name), record.encode(), lease=lease.id)
        self.store.put(self.keys.working(f'job-{name}'), '', lease=lease.id)
        return lease


class WorkerListTest(WorkerTest):
    def test_worker_shows_its_slots_and_whether_it_manages(self) -> None:
        self.add_worker('w1')
        expected = {
            'ID': 'w1',
            'Handlers': 'heat_worker noop',
            'Slots': 8,
            'Free': 5,
            'Starting': 1,
            'Jobs': 1,
            'Draining': False,
            'Host': 'h',
            'PID': 7,
            'Version': '1',
        }
        self.assertEqual([expected], self.rows('worker', 'list'))

    def test_unreadable_worker_is_listed_with_the_reason(self) -> None:
        self.store.put(self.keys.worker('w1'), '[]')
        (row,) = self.rows('worker', 'list')
        self.assertIn('cannot be read', row['Handlers'])


class WorkerDrainTest(WorkerTest):
    def test_the_worker_is_marked_until_it_ends(self) -> None:
        lease = self.add_worker('w1')
        self.assertEqual(0, self.run_command('worker', 'drain', 'w', '--yes'))
        self.assertIsNotNone(self.store.get(self.keys.draining('w1')))
        lease.revoke()
        self.assertIsNone(self.store.get(self.keys.draining('w1')))

    def test_undo_takes_the_mark_away(self) -> None:
        self.add_worker('w1')
        self.run_command('worker', 'drain', 'w1', '--yes')
        code = self.run_command('worker', 'drain', 'w1', '--undo', '--yes')
        self.assertEqual(0, code)
        self.assertIsNone(self.store.get(self.keys.draining('w1')))

    def test_without_a_yes_nothing_happens(self) -> None:
        self.add_worker('w1')
        self.stdin.write('n\n')
        self.stdin.seek(0)
        self.assertEqual(1, self.run_command('worker', 'drain', 'w1'))
        self.assertIsNone(self.store.get(self.keys.draining('w1')))
        self.assertIn('only one', self.stderr.getvalue())

    def test_a_part_of_an_id_must_be_unique(self) -> None:
        self.add_worker('w1')
        self.add_worker('w2')
        self.assertEqual(1, self.run_command('worker', 'drain', 'w', '-y'))
        self.assertIn('several', self.stderr.getvalue())

    def test_waiting_ends_when_no_job_is_held(self) -> None:
        self.add_worker('w1')
        self.store.delete(self.keys.working('job-w1'))
        code = self.run_command('worker', 'drain', 'w1', '-y', '--wait')
        self.assertEqual(0, code)

    def test_waiting_has_a_limit(self) -> None:
        self.add_worker('w1')
        code = self.run_command(
            'worker', 'drain', 'w1', '-y', '--wait', '--timeout', '0'
        )
        self.assertEqual(1, code)
        self.assertIn('1 jobs', self.stderr.getvalue())


class ManagerShowTest(support.CommandTest):
    def test_the_elected_and_the_others_are_told_apart(self) -> None:
        self.store.put(self.keys.election, 'm1')
        for name in ('m1', 'm2'):
            about = {'host': f'host-{name}', 'pid': 1, 'version': '7'}
            self.store.put(self.keys.manager(name), json.dumps(about))
        shown = self.rows('manager', 'show')
        self.assertEqual(('m1', 'host-m1'), (shown['Elected'], shown['Host']))
        self.assertIn('host-m2', shown['Standing by'])
        self.assertNotIn('host-m1', shown['Standing by'])

    def test_nobody_is_said_in_words(self) -> None:
        self.assertEqual('nobody', self.rows('manager', 'show')['Elected'])
