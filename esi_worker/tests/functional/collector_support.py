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

"""An ``esi-collector`` as a process on a real etcd."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import IO, Any

import fixtures
import requests

from esi_worker import store
from esi_worker.embedded import fixtures as embedded
from esi_worker.tests.unit.collector import support


class CollectorFixture(fixtures.Fixture):
    """An ``esi-collector`` with key prefixes of its own."""

    def __init__(
        self,
        port: int = 0,
        beside: CollectorFixture | None = None,
        more: str = '',
        **options: object,
    ) -> None:
        """:param beside: the collector to share etcd and targets with
        :param more: other groups of the configuration
        """
        super().__init__()
        self.more = more
        self.beside = beside
        self._options = {
            'port': port,
            'poll_interval': 1,
            'poll_timeout': 1,
            'start_spread': 0,
            **options,
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = ''

    def _setUp(self) -> None:
        if self.beside is None:
            self.etcd = self.useFixture(embedded.EtcdFixture())
        else:
            self.etcd = self.beside.etcd
        etcd = self.etcd
        self.prefix = etcd.prefix.rstrip('/')
        self.store = store.EtcdStore([etcd.endpoint])
        self.addCleanup(self.store.close)
        folder = self.useFixture(fixtures.TempDir()).path
        self.config = pathlib.Path(folder) / 'collector.conf'
        self.config.write_text(self.configuration(etcd.endpoint))
        self.addCleanup(self.kill)
        self.start()

    def configuration(self, endpoint: str) -> str:
        lines = [f'{name} = {self._options[name]}' for name in self._options]
        return '\n'.join(
            [
                '[etcd]',
                f'endpoints = {endpoint}',
                '[keys]',
                f'monitoring_prefix = {self.prefix}/monitoring',
                f'worker_prefix = {self.prefix}/esi-worker',
                '[collector]',
                *lines,
                self.more,
            ]
        )

    def start(self) -> None:
        # A file, for nobody reads a pipe while the collector works.
        with self.config.with_suffix('.log').open('a') as log:
            self.process = run(self.config, log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.url = line.split()[-1]

    def stop(self) -> tuple[int, str]:
        """:returns: the exit code, and what stood on standard output"""
        assert self.process is not None
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=120)
        return self.process.returncode, rest

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def monitoring(self, resource_id: str = 'p1') -> str | None:
        path = f'{self.prefix}/monitoring/v2.0/ports/{resource_id}'
        kv = self.store.get(path)
        return None if kv is None else kv.value

    def targets(self) -> list[str]:
        """The ids of the stored targets."""
        prefix = f'{self.prefix}/esi-worker/targets/'
        found = self.store.range(prefix).items
        return [kv.key.removeprefix(prefix) for kv in found]


def run(
    config: pathlib.Path, log: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            '-W',
            'ignore',
            '-m',
            'esi_worker.cmd.collector',
            '--config-file',
            str(config),
        ],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def post(url: str, **changes: Any) -> Any:
    response = requests.post(
        f'{url}/targets', json=support.body(**changes), timeout=10
    )
    response.raise_for_status()
    return response.json()
