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

from collections.abc import Callable
from typing import Any

import testtools

from esi_worker import exceptions
from esi_worker.collector.results import DOWN, STATUS, Failure, Sample
from esi_worker.tests.unit.collector import support


class TestPost(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()

    def test_answers_the_recorded_members(self) -> None:
        response = self.setting.post()

        shown = support.decoded(response)
        self.assertEqual(201, response.status_code)
        self.assertEqual('application/json', response.headers['content-type'])
        link = f'{support.URL}/targets/{shown["id"]}'
        self.assertEqual(link, response.headers['location'])
        self.assertEqual(
            {
                **support.body(),
                'id': shown['id'],
                'created_at': '2017-07-14T02:40:00Z',
                'monitorer': support.URL,
                'link': link,
            },
            shown,
        )

    def test_repeated_gives_the_same_target(self) -> None:
        first = self.setting.post()
        self.setting.clock.advance(5)

        second = self.setting.post()

        self.assertEqual(200, second.status_code)
        self.assertEqual(support.decoded(first), support.decoded(second))
        self.assertEqual(2, len(self.setting.traces()))

    def test_another_version_is_another_target(self) -> None:
        first = support.decoded(self.setting.post())

        second = self.setting.post(version=4)

        self.assertEqual(201, second.status_code)
        self.assertNotEqual(first['id'], support.decoded(second)['id'])

    def test_settings_of_unknown_syncers_are_kept(self) -> None:
        settings = {'tsdb': {'traffic.in': {'metric': 'traffic.bytes'}}}

        shown = support.decoded(self.setting.post(syncer_properties=settings))

        self.assertEqual(settings, shown['syncer_properties'])

    def test_credentials_are_masked(self) -> None:
        properties = {
            'fq_name': 'a:b',
            'community_name': 'HIDDEN',
            'primary': {'login': 'HIDDEN', 'password': 'HIDDEN', 'port': 830},
        }

        posted = self.setting.post(properties=properties)

        link = f'/targets/{support.decoded(posted)["id"]}'
        shown = self.setting.client.simulate_get(link)
        self.assertNotIn('HIDDEN', posted.text + shown.text)
        self.assertEqual(
            {
                'fq_name': 'a:b',
                'community_name': '***',
                'primary': {'login': '***', 'password': '***', 'port': 830},
            },
            support.decoded(shown)['properties'],
        )

    def test_other_content_types_are_refused(self) -> None:
        response = self.setting.client.simulate_post(
            '/targets', body='{}', headers={'Content-Type': 'text/plain'}
        )

        self.assertEqual(415, response.status_code)

    def test_a_large_body_is_refused(self) -> None:
        response = self.setting.post(tenant_id='x' * 70_000)

        self.assertEqual(413, response.status_code)
        self.assertIn('65536 bytes', support.decoded(response)['description'])

    def test_says_when_etcd_is_away(self) -> None:
        self.setting.store.interceptor = support.down

        response = self.setting.post()

        self.assertEqual(503, response.status_code)
        self.assertEqual('1', response.headers['retry-after'])


class TestGet(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.shown = support.decoded(self.setting.post())
        self.path = f'/targets/{self.shown["id"]}'

    def test_has_no_values_before_the_first_poll(self) -> None:
        response = self.setting.client.simulate_get(self.path)

        self.assertEqual(200, response.status_code)
        self.assertEqual(
            {**self.shown, 'values': []}, support.decoded(response)
        )

    def test_shows_when_a_value_was_reported_and_when_it_changed(self) -> None:
        self.setting.poll()
        self.setting.clock.advance(60)
        self.setting.poll()

        values = self.values()

        self.assertEqual(
            [
                {
                    'reporter': 'told',
                    'key': 'status',
                    'value': 'UP',
                    'last_reported': '2017-07-14T02:41:00Z',
                    'last_changed': '2017-07-14T02:40:00Z',
                    'fail_counter': 0,
                }
            ],
            values,
        )

    def test_counts_the_polls_that_failed_in_a_row(self) -> None:
        name = support.body()['properties']['fq_name']
        self.setting.poller.sees[name] = Failure(STATUS, 'away')
        self.setting.poll()
        self.setting.clock.advance(60)
        self.setting.poll()

        (failed,) = self.values()
        self.setting.poller.sees[name] = Sample(STATUS, DOWN)
        self.setting.clock.advance(120)
        self.setting.poll()
        (recovered,) = self.values()

        self.assertEqual(
            ('FAIL', 2), (failed['value'], failed['fail_counter'])
        )
        self.assertEqual(
            ('DOWN', 0), (recovered['value'], recovered['fail_counter'])
        )

    def test_of_an_unknown_target_is_not_found(self) -> None:
        response = self.setting.client.simulate_get('/targets/none')

        self.assertEqual(404, response.status_code)
        self.assertIn('"none"', support.decoded(response)['description'])

    def test_other_methods_are_refused(self) -> None:
        response = self.setting.client.simulate_patch(self.path)

        self.assertEqual(405, response.status_code)
        self.assertIn('DELETE', response.headers['allow'])

    def values(self) -> list[dict[str, object]]:
        response = self.setting.client.simulate_get(self.path)
        values: list[dict[str, object]] = support.decoded(response)['values']
        return values


class TestList(testtools.TestCase):
    def test_is_narrowed_down_by_the_identity(self) -> None:
        setting = support.Setting()
        for version in (1, 2):
            setting.post(version=version)

        response = setting.client.simulate_get(
            '/targets', query_string='resource_id=p1&version=2'
        )

        versions = [
            each['version'] for each in support.decoded(response)['targets']
        ]
        self.assertEqual([2], versions)

    def test_refuses_an_unknown_parameter(self) -> None:
        setting = support.Setting()

        response = setting.client.simulate_get(
            '/targets', query_string='resource=p1'
        )

        self.assertEqual(400, response.status_code)
        self.assertIn('resource_id', support.decoded(response)['description'])


class TestDelete(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        shown = support.decoded(self.setting.post())
        self.path = f'/targets/{shown["id"]}'
        self.setting.poll()

    def test_takes_target_and_status_away(self) -> None:
        response = self.setting.client.simulate_delete(self.path)

        self.assertEqual((204, ''), (response.status_code, response.text))
        self.assertEqual([], self.setting.traces())
        again = self.setting.client.simulate_get(self.path)
        self.assertEqual(404, again.status_code)

    def test_repeated_is_not_found(self) -> None:
        self.setting.client.simulate_delete(self.path)

        response = self.setting.client.simulate_delete(self.path)

        self.assertEqual(404, response.status_code)

    def test_polls_no_more(self) -> None:
        self.setting.client.simulate_delete(self.path)
        self.setting.clock.advance(600)

        self.assertEqual(0, self.setting.poll())

    def test_can_be_repeated_when_etcd_was_away(self) -> None:
        self.setting.store.interceptor = support.down
        refused = self.setting.client.simulate_delete(self.path)
        self.setting.store.interceptor = None

        response = self.setting.client.simulate_delete(self.path)

        self.assertEqual(
            (503, 204), (refused.status_code, response.status_code)
        )

    def test_what_a_poll_sees_meanwhile_is_not_published(self) -> None:
        """Whether the collector that polls has heard of it or not."""
        polling = self.setting
        deleted: list[Any] = []
        for settles in (lambda: None, polling.settle):
            polling.post()
            polling.settle()
            other = support.Setting(polling.store, polling.clock)

            def delete(
                other: support.Setting = other,
                settles: Callable[[], None] = settles,
            ) -> None:
                polling.poller.meanwhile = lambda: None
                deleted.append(other.client.simulate_delete(self.path))
                settles()

            polling.poller.meanwhile = delete
            polling.clock.advance(60)
            polling.collector.scheduler.run_due()
            polling.collector.publisher.run_due()
            other.crash()

            self.assertIsNone(polling.monitoring())
            self.assertEqual([], polling.traces())
            polling.settle()
        self.assertEqual([204, 204], [each.status_code for each in deleted])

    def test_survives_lost_answers(self) -> None:
        self.setting.store.interceptor = support.LostAnswers(1, skip=1)

        response = self.setting.client.simulate_delete(self.path)

        self.assertEqual(204, response.status_code)
        self.assertEqual([], self.setting.traces())


class TestHealth(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting(lease_ttl=10)

    def status(self, path: str) -> int:
        response = self.setting.client.simulate_get(path)
        return int(response.status_code)

    def test_is_ready_when_it_takes_part(self) -> None:
        self.assertEqual(200, self.status('/readyz'))

    def test_is_not_ready_when_its_lease_may_be_gone(self) -> None:
        self.setting.clock.advance(11)

        self.assertEqual(
            (200, 503), (self.status('/healthz'), self.status('/readyz'))
        )
        answer = self.setting.client.simulate_get('/readyz')
        self.assertIn('lease', answer.json['reason'])

    def test_is_not_ready_when_the_others_do_not_see_it(self) -> None:
        setting = self.setting
        setting.store.delete(
            support.KEYS.collector(setting.coordinator.identity)
        )
        setting.store.interceptor = refuse_writes
        setting.settle()

        answer = setting.client.simulate_get('/readyz')

        self.assertEqual(503, answer.status_code)
        self.assertIn('key is missing', answer.json['reason'])
        setting.store.interceptor = None
        setting.settle()
        # Now it sees what it has written.
        setting.settle()
        self.assertEqual(200, self.status('/readyz'))

    def test_is_not_ready_before_it_has_joined(self) -> None:
        self.setting.coordinator.leave()

        answer = self.setting.client.simulate_get('/readyz')

        self.assertEqual(503, answer.status_code)
        self.assertIn('joined', answer.json['reason'])


def refuse_writes(call: str, phase: str) -> None:
    """An interceptor: etcd has no room left."""
    if call == 'txn':
        raise exceptions.StoreUnavailable()
