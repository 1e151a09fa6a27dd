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


"""The monitoring handler between real processes: etcd, a worker and a
collector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import requests

from esi_worker.embedded import ours
from esi_worker.tests.functional import service_support as support

DRIVER = """\
type: probe
plural: probes
prefix: /v2.0/probes
choices: {monitoring: Cprobe_monitoring}
templates:
  probe_monitoring:
    handler: monitoring
    file: monitoring.yaml.j2
    parameters: {sees: Psees}
"""
TEMPLATE = """\
{% if sees %}
probe:
  type: noop
  status: {{ sees }}
  # One that is down is not waited for; one that is up may be late.
  timeout: {{ 60 if sees == 'UP' else 1 }}
{% endif %}
"""


class MonitoringHandlerTest(support.ServiceTestCase):
    collector: ClassVar[ours.CollectorProcess]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.collector = ours.CollectorProcess(
            cls.folder / 'collector',
            cls.server.endpoint,
            {'collector': {'lease_ttl': 5}},
        )
        cls.enterClassContext(cls.collector)
        worker = cls.make(
            'service',
            'all',
            None,
            resources={
                'template_paths': cls.templates(),
                'handlers': 'monitoring',
            },
            monitoring={'collector_url': cls.collector.url},
        )
        cls.enterClassContext(worker)

    @classmethod
    def templates(cls) -> Path:
        place = cls.folder / 'templates' / 'probe'
        place.mkdir(parents=True)
        (place / 'driver.yaml').write_text(DRIVER)
        (place / 'monitoring.yaml.j2').write_text(TEMPLATE)
        return place.parent

    def write(self, id_: str, version: int, sees: str, **more: Any) -> None:
        body = {'id': id_, 'tenant_id': 'tenant', 'sees': sees}
        self.etcd.put(
            f'/config/v2.0/probes/{id_}', support.config(body, version, **more)
        )

    def await_state(self, id_: str, version: int) -> Any:
        """The published state, once it is that of the version."""
        found: list[Any] = []

        def reached() -> bool:
            text = self.etcd.get(f'/state/v2.0/probes/{id_}')
            found[:] = [json.loads(text)] if text else []
            return bool(found) and found[0]['version'] == version

        support.wait_for(reached, f'version {version} of {id_}')
        return found[0]['state']

    def monitoring(self, id_: str) -> Any:
        text = self.etcd.get(f'/monitoring/v2.0/probes/{id_}')
        return json.loads(text) if text else None

    def targets(self, id_: str) -> list[int]:
        """The versions of a resource's targets."""
        answer = requests.get(
            f'{self.collector.url}/targets',
            params={'resource_id': id_},
            timeout=60,
        )
        return [target['version'] for target in answer.json()['targets']]

    def test_a_resource_is_monitored_from_create_to_delete(self) -> None:
        self.write('one', 1, 'UP')
        state = self.await_state('one', 1)
        self.assertEqual('CREATE_COMPLETED', state['worker_state'])
        self.assertEqual('{"probe": "ACTIVE"}', state['state_monitoring'])
        self.assertEqual({'probe': 'UP', 'version': 1}, self.monitoring('one'))

        self.write('one', 2, 'DOWN')
        state = self.await_state('one', 2)
        self.assertEqual('{"probe": "DOWN"}', state['state_monitoring'])
        self.assertEqual(
            {'probe': 'DOWN', 'version': 2}, self.monitoring('one')
        )
        self.assertEqual([2], self.targets('one'))

        self.write('one', 3, '')
        state = self.await_state('one', 3)
        self.assertEqual('{}', state['state_monitoring'])
        self.assertIsNone(self.monitoring('one'))

        self.write('one', 4, 'UP')
        self.await_state('one', 4)
        self.write('one', 5, 'UP', marked=True)
        state = self.await_state('one', 5)
        self.assertEqual('DELETE_COMPLETED', state['worker_state'])
        self.assertEqual([], self.targets('one'))
        self.assertIsNone(self.monitoring('one'))

    def test_the_value_is_there_all_the_time_of_an_update(self) -> None:
        self.write('two', 1, 'UP')
        self.await_state('two', 1)
        self.write('two', 2, 'UP')
        self.await_state('two', 2)

        key = '/monitoring/v2.0/probes/two'
        self.history.put(key, lambda event: event.json['version'] == 2)
        changes = [each for each in self.history.events if each.key == key]
        self.assertNotIn(None, [each.value for each in changes])
        versions = [each.json['version'] for each in changes]
        # A value is written again after the state of its version.
        self.assertEqual([1, 2], sorted(set(versions)))
        self.assertEqual(sorted(versions), versions)

    def test_a_job_waits_for_a_collector_that_is_away(self) -> None:
        self.collector.kill()
        self.write('three', 1, 'UP')
        support.wait_for(
            lambda: 'does not answer' in self.processes[0].log_text(),
            'the log of the reason',
        )
        self.assertIsNone(self.etcd.get('/state/v2.0/probes/three'))
        self.collector.start()

        state = self.await_state('three', 1)

        self.assertEqual('{"probe": "ACTIVE"}', state['state_monitoring'])
