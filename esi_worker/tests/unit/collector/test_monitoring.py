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

from esi_worker import exceptions, store
from esi_worker.collector.results import STATUS, Failure, Sample
from esi_worker.tests.unit.collector import support


class TestMonitoring(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.poller = self.setting.poller
        self.name = support.body()['properties']['fq_name']

    def test_the_first_poll_comes_at_once(self) -> None:
        self.setting.post()

        self.setting.poll()

        self.assertEqual('{"version":3,"vmi":"UP"}', self.setting.monitoring())

    def test_the_next_poll_comes_after_the_interval(self) -> None:
        self.setting.post()
        self.setting.poll()

        self.setting.clock.advance(59)
        early = self.setting.poll()
        self.setting.clock.advance(1)
        due = self.setting.poll()

        self.assertEqual((0, 1), (early, due))

    def test_a_failed_poll_is_fail(self) -> None:
        self.poller.sees[self.name] = Failure(STATUS, 'nobody answers')
        self.setting.post()

        self.setting.poll()

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_a_broken_poller_is_fail(self) -> None:
        self.poller.sees[self.name] = ZeroDivisionError()
        self.setting.post()

        self.setting.poll()

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_a_status_comes_and_goes(self) -> None:
        self.setting.post()
        seen = []
        for value in ('UP', 'DOWN', 'UP'):
            self.poller.sees[self.name] = Sample(STATUS, value)
            self.setting.poll()
            seen.append(self.setting.monitoring())
            self.setting.clock.advance(60)

        self.assertEqual(
            [
                '{"version":3,"vmi":"UP"}',
                '{"version":3,"vmi":"DOWN"}',
                '{"version":3,"vmi":"UP"}',
            ],
            seen,
        )

    def test_targets_of_one_name_are_polled_together(self) -> None:
        for number in ('p1', 'p2'):
            self.setting.post(resource_id=number)

        self.setting.poll()

        self.assertEqual([2], [len(each) for each in self.poller.polls])
        self.assertIsNotNone(self.setting.monitoring('p1'))
        self.assertIsNotNone(self.setting.monitoring('p2'))

    def test_a_value_that_could_not_be_published_comes_soon(self) -> None:
        self.setting.post()
        self.setting.store.interceptor = support.down
        self.setting.poll()
        self.setting.store.interceptor = None

        self.setting.clock.advance(10)
        self.setting.poll()

        self.assertEqual('{"version":3,"vmi":"UP"}', self.setting.monitoring())

    def test_an_update_never_loses_the_newer_value(self) -> None:
        old = support.decoded(self.setting.post(version=3))
        self.setting.poll()

        self.setting.post(version=4)
        self.setting.poll()
        self.setting.client.simulate_delete(f'/targets/{old["id"]}')

        self.assertEqual('{"version":4,"vmi":"UP"}', self.setting.monitoring())

    def test_another_field_takes_the_place_of_the_first(self) -> None:
        self.setting.post()
        self.setting.poll()

        response = self.setting.post(
            syncer_properties={'etcd': {'status': {'key': 'other'}}}
        )
        self.setting.poll()

        self.assertEqual(200, response.status_code)
        self.assertEqual(
            '{"other":"UP","version":3}', self.setting.monitoring()
        )

    def test_another_name_is_polled_instead(self) -> None:
        self.setting.post()
        self.setting.poll()

        self.setting.post(properties={'fq_name': 'another'})
        self.poller.sees['another'] = Failure(STATUS, 'away')
        self.setting.poll()

        self.assertEqual([self.name], self.poller.forgotten)
        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_a_hanging_poll_is_fail_while_it_hangs(self) -> None:
        self.setting.post()
        seen = []

        def hang() -> None:
            self.setting.clock.advance(21)
            self.setting.collector.report_overdue()
            self.setting.collector.publisher.run_due()
            seen.append(self.setting.monitoring())

        self.poller.meanwhile = hang
        self.setting.poll()

        self.assertEqual(['{"version":3,"vmi":"FAIL"}'], seen)

    def test_also_when_some_failures_are_tolerated(self) -> None:
        setting = support.Setting(max_failures=2)
        setting.post()
        setting.poll()
        seen = []

        def hang() -> None:
            for _ in range(3):
                setting.clock.advance(60)
                setting.collector.report_overdue()
                setting.collector.publisher.run_due()
                seen.append(setting.monitoring())

        setting.poller.meanwhile = hang
        setting.clock.advance(60)
        setting.poll()

        up, fail = '{"version":3,"vmi":"UP"}', '{"version":3,"vmi":"FAIL"}'
        self.assertEqual([up, up, fail], seen)

    def test_so_is_what_is_registered_while_it_hangs(self) -> None:
        self.setting.post()
        seen = []

        def hang() -> None:
            self.poller.meanwhile = lambda: None
            self.setting.clock.advance(21)
            self.setting.collector.report_overdue()
            self.setting.post(resource_id='p2')
            self.setting.settle()
            self.setting.clock.advance(60)
            self.setting.collector.report_overdue()
            self.setting.collector.publisher.run_due()
            seen.append(self.setting.monitoring('p2'))

        self.poller.meanwhile = hang
        self.setting.poll()

        self.assertEqual(['{"version":3,"vmi":"FAIL"}'], seen)

    def test_an_answer_that_comes_too_late_is_not_believed(self) -> None:
        self.setting.post()
        self.poller.meanwhile = lambda: self.setting.clock.advance(21)

        self.setting.poll()

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_a_poller_that_leaves_a_target_out_is_fail(self) -> None:
        self.setting.post()
        self.poller.leaves_out = True

        self.setting.poll()

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.setting.monitoring()
        )

    def test_contradicting_times_are_refused(self) -> None:
        error = self.assertRaises(
            exceptions.ConfigurationError,
            support.Setting,
            poll_interval=5.0,
            poll_timeout=10.0,
        )

        self.assertIn('poll_timeout', str(error))


