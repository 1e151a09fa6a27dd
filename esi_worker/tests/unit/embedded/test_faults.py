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

"""Markers are found in names and in the faults folder."""

from pathlib import Path

import fixtures
import testtools

from esi_worker.embedded import faults


class MarkersTest(testtools.TestCase):
    def test_fails_only_the_named_action(self) -> None:
        self.assertTrue(faults.fails('net-fail-create-1', 'create'))
        self.assertFalse(faults.fails('net-fail-create-1', 'delete'))

    def test_wait_for_one_action(self) -> None:
        self.assertEqual(2.5, faults.seconds('a wait-update-2.5s', 'update'))
        self.assertEqual(0.0, faults.seconds('a wait-update-2.5s', 'create'))

    def test_wait_without_action_spares_deletes(self) -> None:
        self.assertEqual(3.0, faults.seconds('wait-3s', 'create'))
        self.assertEqual(3.0, faults.seconds('wait-3s', 'update'))
        self.assertEqual(0.0, faults.seconds('wait-3s', 'delete'))

    def test_longest_wait_counts(self) -> None:
        self.assertEqual(
            2.0, faults.seconds('wait-1s wait-create-2s', 'create')
        )

    def test_hold_spares_deletes(self) -> None:
        self.assertTrue(faults.holds('a-server hold', 'create'))
        self.assertTrue(faults.holds('a-server hold', 'update'))
        self.assertFalse(faults.holds('a-server hold', 'delete'))

    def test_a_name_with_hold_in_it_is_not_held(self) -> None:
        self.assertFalse(faults.holds('household-hold', 'create'))

    def test_an_id_is_asked_for(self) -> None:
        wanted = '47531b14-72e9-439d-8949-fd941457ecde'
        self.assertEqual(wanted, faults.identity(f'server id-{wanted} hold'))

    def test_ordinary_name_asks_for_nothing(self) -> None:
        self.assertEqual(0.0, faults.seconds('await-10server', 'create'))
        self.assertIsNone(
            faults.identity('grid-47531b14-72e9-439d-8949-fd941457ecde')
        )


class FaultsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.faults = faults.Faults(folder)
        self.useFixture(
            fixtures.EnvironmentVariable(faults.FOLDER_VARIABLE, str(folder))
        )

    def test_set_and_clear(self) -> None:
        self.faults.set('../a b', 'fail-create', 'wait-1s')
        self.assertEqual(
            '../a b fail-create wait-1s', faults.markers_of('../a b')
        )
        self.faults.clear('../a b')
        self.assertEqual('../a b', faults.markers_of('../a b'))

    def test_other_names_are_spared(self) -> None:
        self.faults.set('a', 'fail-create')
        self.assertEqual('ab', faults.markers_of('ab'))

    def test_clearing_twice_is_no_error(self) -> None:
        self.faults.set('a', 'fail-create')
        self.faults.clear_all()
        self.faults.clear('a')
        self.assertEqual('a', faults.markers_of('a'))
