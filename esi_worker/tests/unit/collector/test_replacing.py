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

"""PUT /targets/<id>: another description under the same id."""

from __future__ import annotations

from typing import Any

import testtools

from esi_worker.collector.results import STATUS, Sample
from esi_worker.tests.unit.collector import support


class TestPut(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.first = support.decoded(self.setting.post())
        self.path = f'/targets/{self.first["id"]}'
        self.setting.poll()

    def put(self, path: str | None = None, **changes: Any) -> Any:
        return self.setting.client.simulate_put(
            path or self.path, json=support.body(**changes)
        )

    def test_keeps_the_id_and_the_link(self) -> None:
        self.setting.clock.advance(5)

        response = self.put(version=4)

        shown = support.decoded(response)
        self.assertEqual(200, response.status_code)
        for name in ('id', 'link'):
            self.assertEqual(self.first[name], shown[name])
        self.assertEqual(
            (4, '2017-07-14T02:40:05Z'),
            (shown['version'], shown['created_at']),
        )

    def test_the_value_is_there_all_the_time(self) -> None:
        self.put(version=4, properties={'fq_name': 'another'})
        between = self.setting.monitoring()
        self.setting.poll()

        self.assertEqual('{"version":3,"vmi":"UP"}', between)
        self.assertEqual('{"version":4,"vmi":"UP"}', self.setting.monitoring())

    def test_what_is_asked_for_as_before_is_published_without_a_poll(
        self,
    ) -> None:
        self.put(version=4)
        self.setting.settle()
        self.setting.collector.publisher.run_due()

        self.assertEqual('{"version":4,"vmi":"UP"}', self.setting.monitoring())

    def test_what_the_old_device_says_too_late_is_dropped(self) -> None:
        """The poll began before the replacement and ends after it."""
        poller, name = self.setting.poller, support.body()['properties']
        poller.sees[name['fq_name']] = Sample(STATUS, 'DOWN')

        def replace() -> None:
            poller.meanwhile = lambda: None
            self.put(version=4, properties={'fq_name': 'another'})
            self.setting.settle()

        poller.meanwhile = replace
        self.setting.clock.advance(60)
        self.setting.poll()
        self.setting.poll()

        self.assertEqual('{"version":4,"vmi":"UP"}', self.setting.monitoring())

    def test_a_replacement_of_another_collector_fences_the_poll(self) -> None:
        """Which this collector has not seen yet when it publishes."""
        other = support.Setting(self.setting.store, self.setting.clock)
        poller, name = self.setting.poller, support.body()['properties']
        poller.sees[name['fq_name']] = Sample(STATUS, 'DOWN')
        poller.meanwhile = lambda: other.client.simulate_put(
            self.path, json=support.body(version=4)
        )
        self.setting.clock.advance(60)

        self.setting.collector.scheduler.run_due()
        self.setting.collector.publisher.run_due()

        self.assertEqual('{"version":3,"vmi":"UP"}', self.setting.monitoring())

    def test_another_field_leaves_nothing_of_the_first(self) -> None:
        self.put(syncer_properties={'etcd': {'status': {'key': 'other'}}})
        self.setting.poll()

        self.assertEqual(
            '{"other":"UP","version":3}', self.setting.monitoring()
        )

    def test_another_resource_leaves_nothing_at_the_first(self) -> None:
        self.put(resource_id='p2')
        self.setting.poll()

        self.assertIsNone(self.setting.monitoring('p1'))
        self.assertEqual(
            '{"version":3,"vmi":"UP"}', self.setting.monitoring('p2')
        )

    def test_no_syncer_any_more_takes_the_value_away(self) -> None:
        self.put(syncer_properties={})
        self.setting.poll()

        self.assertIsNone(self.setting.monitoring())

    def test_repeated_changes_nothing(self) -> None:
        first = self.put(version=4)
        revision = self.setting.store.revision

        second = self.put(version=4)

        self.assertEqual(support.decoded(first), support.decoded(second))
        self.assertEqual(revision, self.setting.store.revision)

    def test_of_an_unknown_target_is_not_found(self) -> None:
        response = self.put('/targets/none')

        self.assertEqual(404, response.status_code)

    def test_an_older_version_is_a_conflict(self) -> None:
        response = self.put(version=2)

        self.assertEqual(409, response.status_code)
        self.assertIn('version 3', support.decoded(response)['description'])

    def test_what_another_target_monitors_is_a_conflict(self) -> None:
        other = support.decoded(self.setting.post(version=4))

        response = self.put(version=4)

        self.assertEqual(409, response.status_code)
        self.assertIn(other['id'], support.decoded(response)['description'])

    def test_a_wrong_description_is_refused(self) -> None:
        response = self.put(properties={})

        self.assertEqual(400, response.status_code)
        self.assertIn('fq_name', support.decoded(response)['description'])

    def test_a_repeated_post_finds_the_replaced_target(self) -> None:
        self.put(version=4)

        response = self.setting.post(version=4)

        self.assertEqual(200, response.status_code)
        self.assertEqual(self.first['id'], support.decoded(response)['id'])

    def test_the_old_version_can_be_posted_again(self) -> None:
        self.put(version=4)

        response = self.setting.post(version=3)
        again = self.setting.post(version=3)
        self.setting.poll()

        self.assertEqual(201, response.status_code)
        ids = {support.decoded(each)['id'] for each in (response, again)}
        self.assertEqual(1, len(ids))
        self.assertNotIn(self.first['id'], ids)
        self.assertEqual('{"version":4,"vmi":"UP"}', self.setting.monitoring())

    def test_a_deleted_one_leaves_nothing(self) -> None:
        self.put(version=4)
        self.setting.poll()

        self.setting.client.simulate_delete(self.path)

        self.assertEqual([], self.setting.traces())

    def test_cleaning_up_goes_on_after_a_crash(self) -> None:
        self.put(resource_id='p2')
        self.setting.crash()

        after = support.Setting(self.setting.store, self.setting.clock)
        after.poll()

        self.assertIsNone(after.monitoring('p1'))
