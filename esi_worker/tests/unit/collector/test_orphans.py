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

import testtools

from esi_worker.collector.orphans import OrphanMarker
from esi_worker.tests.unit.collector import support

UP = '{"version":3,"vmi":"UP"}'
FAIL = '{"version":3,"vmi":"FAIL"}'


class TestOrphans(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.setting.post()
        self.setting.poll()
        self.marker = OrphanMarker(
            self.setting.context.conf,
            self.setting.store,
            support.KEYS,
            self.setting.clock,
        )

    def pass_time(self, seconds: float) -> None:
        self.marker.step()
        self.setting.clock.advance(seconds)
        self.marker.step()

    def test_what_is_polled_is_left_alone(self) -> None:
        self.pass_time(600)

        self.assertEqual(UP, self.setting.monitoring())

    def test_what_nobody_polls_is_marked(self) -> None:
        self.setting.crash()

        self.pass_time(19)
        before = self.setting.monitoring()
        self.pass_time(1)

        self.assertEqual((UP, FAIL), (before, self.setting.monitoring()))

    def test_one_that_cannot_be_marked_stops_no_other(self) -> None:
        """A record by hand, whose id comes first, names no text."""
        target = dataclasses.replace(
            support.make_target(
                resource_id='p0',
                syncer_properties={'etcd': {'status': {'key': ['no']}}},
            ),
            id='0',
        )
        self.setting.store.put(support.KEYS.target('0'), target.encode())
        self.setting.crash()

        self.pass_time(20)

        self.assertEqual(FAIL, self.setting.monitoring())

    def test_a_collector_that_comes_back_in_time_is_waited_for(self) -> None:
        self.setting.crash()
        self.pass_time(19)

        support.Setting(self.setting.store, self.setting.clock)
        self.pass_time(60)

        self.assertEqual(UP, self.setting.monitoring())

    def test_a_collector_that_comes_back_later_puts_it_right(self) -> None:
        self.setting.crash()
        self.pass_time(20)

        after = support.Setting(self.setting.store, self.setting.clock)
        after.poll()
        self.pass_time(60)

        self.assertEqual(UP, after.monitoring())

    def test_what_is_claimed_meanwhile_is_not_marked(self) -> None:
        self.setting.crash()
        self.marker.step()
        self.setting.clock.advance(20)
        late = self.marker._unclaimed()
        after = support.Setting(self.setting.store, self.setting.clock)

        self.marker._mark(after.collector.monitoring.list()[0])

        self.assertEqual(256, len(late))
        self.assertEqual(UP, after.monitoring())

    def test_it_is_written_once(self) -> None:
        self.setting.crash()
        self.pass_time(20)
        revision = self.setting.store.revision

        self.pass_time(30)

        self.assertEqual(revision, self.setting.store.revision)

    def test_a_lost_mark_comes_back(self) -> None:
        self.setting.crash()
        self.pass_time(20)
        self.setting.store.put('/monitoring/v2.0/ports/p1', UP)

        self.pass_time(61)

        self.assertEqual(FAIL, self.setting.monitoring())

    def test_what_was_held_is_marked_at_the_end_of_its_time(self) -> None:
        hold = {'positive_status': ['UP'], 'time_seconds': 30}
        self.setting.crash()
        self.setting = support.Setting(self.setting.store, self.setting.clock)
        self.setting.post(
            resource_id='p2',
            syncer_properties={
                'etcd': {'status': {'key': 'vmi'}, 'hold_options': hold}
            },
        )
        self.setting.crash()

        self.pass_time(25)
        before = self.setting.monitoring('p2')
        self.pass_time(5)

        self.assertIsNone(before)
        self.assertEqual(FAIL, self.setting.monitoring('p2'))
