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

"""What pollers tell that nobody could keep, publish or show."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.collector.results import STATUS, UP, Failure, Sample
from esi_worker.tests.unit.collector import support

FAIL_VALUE = '{"version":3,"vmi":"FAIL"}'
UNUSABLE: dict[str, Any] = {
    'bytes': b'\xff\xfe',
    'not a number': float('nan'),
    'infinite': float('inf'),
    'a number without end': 10**400,
    'too large for a counter': 2**64,
    'half a character': 'UP\ud800',
    'a text without end': 'U' * 5000,
    'nothing': None,
    'an object of Python': object(),
    'not a number, inside': {'primary': float('nan')},
}


class BelievingTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.poller = self.setting.poller
        self.target = support.decoded(self.setting.post())
        # There is a good status that could stand for ever.
        self.see(Sample(STATUS, UP))

    def see(self, *results: Any) -> None:
        self.poller.sees_all = results
        self.setting.poll()
        self.setting.clock.advance(60)

    def shown(self) -> Any:
        path = f'/targets/{self.target["id"]}'
        answer = self.setting.client.simulate_get(path)
        return {each['key']: each['value'] for each in answer.json['values']}

    def metrics(self) -> str:
        answer = self.setting.client.simulate_get('/metrics')
        self.assertEqual(200, answer.status_code)
        return str(answer.text)

    def test_a_status_that_cannot_be_shown_is_fail(self) -> None:
        for name, value in UNUSABLE.items():
            with self.subTest(name):
                self.see(Sample(STATUS, UP))

                self.see(Sample(STATUS, value))

                self.assertEqual(FAIL_VALUE, self.setting.monitoring())
                self.assertEqual({STATUS: 'FAIL'}, self.shown())
                self.assertIn('status="FAIL"', self.metrics())

    def test_a_number_that_cannot_be_shown_leaves_the_last_one(self) -> None:
        self.see(Sample(STATUS, UP), Sample('traffic.in', 14))
        for name, value in UNUSABLE.items():
            with self.subTest(name):
                self.see(Sample(STATUS, UP), Sample('traffic.in', value))

                self.assertEqual({STATUS: UP, 'traffic.in': 14}, self.shown())
                self.assertIn('esi_monitoring_traffic_in', self.metrics())

    def test_the_largest_counter_is_shown(self) -> None:
        self.see(Sample(STATUS, UP), Sample('traffic.in', 2**64 - 1))

        self.assertEqual(2**64 - 1, self.shown()['traffic.in'])
        self.assertIn('1.8446744073709552e+19', self.metrics())

    def test_a_status_that_is_left_out_is_fail(self) -> None:
        self.see(Sample('traffic.in', 14))

        self.assertEqual(FAIL_VALUE, self.setting.monitoring())

    def test_so_is_one_of_which_nothing_is_told(self) -> None:
        for results in ((), ('UP',), (None,)):
            with self.subTest(results):
                self.see(Sample(STATUS, UP))
                self.poller.answers = {self.target['id']: results}
                self.see()
                self.poller.answers = None

                self.assertEqual(FAIL_VALUE, self.setting.monitoring())

    def test_so_is_what_a_poller_that_returns_nothing_polls(self) -> None:
        told: list[Any] = [[], 'nothing', {self.target['id']: 7}]
        for answers in told:
            with self.subTest(answers):
                self.see(Sample(STATUS, UP))
                self.poller.answers = answers
                self.see()
                self.poller.answers = None

                self.assertEqual(FAIL_VALUE, self.setting.monitoring())

    def test_a_failure_without_a_reason_is_fail(self) -> None:
        self.see(Failure(STATUS, ''))

        self.assertEqual(FAIL_VALUE, self.setting.monitoring())