class TestRestart(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.before = support.Setting()
        self.shown = support.decoded(self.before.post())
        self.store = self.before.store

    def restarted(self) -> support.Setting:
        self.before.crash()
        return support.Setting(self.store, self.before.clock)

    def test_polls_on(self) -> None:
        after = self.restarted()

        after.poll()

        self.assertEqual('{"version":3,"vmi":"UP"}', after.monitoring())

    def test_finishes_a_deletion(self) -> None:
        self.before.poll()
        # The mark is made, the status stays: etcd fails after a write.
        self.store.interceptor = DownAfterWrites(1)
        path = f'/targets/{self.shown["id"]}'
        response = self.before.client.simulate_delete(path)
        self.store.interceptor = None
        gone = self.before.client.simulate_get(path)

        after = self.restarted()

        self.assertEqual((503, 404), (response.status_code, gone.status_code))
        self.assertEqual(0, after.poll())
        after.clock.advance(5)
        after.settle()
        self.assertEqual([], after.traces())

    def test_a_target_can_be_made_anew_over_a_half_deleted_one(self) -> None:
        self.before.poll()
        self.store.interceptor = DownAfterWrites(1)
        self.before.client.simulate_delete(f'/targets/{self.shown["id"]}')
        self.store.interceptor = None

        response = self.before.post()
        self.before.poll()

        self.assertEqual(201, response.status_code)
        self.assertEqual('{"version":3,"vmi":"UP"}', self.before.monitoring())

    def test_comparing_changes_nothing_that_is_right(self) -> None:
        self.before.poll()

        self.before.settle()

        self.assertEqual(0, self.before.poll())

    def test_what_is_gone_from_etcd_is_polled_no_more(self) -> None:
        self.store.delete(store.KeyLayout().target(self.shown['id']))

        self.before.settle()

        self.assertEqual(0, self.before.poll())

    def test_a_target_that_cannot_be_polled_stops_no_other(self) -> None:
        target = support.make_target(resource_id='p2', properties={})
        self.store.put(support.KEYS.target(target.id), target.encode())

        after = self.restarted()

        self.assertEqual(1, after.poll())

    def test_an_unknown_type_is_left_alone(self) -> None:
        target = support.make_target(resource_id='p2', type='toaster')
        self.store.put(support.KEYS.target(target.id), target.encode())

        after = self.restarted()

        self.assertEqual(1, after.poll())
        self.assertIsNotNone(self.store.get(support.KEYS.target(target.id)))


class DownAfterWrites:
    """An interceptor: after some changes of keys nothing answers."""

    def __init__(self, count: int) -> None:
        # A mark is a read and a write.
        self._left = 2 * count

    def __call__(self, call: str, phase: str) -> None:
        if phase == 'before':
            self._left -= 1
            if self._left < 0:
                raise exceptions.StoreUnavailable()
