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

"""etcd, PostgreSQL, Keystone and Heat as one context manager.

All processes are launched at once: the Python ones import their modules
while PostgreSQL makes its files. Then each is waited for in the order of
need. Everything is stopped in reverse order, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
from pathlib import Path
import time
import types
from typing import Any, Self, TypeVar

from esi_worker.embedded import errors, processes
from esi_worker.embedded import etcd as etcd_service
from esi_worker.embedded import heat as heat_service
from esi_worker.embedded import keystone as keystone_service
from esi_worker.embedded import postgres as postgres_service

Progress = Callable[[str], None]
Server = TypeVar('Server', bound=processes.ServiceProcess)


def _silent(message: str) -> None:
    pass


class Services:
    """The services of one run.

    ``heat_options`` and ``etcd_options`` are passed on to HeatServer and
    EtcdServer; ``progress`` gets one line of text per step. PostgreSQL is
    started when Heat or Keystone is.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        etcd: bool = True,
        heat: bool = True,
        keystone: bool = False,
        heat_options: Mapping[str, Any] | None = None,
        etcd_options: Mapping[str, Any] | None = None,
        progress: Progress = _silent,
    ) -> None:
        self.run_dir = Path(run_dir).absolute()
        self._wants_etcd = etcd
        self._wants_heat = heat
        self._wants_keystone = keystone
        self._heat_options = dict(heat_options or {})
        self._etcd_options = dict(etcd_options or {})
        self._progress = progress
        self._servers: list[processes.ServiceProcess] = []
        self._stack = contextlib.ExitStack()

    @property
    def etcd(self) -> etcd_service.EtcdServer:
        return self._the(etcd_service.EtcdServer)

    @property
    def postgres(self) -> postgres_service.PostgresServer:
        return self._the(postgres_service.PostgresServer)

    @property
    def keystone(self) -> keystone_service.KeystoneServer:
        return self._the(keystone_service.KeystoneServer)

    @property
    def heat(self) -> heat_service.HeatServer:
        return self._the(heat_service.HeatServer)

    def start(self) -> None:
        """Start all that is wanted; nothing is left running on failure."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.callback(self._servers.clear)
            self._make(stack)
            for server in self._servers:
                server.launch()
            names = ', '.join(server.name for server in self._servers)
            self._progress(f'starting {names} in {self.run_dir}')
            for server in self._servers:
                server.wait_ready()
                self._report(server, began)
            self._stack = stack.pop_all()

    def check(self) -> None:
        """:raises ServiceFailed: one of them has ended"""
        for server in self._servers:
            server.check()

    def stop(self) -> None:
        """Stop all, the last started first."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.stop()

    def _make(self, stack: contextlib.ExitStack) -> None:
        """The servers in the order in which they need each other."""

        def add(server: Server) -> Server:
            stack.callback(server.close)
            self._servers.append(server)
            return server

        if self._wants_etcd:
            add(etcd_service.EtcdServer(self.run_dir, **self._etcd_options))
        if not (self._wants_heat or self._wants_keystone):
            return
        postgres = add(postgres_service.PostgresServer(self.run_dir))
        keystone = None
        if self._wants_keystone:
            keystone = add(
                keystone_service.KeystoneServer(self.run_dir, postgres)
            )
        if self._wants_heat:
            add(
                heat_service.HeatServer(
                    self.run_dir,
                    postgres,
                    keystone=keystone,
                    **self._heat_options,
                )
            )

    def _report(self, server: processes.ServiceProcess, began: float) -> None:
        seconds = time.monotonic() - began
        self._progress(
            f'{server.name} is up on port {server.port} after {seconds:.1f} s'
        )

    def _the(self, kind: type[Server]) -> Server:
        for server in self._servers:
            if isinstance(server, kind):
                return server
        raise errors.NotStarted(kind.name)
