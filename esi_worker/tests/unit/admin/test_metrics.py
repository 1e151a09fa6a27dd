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
"""What Prometheus sees of a manager and of a worker."""

from __future__ import annotations

from typing import Any

import falcon
from falcon import testing
import prometheus_client

from esi_worker import clock as clocks
from esi_worker import metrics
from esi_worker.admin import collecting, mirroring, probes
from esi_worker.model import Failed, Retry
from esi_worker.tests.cluster import NETWORK, PORT
from esi_worker.tests.unit.admin import support
from esi_worker.tests.unit.dispatcher import support as dispatching


def value(name: str, **labels: str) -> float:
    """A value of the registry of this process."""
    return (
        prometheus_client.REGISTRY.get_sample_value(
            f'esi_worker_{name}', labels
        )
        or 0.0
    )


class TimerTest(support.InventoryTest):
    def test_the_way_from_config_to_state_is_timed(self) -> None:
        before = value('config_to_state_seconds_sum')
        self.write(NETWORK, 'n')
        self.look()
        self.cluster.clock.advance(8)
        self.start_worker()
        self.look()
        self.assertEqual(8, value('config_to_state_seconds_sum') - before)

    def test_a_version_that_is_replaced_is_not_counted(self) -> None:
        before = value('config_to_state_seconds_count')
        self.write(NETWORK, 'n', 1)
        self.look()
        self.write(NETWORK, 'n', 2)
        self.look()
        self.start_worker()
        self.look()
        self.assertEqual(1, value('config_to_state_seconds_count') - before)

    def test_the_wait_for_a_worker_is_timed(self) -> None:
        def waited() -> float:
            return value('job_wait_seconds_sum', handler='heat_worker')

        before = waited()
        self.write(NETWORK, 'n')
        self.look()
        self.cluster.clock.advance(40)
        self.start_worker()
        self.look()
        self.assertEqual(40, waited() - before)

    def test_a_stand_by_times_nothing(self) -> None:
        self.leading = False
        before = value('config_to_state_seconds_count')
        self.write(NETWORK, 'n')
        self.look()
        self.start_worker()
        self.look()
        self.assertEqual(before, value('config_to_state_seconds_count'))

    def test_the_longest_claim_is_known(self) -> None:
        self.cluster.remove(self.manager)
        key = self.cluster.keys.working('a:b:c:d:1:x')
        record = '["heat_worker", {"handler": "heat_worker"}, 0]'
        self.cluster.store.put(self.cluster.keys.job('a:b:c:d:1:x'), record)
        self.cluster.store.put(key, '')
        self.look()
        self.cluster.clock.advance(90)
        jobs = self.inventory.jobs()
        self.assertEqual({'heat_worker': 90}, self.timer.longest(jobs))


class ManagerMetricsTest(support.InventoryTest):
    def scrape(self, alive: support.Alive) -> Any:
        registry = prometheus_client.CollectorRegistry()
        mirror = mirroring.Mirror(
            self.cluster.store,
            self.cluster.keys,
            self.inventory,
            silence_deadline=10,
            clock=clocks.SystemClock(),
        )
        self.addCleanup(mirror.stop)
        registry.register(
            collecting.ManagerCollector(alive, mirror, self.timer)
        )
        return registry.get_sample_value

    def test_the_leader_shows_the_queue_and_the_resources(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        self.write(PORT, 'q', network_id='gone', fixed_ips=[])
        self.look()
        sample = self.scrape(support.Alive(leading=True))
        self.assertEqual(1, sample('esi_worker_leader'))
        for state in ('ready', 'waiting'):
            labels = {'state': state, 'handler': 'heat_worker'}
            self.assertEqual(1, sample('esi_worker_jobs', labels))
        for state, count in (('blocked', 1), ('working', 1), ('done', 0)):
            labels = {'type': 'port', 'state': state}
            self.assertEqual(count, sample('esi_worker_resources', labels))

    def test_a_stand_by_shows_only_itself(self) -> None:
        self.write(NETWORK, 'n')
        self.look()
        sample = self.scrape(support.Alive(leading=False))
        self.assertEqual(0, sample('esi_worker_leader'))
        self.assertEqual(7, sample('esi_worker_lease_seconds'))
        labels = {'state': 'ready', 'handler': 'heat_worker'}
        self.assertIsNone(sample('esi_worker_jobs', labels))


class WorkerMetricsTest(dispatching.HandlerTest):
    def test_claims_and_results_are_counted(self) -> None:
        def done() -> float:
            return value(
                'job_run_seconds_count', handler='heat_worker', outcome='done'
            )

        def claims() -> float:
            return value('claims_total', handler='heat_worker')

        before = claims(), done()
        self.write(NETWORK, 'n')
        self.assertEqual((1, 1), (claims() - before[0], done() - before[1]))

    def test_failures_are_told_apart(self) -> None:
        labels = {'handler': 'heat_worker', 'outcome': 'failed'}
        before = value('job_run_seconds_count', **labels)
        self.answer(Failed('no'))
        self.write(NETWORK, 'n')
        self.assertEqual(1, value('job_run_seconds_count', **labels) - before)

    def test_retries_are_counted(self) -> None:
        before = value('retries_total', handler='heat_worker')
        self.answer(Retry('later', 1), Retry('later', 1))
        self.write(NETWORK, 'n')
        self.cluster.pass_time(10)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        after = value('retries_total', handler='heat_worker')
        self.assertEqual(2, after - before)

    def test_the_phases_of_claimed_jobs_are_shown(self) -> None:
        assert self.worker is not None
        self.answer(Retry('later', 60))
        self.write(NETWORK, 'n')
        numbers = self.worker.dispatcher.numbers()
        self.assertEqual(1, numbers['waiting'])


class ProbeTest(support.InventoryTest):
    def client(self, alive: support.Alive) -> testing.TestClient:
        app = falcon.App()
        probes.add_routes(app, alive)
        return testing.TestClient(app)

    def test_a_process_with_watch_and_lease_is_ready(self) -> None:
        answer = self.client(support.Alive()).simulate_get('/readyz')
        self.assertEqual(200, answer.status_code)
        self.assertTrue(answer.json['ready'])

    def test_a_silent_watch_is_not_ready_and_says_so(self) -> None:
        client = self.client(support.Alive(watching=False, silence=42.0))
        answer = client.simulate_get('/readyz')
        self.assertEqual(503, answer.status_code)
        self.assertIn('42 s', answer.json['reason'])

    def test_without_a_lease_it_is_not_ready(self) -> None:
        answer = self.client(support.Alive(lease=0.0)).simulate_get('/readyz')
        self.assertEqual(503, answer.status_code)
        self.assertIn('lease', answer.json['reason'])

    def test_a_process_that_is_not_ready_is_alive(self) -> None:
        answer = self.client(support.Alive(lease=0.0)).simulate_get('/healthz')
        self.assertEqual(200, answer.status_code)

    def test_metrics_are_text_for_prometheus(self) -> None:
        metrics.CLAIMS.labels('heat_worker').inc(0)
        answer = self.client(support.Alive()).simulate_get('/metrics')
        self.assertEqual(200, answer.status_code)
        self.assertIn(
            'esi_worker_claims_total{handler="heat_worker"}', answer.text
        )
