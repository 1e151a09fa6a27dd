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

"""Hold options: section 5.1 of the reference of monitoring."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.collector.results import STATUS, Failure, Sample
from esi_worker.tests.unit.collector import support

HOLD = {'positive_status': ['UP', 'DOWN'], 'time_seconds': 210}
ROLES = {'primary': 'MASTER', 'secondary': 'BACKUP'}


class TestHold(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting(poll_backoff=1)
        self.name = support.body()['properties']['fq_name']

    def post(self, hold: Any = HOLD) -> Any:
        settings = {'etcd': {'status': {'key': 'vmi'}, 'hold_options': hold}}
        return self.setting.post(syncer_properties=settings)

    def see(self, value: Any) -> None:
        result = (
            Failure(STATUS, 'not there yet')
            if value == 'FAIL'
            else Sample(STATUS, value)
        )
        self.setting.poller.sees[self.name] = result
        self.setting.poll()
        self.setting.clock.advance(60)

    def test_a_bad_status_is_held_back_within_the_time(self) -> None:
        self.post()

        for _ in range(4):
            self.see('FAIL')

        self.assertIsNone(self.setting.monitoring())

    def test_it_is_published_once_the_time_is_over(self) -> None:
        self.post()

        for _ in range(5):
            self.see('FAIL')

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_it_is_published_at_the_end_of_the_time(self) -> None:
        """However rarely a device that does not answer is polled."""
        self.setting = support.Setting(poll_backoff=4)
        self.post()
        self.see('FAIL')
        polls = [self.setting.poll()]
        for seconds in (60, 89):
            self.setting.clock.advance(seconds)
            polls.append(self.setting.poll())
        before = self.setting.monitoring()

        self.setting.clock.advance(1)
        polls.append(self.setting.poll())

        self.assertIsNone(before)
        self.assertEqual([1, 0, 1, 0], polls)
        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_what_is_gone_by_then_is_not_published(self) -> None:
        shown = support.decoded(self.post())
        self.see('FAIL')
        self.setting.client.simulate_delete(f'/targets/{shown["id"]}')

        self.setting.clock.advance(210)
        self.setting.poll()

        self.assertIsNone(self.setting.monitoring())

    def test_a_good_status_ends_the_hold_for_good(self) -> None:
        self.post()

        self.see('DOWN')
        first = self.setting.monitoring()
        self.see('FAIL')

        self.assertEqual('{"version":3,"vmi":"DOWN"}', first)
        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_also_when_the_key_is_lost(self) -> None:
        self.post()
        self.see('UP')
        self.setting.store.delete('/monitoring/v2.0/ports/p1')

        self.see('FAIL')

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_also_for_another_collector(self) -> None:
        self.post()
        self.see('UP')
        self.setting.crash()
        after = support.Setting(self.setting.store, self.setting.clock)

        after.poller.sees[self.name] = Failure(STATUS, 'away')
        after.poll()

        self.assertEqual('{"version":3,"vmi":"FAIL"}', after.monitoring())

    def test_a_new_version_holds_anew(self) -> None:
        shown = support.decoded(self.post())
        self.see('UP')
        settings = {'etcd': {'status': {'key': 'vmi'}, 'hold_options': HOLD}}
        body = support.body(
            version=4,
            properties={'fq_name': 'another'},
            syncer_properties=settings,
        )
        self.setting.client.simulate_put(f'/targets/{shown["id"]}', json=body)

        self.name = 'another'
        self.see('FAIL')

        self.assertEqual('{"version":3,"vmi":"UP"}', self.setting.monitoring())

    def test_maps_alone_and_in_a_list_are_equal(self) -> None:
        for positive in (ROLES, [ROLES]):
            self.setting = support.Setting(poll_backoff=1)
            self.post({'positive_status': positive, 'time_seconds': 360})

            self.see({'primary': 'INIT', 'secondary': 'BACKUP'})
            first = self.setting.monitoring()
            self.see(ROLES)

            self.assertIsNone(first)
            self.assertIn('MASTER', str(self.setting.monitoring()))

    def test_a_time_may_be_a_text_of_digits(self) -> None:
        self.post({**HOLD, 'time_seconds': '210'})

        self.see('FAIL')

        self.assertIsNone(self.setting.monitoring())

    def test_what_cannot_be_used_is_refused(self) -> None:
        holds: list[Any] = [
            [],
            {},
            {'positive_status': ['UP']},
            {'time_seconds': 5},
            {'positive_status': 'UP', 'time_seconds': 5},
            {'positive_status': ['UP'], 'time_seconds': -1},
            {'positive_status': ['UP'], 'time_seconds': 'soon'},
        ]
        for hold in holds:
            response = self.post(hold)

            self.assertEqual(400, response.status_code)
            self.assertIn('hold_options', response.text)
