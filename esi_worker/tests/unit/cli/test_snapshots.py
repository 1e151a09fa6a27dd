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
from pathlib import Path
import stat

import fixtures

from esi_worker import exceptions, store
from esi_worker.tests.unit.cli import support


class SnapshotTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.file = folder / 'snapshot'

    def save(self) -> list[dict[str, object]]:
        self.assertEqual(
            0, self.run_command('snapshot', 'save', str(self.file))
        )
        return [json.loads(line) for line in self.file.open()]

    def load(self) -> int:
        return self.run_command('snapshot', 'load', str(self.file), '--yes')

    def test_all_our_keys_come_back_and_no_other(self) -> None:
        ours = {
            self.keys.config('v2.0/networks/n'): '{}',
            self.keys.state('v2.0/networks/n'): '{"ü": 1}',
            self.keys.job('j'): 'no json \udcff',
            self.keys.accepted('v2.0/networks/n'): '{}',
            self.keys.monitoring('v2.0/networks/n'): '{}',
        }
        for key, value in ours.items():
            self.store.put(key, value)
        self.store.put('/somebody/else', '')
        self.save()
        self.store = store.MemoryStore()
        self.assertEqual(0, self.load())
        found = {kv.key: kv.value for kv in self.store.range('/').items}
        self.assertEqual(ours, found)

    def test_all_of_it_is_of_one_revision(self) -> None:
        self.store.put(self.keys.config('v2.0/networks/n'), 'before')
        self.store.put(self.keys.state('v2.0/networks/n'), 'before')
        reads = []

        def meddle(name: str, moment: str) -> None:
            if name == 'range' and moment == 'after':
                reads.append(name)
                if len(reads) == 1:
                    key = self.keys.state('v2.0/networks/n')
                    self.store.put(key, 'after')

        self.store.interceptor = meddle
        _, *records = self.save()
        self.assertEqual({'before'}, {record['value'] for record in records})

    def test_what_hangs_on_a_lease_is_saved_but_not_loaded(self) -> None:
        lease = self.store.grant(60)
        self.store.put(self.keys.working('j'), '', lease=lease.id)
        _, record = self.save()
        self.assertEqual(lease.id, record['lease'])
        self.store = store.MemoryStore()
        self.assertEqual(0, self.load())
        self.assertEqual((), self.store.range('/').items)

    def test_only_its_owner_may_read_the_file(self) -> None:
        self.save()
        mode = stat.S_IMODE(self.file.stat().st_mode)
        self.assertEqual(0o600, mode)

    def test_a_file_that_is_there_is_kept(self) -> None:
        self.file.write_text('mine')
        self.assertEqual(
            1, self.run_command('snapshot', 'save', str(self.file))
        )
        self.assertEqual('mine', self.file.read_text())

    def test_an_etcd_that_is_away_leaves_no_file(self) -> None:
        reads = []

        def away(name: str, _moment: str) -> None:
            reads.append(name)
            if len(reads) > 2:
                raise exceptions.StoreUnavailable('away')

        self.store.interceptor = away
        self.assertEqual(
            1, self.run_command('snapshot', 'save', str(self.file))
        )
        self.assertEqual([], list(self.file.parent.iterdir()))
        self.store.interceptor = None
        self.save()
        self.assertEqual([self.file], list(self.file.parent.iterdir()))

    def test_a_folder_that_is_not_there_is_told(self) -> None:
        name = str(self.file / 'inside')
        self.assertEqual(1, self.run_command('snapshot', 'save', name))
        self.assertIn(f'{name} cannot be made', self.stderr.getvalue())

    def test_it_loads_only_where_nothing_is(self) -> None:
        self.store.put(self.keys.job('j'), '')
        self.save()
        self.assertEqual(1, self.load())
        self.assertIn(self.keys.job('j'), self.stderr.getvalue())

    def test_another_file_is_no_snapshot(self) -> None:
        self.file.write_text('{"key": 1}\n')
        self.assertEqual(1, self.load())
        self.assertIn('that of a snapshot', self.stderr.getvalue())
        self.assertEqual((), self.store.range('/').items)

    def test_keys_of_other_prefixes_are_refused(self) -> None:
        self.store.put(self.keys.job('j'), '')
        self.save()
        text = self.file.read_text().replace('/jobs/all', '/other/all')
        self.file.write_text(text)
        self.store = store.MemoryStore()
        self.assertEqual(1, self.load())
        self.assertIn('/other/all/j', self.stderr.getvalue())
