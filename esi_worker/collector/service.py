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

"""A collector as a process: starts and stops everything."""

from __future__ import annotations

import socket
import threading
from typing import Any
from urllib import parse

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.collector import authentication, opts
from esi_worker.collector.assembly import STOP_SECONDS, Collector
from esi_worker.collector.loading import load_pollers, load_syncers
from esi_worker.collector.ownership import Ownership
from esi_worker.collector.serving import HttpServer, Tls
from esi_worker.collector.syncers.base import SyncerContext

LOG = logging.getLogger(__name__)

_OVERDUE_CHECK_SECONDS = 1.0
_WILDCARDS = frozenset(('0.0.0.0', '::'))  # noqa: S104


class CollectorService:
    """A collector as a process: socket, etcd, plugins."""

    def __init__(self, conf: Any, clock: clocks.Clock) -> None:
        """Listen, but serve nothing yet.

        :raises ConfigurationError: the configuration cannot be used, or
            the port is taken
        """
        opts.register(conf)
        self._conf = conf
        self._store = store.open_store(conf, clock)
        self._keys = store.key_layout(conf)
        ownership = Ownership(self._keys)
        context = SyncerContext(
            conf,
            self._store,
            self._keys,
            clock,
            ownership.fence,
            is_certain=ownership.is_certain,
        )
        self._collector = Collector(
            context,
            ownership,
            load_pollers(conf, clock),
            load_syncers(context),
        )
        group = conf.collector
        tokens = None
        if group.auth == 'token':
            tokens = authentication.Tokens(group.token_file)
        self._server = HttpServer(
            group.bind_host,
            group.port,
            threads=group.http_threads,
            max_body_bytes=group.max_request_bytes,
            tls=_tls(conf),
        )
        self._internal_url = _internal_url(conf, self._server.port)
        self.url = str(group.external_url or self._internal_url).rstrip('/')
        self._application = authentication.protected(
            self._collector.application(self.url), conf, tokens
        )

    def start(self, stop: threading.Event) -> None:
        """Wait for etcd, then poll and serve.

        :param stop: ends the waiting when it is set
        :raises StoreError: etcd does not answer, or refuses us
        """
        store.wait_for_store(
            self._store,
            self._conf.etcd.startup_timeout,
            probe=self._keys.target(''),
            pause=stop.wait,
        )
        self._collector.start(self.url, self._internal_url)
        self._server.start(self._application)
        LOG.info('Collector listens; url=%s', self.url)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        while not stop.wait(_OVERDUE_CHECK_SECONDS):
            self._collector.report_overdue()

    def close(self) -> None:
        """Stop everything, started or not."""
        self._server.stop(STOP_SECONDS)
        self._collector.stop()
        self._store.close()


def _tls(conf: Any) -> Tls | None:
    group = conf.collector
    if not group.cert_file:
        return None
    # One file may hold both.
    key = group.key_file or group.cert_file
    return Tls(group.cert_file, key, group.client_ca_file)


def _internal_url(conf: Any, port: int) -> str:
    group = conf.collector
    if group.internal_url:
        return str(group.internal_url).rstrip('/')
    host = group.bind_host
    if host in _WILDCARDS:
        host = socket.getfqdn()
    if ':' in host:
        host = f'[{host}]'
    scheme = 'https' if group.cert_file else 'http'
    return parse.urlunsplit((scheme, f'{host}:{port}', '', '', ''))
