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
"""Puts what a process shows next to the process.

Work matters more than showing it: a port that is taken is an error in
the log, and is tried again until it is free.
"""

from __future__ import annotations

import threading
from typing import Any

import falcon
from oslo_log import log as logging
import prometheus_client

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker import health as healths
from esi_worker.admin import api, collecting, guarding, page, probes
from esi_worker.admin.inventory import Inventory
from esi_worker.admin.mirroring import Mirror
from esi_worker.admin.timing import Timer
from esi_worker.collector import serving
from esi_worker.model import TypeRegistry

LOG = logging.getLogger(__name__)

_STOP_SECONDS = 2.0
_RETRY_SECONDS = 5.0
#: Nothing here takes a body.
_MAX_BODY = 4096


class AdminServer:
    """The HTTP side of one process; without a port it does nothing."""

    def __init__(self, conf: Any, port: int | None, app: Any) -> None:
        self._host = conf.admin.bind_host
        self._threads = conf.admin.http_threads
        self._port = port
        self._app = app
        self._server: serving.HttpServer | None = None
        self._stopping = threading.Event()
        self._opener = threading.Thread(
            target=self._open, name='admin', daemon=True
        )

    @property
    def port(self) -> int | None:
        """The port that is listened on, None as long as none is."""
        return None if self._server is None else self._server.port

    def start(self) -> None:
        """Serve in the background."""
        if self._port is not None and not self._try():
            self._opener.start()

    def stop(self) -> None:
        """Accept nothing more."""
        self._stopping.set()
        if self._opener.is_alive():
            self._opener.join()
        if self._server is not None:
            self._server.stop(_STOP_SECONDS)

    def _open(self) -> None:
        while not self._stopping.wait(_RETRY_SECONDS) and not self._try():
            continue

    def _try(self) -> bool:
        assert self._port is not None
        try:
            server = serving.HttpServer(
                self._host,
                self._port,
                threads=self._threads,
                max_body_bytes=_MAX_BODY,
                name='admin',
            )
        except exceptions.ConfigurationError as error:
            LOG.error(
                'Metrics and health are not served, trying again: %s', error
            )
            return False
        self._server = server
        server.start(self._app)
        LOG.info(
            'Metrics and health are on %s, port %d', self._host, server.port
        )
        return True


def of_worker(conf: Any, number: int, worker: healths.Living) -> AdminServer:
    """What a worker process serves.

    :param number: which of this host's workers it is, from 0 on
    """
    first = conf.admin.worker_port
    app = falcon.App()
    probes.add_routes(app, worker)
    if first is not None:
        prometheus_client.REGISTRY.register(collecting.WorkerCollector(worker))
    return AdminServer(conf, None if first is None else first + number, app)


class ManagerAdmin:
    """What a manager process serves, and the mirror behind it."""

    def __init__(
        self,
        conf: Any,
        candidate: healths.Living,
        target: store.Store,
        types: TypeRegistry,
        registry: Any = prometheus_client.REGISTRY,
        inventory: Inventory | None = None,
    ) -> None:
        keys, clock = store.key_layout(conf), clocks.SystemClock()
        timer = Timer(clock, lambda: candidate.health().leading)
        self.mirror = Mirror(
            target,
            keys,
            inventory or Inventory(keys, types, timer),
            silence_deadline=conf.etcd.silence_deadline,
            clock=clock,
        )
        port = conf.admin.manager_port
        self._on = port is not None
        app = falcon.App(
            middleware=[
                guarding.Guard(conf.admin.username, conf.admin.password)
            ]
        )
        probes.add_routes(app, candidate, registry)
        if conf.admin.page:
            page.add_routes(app)
            api.Api(candidate, self.mirror, target, keys).add_routes(app)
        #: The WSGI application.
        self.app = app
        if self._on:
            registry.register(
                collecting.ManagerCollector(candidate, self.mirror, timer)
            )
        self.server = AdminServer(conf, port, app)

    def start(self) -> None:
        if self._on:
            self.mirror.start()
            self.server.start()

    def stop(self) -> None:
        if self._on:
            self.server.stop()
            self.mirror.stop()
