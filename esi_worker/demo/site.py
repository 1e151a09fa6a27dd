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

"""The services of the demo: started together, stopped together."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from importlib import resources
from pathlib import Path
import threading
import types
from typing import Self

import requests

from esi_worker import exceptions, store
from esi_worker.embedded import heat as heat_service
from esi_worker.embedded import ours, processes
from esi_worker.embedded import services as embedded

_TIMEOUT = 30.0


class DemoFailed(exceptions.TerminalError):
    """The demo did not end as it must."""


class Site:
    """etcd, Heat, a collector and esi-worker.

    ``store`` reaches the etcd. ``heat`` has stand-ins for what a network
    controller and Nova would make.
    """

    store: store.Store
    heat: heat_service.HeatServer
    endpoint: str

    def __init__(
        self,
        run_dir: Path,
        stand_ins: heat_service.StandIns,
        progress: Callable[[str], None],
    ) -> None:
        """Prepare them.

        :param run_dir: for logs and data
        :param stand_ins: ``plugin`` can be told to wait or to fail
        :param progress: gets one line of text per step
        """
        self._run_dir = run_dir
        self._stand_ins = stand_ins
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._parts: list[embedded.Services | processes.ServiceProcess] = []

    def __enter__(self) -> Self:
        """:raises EmbeddedError: a service could not be started"""
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._stack.close()

    def stack_status(self, tenant: str, name: str) -> str:
        """What Heat says of a stack; empty when there is none."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                f'{self.heat.endpoint}/{tenant}/stacks',
                params={'name': name},
                timeout=_TIMEOUT,
            )
        answer.raise_for_status()
        for stack in answer.json()['stacks']:
            return str(stack['stack_status'])
        return ''

    def check(self) -> None:
        """:raises ServiceFailed: a service has ended by itself"""
        for part in self._parts:
            part.check()

    def wait_for_user(self, show: Callable[[str], None]) -> None:
        """Tell how to reach the services, and keep them until Ctrl-C."""
        endpoint = self.endpoint
        config = self._run_dir / 'esi-worker' / 'esi-worker.conf'
        show('')
        show(f'etcd listens on {endpoint}; for example:')
        show(f'  etcdctl --endpoints {endpoint} get --prefix /state/')
        show(f'  esi-worker-manage --config-file {config} resource list')
        show(f'Logs are in {self._run_dir}. Ctrl-C stops everything.')
        threading.Event().wait()

    def _start(self, stack: contextlib.ExitStack) -> None:
        first = stack.enter_context(
            embedded.Services(
                self._run_dir, heat=False, progress=self._progress
            )
        )
        self.endpoint = first.etcd.endpoint
        collector = ours.CollectorProcess(self._run_dir, self.endpoint)
        second = stack.enter_context(
            embedded.Services(
                self._run_dir,
                etcd=False,
                heat_options={
                    'environment': self._stand_ins,
                    'plugin_dirs': [_heat_plugin()],
                    'extra_options': {
                        'collector_agents': {
                            'host': '127.0.0.1',
                            'port': str(collector.port),
                        }
                    },
                },
                progress=self._progress,
            )
        )
        self.heat = second.heat
        stack.enter_context(collector)
        self._progress(f'collector is up on port {collector.port}')
        worker = ours.EsiWorkerProcess(
            self._run_dir, self.endpoint, self.heat.endpoint
        )
        stack.enter_context(worker)
        self._progress('esi-worker is up: one manager, one worker')
        self._parts = [first, second, collector, worker]
        self.store = stack.enter_context(store.EtcdStore([self.endpoint]))


def _heat_plugin() -> Path:
    """The folder of the Heat resource plugin of the collector."""
    folder = resources.files('esi_worker.collector') / 'heat_plugin'
    return Path(str(folder))
