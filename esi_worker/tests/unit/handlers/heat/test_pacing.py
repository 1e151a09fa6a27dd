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


"""Budgets of endpoints, and endpoints that want to be left alone."""

from __future__ import annotations

import datetime
from email import utils as mail

import testtools

from esi_worker import clock as clocks
from esi_worker.handlers.heat import errors, pacing

URL = 'http://heat.test:8004/v1/t1/stacks'
OTHER = 'http://keystone.test:5000/v3'


class PacerTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.slept: list[float] = []
        self.pacer = pacing.Pacer(10.0, self.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.clock.advance(seconds)

    def closed(self) -> float:
        error = self.assertRaises(
            errors.HeatUnavailable, self.pacer.enter, URL
        )
        self.assertIn('heat.test:8004', str(error))
        assert error.after is not None
        return float(error.after)


class BudgetTest(PacerTestCase):
    def test_looks_wait_for_the_budget(self) -> None:
        with pacing.waiting():
            for _ in range(5):
                self.pacer.enter(URL)
        self.assertEqual([0.1, 0.1, 0.1, 0.1], self.slept)

    def test_idle_time_is_not_saved_up(self) -> None:
        self.clock.advance(100)
        with pacing.waiting():
            for _ in range(3):
                self.pacer.enter(URL)
        self.assertEqual([0.1, 0.1], self.slept)

    def test_changes_do_not_wait_but_looks_wait_for_them(self) -> None:
        for _ in range(2):
            self.pacer.enter(URL)
        self.assertEqual([], self.slept)
        with pacing.waiting():
            self.pacer.enter(URL)
        self.assertEqual([0.2], self.slept)

    def test_many_changes_do_not_keep_looks_away_for_ever(self) -> None:
        for _ in range(1000):
            self.pacer.enter(URL)
        with pacing.waiting():
            self.pacer.enter(URL)
        self.assertEqual([0.25], self.slept)

    def test_each_endpoint_has_its_own(self) -> None:
        for _ in range(5):
            self.pacer.enter(URL)
        with pacing.waiting():
            self.pacer.enter(OTHER)
        self.assertEqual([], self.slept)


class RetryAfterTest(PacerTestCase):
    def test_endpoint_is_left_alone_as_long_as_it_asks(self) -> None:
        seconds = self.pacer.saw(URL, 429, {'Retry-After': '7'})
        self.assertEqual(7.0, seconds)
        self.assertGreaterEqual(self.closed(), 7.0)
        self.pacer.enter(OTHER)
        self.clock.advance(7)
        self.pacer.enter(URL)

    def test_date_is_understood(self) -> None:
        at = datetime.datetime.fromtimestamp(
            self.clock.time() + 90, datetime.UTC
        )
        self.pacer.saw(URL, 503, {'Retry-After': mail.format_datetime(at)})
        self.assertGreaterEqual(self.closed(), 89.0)

    def test_longest_wish_counts(self) -> None:
        self.pacer.saw(URL, 429, {'Retry-After': '30'})
        self.pacer.saw(URL, 429, {'Retry-After': '2'})
        self.assertGreaterEqual(self.closed(), 30.0)

    def test_no_wish_is_granted_for_ever(self) -> None:
        self.assertEqual(
            600.0, self.pacer.saw(URL, 429, {'Retry-After': '999999'})
        )

    def test_other_answers_and_nonsense_close_nothing(self) -> None:
        for code, wish in ((200, '5'), (500, '5'), (429, 'soon'), (429, '-1')):
            self.pacer.saw(URL, code, {'Retry-After': wish})
        self.pacer.saw(URL, 429, {})
        self.pacer.enter(URL)

    def test_look_that_has_waited_sees_that_it_is_closed(self) -> None:
        self.pacer.enter(URL)
        self.pacer = pacing.Pacer(10.0, self.clock, self.close_meanwhile)
        self.pacer.enter(URL)
        with pacing.waiting():
            self.closed()

    def close_meanwhile(self, _seconds: float) -> None:
        self.pacer.saw(URL, 429, {'Retry-After': '7'})
