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
"""Metrics, health and reports of real processes."""

from __future__ import annotations

import os
import signal
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
import requests

from esi_worker.embedded import ours, ports
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.unit.admin import test_alerts as tables

SECRET = 'canary-0b7e'


class AdminTest(support.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager_port = self.reserve()
        self.worker_port = self.reserve()

    def reserve(self) -> int:
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        return port.number

    def launch(self, name: str) -> ours.EsiWorkerProcess:
        folder = self.folder / name
        folder.mkdir()
        options: dict[str, dict[str, Any]] = {
            'etcd': {
                'silence_deadline': 4,
                'username': 'nobody',
                'password': SECRET,
            },
            'resources': {
                'template_paths': support.thing_folder(folder),
                'handlers': 'noop',
            },
            'manager': {'lease_ttl': 3},
            'worker': {'lease_ttl': 3},
            'admin': {
                'manager_port': self.manager_port,
                'worker_port': self.worker_port,
                'page': True,
            },
        }
        return self.start(name, 'all', **options)

    def get(self, port: int, path: str) -> requests.Response | None:
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(
                    f'http://{ports.LOOPBACK}:{port}{path}', timeout=60
                )
            except requests.ConnectionError:
                return None

    def status(self, port: int, path: str) -> int:
        answer = self.get(port, path)
        return 0 if answer is None else answer.status_code

    def await_readiness(self, status: int) -> None:
        """Wait until both answer so; they are alive in either case."""
        both = (self.manager_port, self.worker_port)
        support.wait_for(
            lambda: all(
                self.status(port, '/readyz') == status for port in both
            ),
            f'readiness {status}',
        )
        for port in both:
            self.assertEqual(200, self.status(port, '/healthz'))

    def metric(self, port: int, line: str) -> float | None:
        """The value behind the beginning of a line."""
        answer = self.get(port, '/metrics')
        for each in answer.text.splitlines() if answer is not None else ():
            if each.startswith(f'{line} '):
                return float(each.rpartition(' ')[2])
        return None

    def test_processes_show_how_they_are(self) -> None:
        process = self.launch('shown')
        self.await_readiness(200)

        self.etcd.put('/config/v2.0/things/t', support.config({'id': 't'}))

        support.wait_for(
            lambda: (
                self.metric(
                    self.manager_port,
                    'esi_worker_resources{state="done",type="thing"}',
                )
                == 1
            ),
            'a resource that is done',
        )
        # What was there when the manager began to look is not timed.
        self.etcd.put('/config/v2.0/things/u', support.config({'id': 'u'}))
        support.wait_for(
            lambda: (
                self.metric(
                    self.manager_port,
                    'esi_worker_config_to_state_seconds_count',
                )
                in (1, 2)
            ),
            'a duration',
        )
        done = (
            'esi_worker_job_run_seconds_count{handler="noop",outcome="done"}'
        )
        support.wait_for(
            lambda: self.metric(self.worker_port, done) == 2, 'both jobs'
        )
        self.assertEqual(
            1, self.metric(self.manager_port, 'esi_worker_leader')
        )
        requested = (
            'esi_worker_etcd_request_seconds_count'
            '{operation="txn",outcome="ok"}'
        )
        self.assertGreater(self.metric(self.worker_port, requested) or 0, 1)
        self.check_table()
        self.assertIsNotNone(process.pid)

    def check_table(self) -> None:
        """The documentation names what the processes export, all of it."""
        if not tables.TABLE.is_file():
            return
        exported = {
            name
            for port in (self.manager_port, self.worker_port)
            for name in self.exported(port)
            if name.startswith('esi_worker_')
        }
        documented = {
            name
            for name in tables.documented()
            if name.startswith('esi_worker_')
        }
        self.assertEqual(documented, exported)

    def exported(self, port: int) -> set[str]:
        """The families that a process exports, without their suffixes."""
        answer = self.get(port, '/metrics')
        assert answer is not None
        families = text_string_to_metric_families(answer.text)
        return {
            tables.family(each.name)
            for each in families
            if not each.name.endswith('_created')
        }

    def test_without_etcd_nobody_is_ready_and_all_are_alive(self) -> None:
        self.launch('cut-off')
        self.await_readiness(200)
        self.server.pause()
        self.addCleanup(self.server.resume)

        self.await_readiness(503)

        self.server.resume()
        self.await_readiness(200)

    def await_reports(
        self, process: ours.EsiWorkerProcess, number: int
    ) -> None:
        support.wait_for(
            lambda: process.log_text().count('Guru Meditation') >= number,
            f'report {number}',
        )

    def test_a_signal_brings_a_report_without_secrets(self) -> None:
        process = self.launch('reported')
        self.await_readiness(200)
        assert process.pid is not None
        # All of them keep running.
        pids = [process.pid, *support.children_of(process.pid)]
        self.assertEqual(3, len(pids))
        for number, pid in enumerate(pids, start=1):
            os.kill(pid, signal.SIGUSR2)
            self.await_reports(process, number)
        support.wait_for(
            lambda: process.log_text().count('watching = True') >= 2,
            'the health of manager and worker',
        )
        self.assertIn('silence_deadline', process.log_text())
        self.assertNotIn(SECRET, process.log_text())
        self.assertEqual(set(pids[1:]), support.children_of(process.pid))
