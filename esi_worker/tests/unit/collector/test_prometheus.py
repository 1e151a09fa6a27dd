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

"""``/metrics``: what was seen, and how the collector does."""

from __future__ import annotations

from prometheus_client import parser
import testtools

from esi_worker.collector.results import STATUS, Failure, Sample
from esi_worker.tests.unit.collector import support

LABELS = {
    'type': 'virtual_machine_interface',
    'resource_type': 'ports',
    'resource_id': 'p1',
    'field_name': 'vmi',
    'tenant_id': 'tenant',
}


class TestMetrics(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting()
        self.target = support.decoded(self.setting.post())
        self.labels = {**LABELS, 'target_id': self.target['id']}

    def see(self, *results: Sample | Failure) -> None:
        self.setting.poller.sees_all = results
        self.setting.poll()
        self.setting.clock.advance(60)

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = self.setting.client.simulate_get('/metrics').text
        return [
            (dict(sample.labels), sample.value)
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]

    def test_every_number_is_shown_with_its_labels(self) -> None:
        self.see(
            Sample(STATUS, 'UP'),
            Sample('traffic.in', 14),
            Sample('cpu.user', 2.5),
            Sample('name', 'router'),
        )

        self.assertEqual(
            [({**self.labels, 'member': ''}, 14.0)],
            self.samples('esi_monitoring_traffic_in'),
        )
        self.assertEqual(
            [({**self.labels, 'member': ''}, 2.5)],
            self.samples('esi_monitoring_cpu_user'),
        )
        self.assertEqual([], self.samples('esi_monitoring_name'))

    def test_members_of_maps_are_told_apart(self) -> None:
        self.see(
            Sample(STATUS, {'primary': 'MASTER', 'secondary': 'BACKUP'}),
            Sample('load', {'a': 1, 'b': 2}),
        )

        statuses = {
            (labels['member'], labels['status']): value
            for labels, value in self.samples('esi_monitoring_status')
        }
        self.assertEqual(
            {('primary', 'MASTER'): 1.0, ('secondary', 'BACKUP'): 1.0},
            statuses,
        )
        self.assertEqual(
            [('a', 1.0), ('b', 2.0)],
            [
                (labels['member'], value)
                for labels, value in self.samples('esi_monitoring_load')
            ],
        )

    def test_the_last_number_stays_when_a_poll_fails(self) -> None:
        self.see(Sample(STATUS, 'UP'), Sample('traffic.in', 14))
        self.see(Failure(STATUS, 'away'), Failure('traffic.in', 'away'))

        (sample,) = self.samples('esi_monitoring_status')
        self.assertEqual('FAIL', sample[0]['status'])
        self.assertEqual(1, len(self.samples('esi_monitoring_traffic_in')))

    def test_what_is_deleted_is_shown_no_more(self) -> None:
        self.see(Sample(STATUS, 'UP'))
        path = f'/targets/{self.target["id"]}'
        self.setting.client.simulate_delete(path)
        self.setting.settle()

        self.assertEqual([], self.samples('esi_monitoring_status'))

    def test_what_is_polled_elsewhere_is_shown_there(self) -> None:
        self.see(Sample(STATUS, 'UP'))
        self.setting.crash()
        support.Setting(self.setting.store, self.setting.clock)
        self.setting.coordinator.leave()

        self.assertEqual([], self.samples('esi_monitoring_status'))

    def test_how_the_collector_does_is_shown(self) -> None:
        self.see(Sample(STATUS, 'UP'))

        self.assertTrue(self.samples('esi_collector_polls_total'))
        self.assertTrue(self.samples('esi_collector_targets'))


class TestSignsOfLife(testtools.TestCase):
    """What every process shows, a collector too."""

    def setUp(self) -> None:
        super().setUp()
        self.setting = support.Setting(lease_ttl=10)

    def signs(self) -> dict[str, float]:
        text = self.setting.client.simulate_get('/metrics').text
        return {
            sample.name.removeprefix('esi_worker_'): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels or sample.labels.get('role') == 'collector'
        }

    def test_one_that_takes_part_is_ready(self) -> None:
        signs = self.signs()

        for name in ('info', 'ready', 'watch_alive'):
            self.assertEqual(1, signs[name], name)
        self.assertEqual(10, signs['lease_seconds'])
        self.assertEqual(0, signs['watch_silence_seconds'])

    def test_one_whose_lease_may_be_gone_is_not(self) -> None:
        self.setting.clock.advance(11)

        signs = self.signs()

        self.assertEqual((0, 0), (signs['ready'], signs['lease_seconds']))
        self.assertEqual(11, signs['watch_silence_seconds'])

    def test_one_that_has_left_is_not(self) -> None:
        self.setting.coordinator.leave()

        signs = self.signs()

        self.assertEqual((1, 0), (signs['info'], signs['ready']))
