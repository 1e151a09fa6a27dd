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

"""A new user's first hour, with the commands and the files of the
documentation, on real services."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any, ClassVar

import requests
import yaml

from esi_worker.embedded import fixtures, ports
from esi_worker.tests.functional import service_support as support

EXAMPLE = (
    Path(__file__).absolute().parents[3]
    / 'doc'
    / 'source'
    / 'examples'
    / 'network.yaml'
)
LIMIT = 120


class FirstHourTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not EXAMPLE.is_file():
            raise cls.skipException('this is no checkout: there is no doc/')
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        self.port = port.number
        self.service = self.make(
            'service',
            'all',
            self.heat.server.endpoint,
            heat={'poll_interval': 0.1, 'poll_interval_max': 0.5},
            admin={'manager_port': self.port, 'page': True},
        )
        self.addCleanup(self.service.close)
        self.service.start()

    def manage(self, *arguments: str, code: int = 0) -> str:
        """Run a command; what it printed on both streams."""
        done = subprocess.run(
            [
                *(sys.executable, '-W', 'ignore'),
                *('-m', 'esi_worker.cmd.manage'),
                *('--config-file', str(self.service.config_file)),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
        )
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def listed(self, *arguments: str) -> Any:
        return json.loads(self.manage(*arguments, '-f', 'json'))

    def example(self, name: str = 'mine.yaml', **renamed: str) -> str:
        """The example of the documentation, in this test's tenant."""
        text = EXAMPLE.read_text().replace('demo', self.heat.tenant)
        for old, new in renamed.items():
            text = text.replace(old.replace('_', '-'), new)
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def get(self, path: str, **params: str) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            url = f'http://{ports.LOOPBACK}:{self.port}{path}'
            answer = session.get(url, params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def test_the_first_hour(self) -> None:
        self.manage('config', 'check', '--connect')
        self.apply_the_example()
        self.see_it()
        self.break_and_repair()
        self.drain()
        self.take_it_away()

    def apply_the_example(self) -> None:
        name = self.example()
        self.manage('resource', 'apply', '-f', name, '--dry-run')
        self.assertEqual([], self.listed('resource', 'list'))
        self.manage(
            *('resource', 'apply', '-f', name),
            *('--yes', '--wait', '--timeout', '100'),
        )

    def see_it(self) -> None:
        shown = self.listed('resource', 'list')
        self.assertEqual({'done'}, {row['State'] for row in shown})
        self.assertEqual(3, len(shown))
        history = self.listed('resource', 'history', 'port', 'port-1')
        self.assertEqual('create', history[-1]['Action'])
        support.wait_for(
            lambda: self.get('/api/resources', state='done')['total'] == 3,
            'the page',
        )
        self.assertEqual(200, self.probe('/'))
        shown = self.listed('manager', 'show')
        self.assertEqual(1, shown['Workers'])
        text = self.manage('template', 'render', 'network', 'net-1')
        self.assertIn('heat_template_version', text)

    def probe(self, path: str) -> int:
        with requests.Session() as session:
            session.trust_env = False
            url = f'http://{ports.LOOPBACK}:{self.port}{path}'
            return session.get(url, timeout=10).status_code

    def break_and_repair(self) -> None:
        network = next(iter(yaml.safe_load_all(EXAMPLE.read_text())))
        network['id'] = 'net-2'
        network['body']['tenant_id'] = self.heat.tenant
        path = self.folder / 'second.yaml'
        path.write_text(json.dumps(network))
        self.heat.server.faults.set('net-2', 'fail-create')
        told = self.manage(
            *('resource', 'apply', '-f', str(path)),
            *('--yes', '--wait', '--timeout', '100'),
            code=1,
        )
        self.assertIn('fail-create', told)
        (row,) = self.listed('resource', 'list', '--state', 'failed')
        self.assertEqual('v2.0/networks/net-2', row['Path'])
        support.wait_for(
            lambda: self.get('/api/errors')['total'] == 1, 'the error'
        )
        self.heat.server.faults.clear('net-2')
        job = self.listed('resource', 'history', 'network', 'net-2')[-1]['Job']
        self.manage('job', 'retry', job, '--yes')
        support.wait_for(
            lambda: (
                not self.listed('resource', 'list', '--state', 'failed')
                and not self.listed('job', 'list')
            ),
            'the repair',
        )

    def drain(self) -> None:
        (worker,) = self.listed('worker', 'list')
        self.manage('worker', 'drain', worker['ID'], '--yes', '--wait')
        (worker,) = self.listed('worker', 'list')
        self.assertTrue(worker['Draining'])
        self.manage('worker', 'drain', worker['ID'], '--undo', '--yes')

    def take_it_away(self) -> None:
        for name in ('port:port-1', 'subnet:subnet-1', 'network:net-1'):
            self.manage(
                *('resource', 'delete', name, '--yes', '--wait'),
                *('--timeout', '100'),
            )
        left = [row['Path'] for row in self.listed('resource', 'list')]
        self.assertEqual(['v2.0/networks/net-2'], left)
