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

from esi_worker.admin import inventory, rows
from esi_worker.model import StackRecord
from esi_worker.tests.cluster import NETWORK, PORT
from esi_worker.tests.unit.admin import support

SECRET = 'canary-6f1d'
N = 'v2.0/networks/n'


class ResourceRowsTest(support.InventoryTest):
    def row(self, path: str = N) -> rows.ResourceRow:
        self.look()
        row = self.inventory.resource(path)
        assert row is not None
        return row

    def test_a_resource_goes_from_working_to_done(self) -> None:
        self.write(NETWORK, 'n')
        self.assertEqual(rows.Condition.WORKING, self.row().condition)
        self.start_worker()
        row = self.row()
        self.assertEqual(rows.Condition.DONE, row.condition)
        self.assertEqual((1, 1, 1), (row.desired, row.accepted, row.published))
        self.assertEqual('CREATE_COMPLETED', row.worker_state)

    def test_what_waits_for_a_missing_resource_is_blocked(self) -> None:
        self.write(PORT, 'p', network_id='gone', fixed_ips=[])
        row = self.row('v2.0/ports/p')
        self.assertEqual(rows.Condition.BLOCKED, row.condition)
        self.assertIn('gone', row.blocked)
        self.assertEqual(('network:gone',), row.waits_for)

    def test_a_config_that_nobody_acted_on_is_pending(self) -> None:
        self.cluster.remove(self.manager)
        self.write(NETWORK, 'n')
        self.assertEqual(rows.Condition.PENDING, self.row().condition)

    def test_a_failure_shows_its_error(self) -> None:
        self.cluster.remove(self.manager)
        self.put(
            self.cluster.keys.state(N),
            version=1,
            error='no quota',
            state={'worker_state': 'CREATE_FAILED'},
        )
        row = self.row()
        self.assertEqual(rows.Condition.FAILED, row.condition)
        self.assertEqual('no quota', row.error)

    def test_the_stack_of_a_resource_that_is_gone_stays_visible(self) -> None:
        record = StackRecord('network:n', 't', 's', 'DELETE_FAILED', 'stuck')
        key = self.cluster.keys.heat_stack(N)
        self.cluster.store.put(key, record.encode())
        self.assertEqual(rows.Condition.FAILED, self.row().condition)

    def test_nothing_is_left_when_all_keys_are_gone(self) -> None:
        self.put(self.cluster.keys.blocked(N), reason='because')
        self.row()
        self.cluster.store.delete(self.cluster.keys.blocked(N))
        self.look()
        self.assertIsNone(self.inventory.resource(N))

    def test_keys_of_others_are_no_resources(self) -> None:
        self.put(self.cluster.keys.config('v1.0/robots/r'), version=1)
        self.look()
        self.assertEqual([], self.inventory.resources())

    def test_no_body_and_no_parameter_is_taken_in(self) -> None:
        self.write(NETWORK, 'n', mtu=SECRET)
        self.look()
        self.assertTrue(self.inventory.jobs())
        seen = repr((self.inventory.resources(), self.inventory.jobs()))
        self.assertNotIn(SECRET, seen)

    def test_any_value_is_survived(self) -> None:
        keys = self.cluster.keys
        self.cluster.remove(self.manager)
        for value in ('', 'no json', '[]', '[1,2,3]', '{"state": []}', '7'):
            for key in (
                keys.config(N),
                keys.state(N),
                keys.accepted(N),
                keys.heat_stack(N),
                keys.blocked(N),
                keys.job('j'),
                keys.worker('w'),
            ):
                self.cluster.store.put(key, value)
        self.look()
        self.assertEqual([N], [row.path for row in self.inventory.resources()])

    def put(self, key: str, **fields: object) -> None:
        self.cluster.store.put(key, json.dumps(fields))


class JobRowsTest(support.InventoryTest):
    def test_jobs_have_the_states_of_their_places(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        self.look()
        states = {job.resource: job.state for job in self.inventory.jobs()}
        self.assertEqual(rows.JobState.READY, states['network:n'])
        self.assertEqual(rows.JobState.WAITING, states['port:p'])

    def test_finished_jobs_are_gone(self) -> None:
        self.write(NETWORK, 'n')
        self.look()
        self.start_worker()
        self.look()
        self.assertEqual([], self.inventory.jobs())

    def test_a_listing_shows_what_following_shows(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        self.look()
        listed = inventory.Inventory.read(
            self.cluster.store, self.cluster.keys, self.cluster.catalog.types
        )
        self.assertEqual(self.inventory.jobs(), listed.jobs())
        self.assertEqual(self.inventory.resources(), listed.resources())
        self.assertEqual(self.inventory.leader, listed.leader)

    def test_a_new_listing_forgets_what_vanished_meanwhile(self) -> None:
        self.write(NETWORK, 'n')
        self.look()
        self.start_worker()
        self.follower.relist()
        self.look()
        self.assertEqual([], self.inventory.jobs())
        row = self.inventory.resource(N)
        assert row is not None
        self.assertEqual(0, row.jobs)
