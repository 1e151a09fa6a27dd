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

"""Puts the parts of a collector together, and starts and stops them."""

from __future__ import annotations

from collections.abc import Mapping
import functools
import random
import threading
from typing import Any
from urllib import parse

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, plugins, store
from esi_worker.collector import api, opts
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.monitoring import Monitoring
from esi_worker.collector.pollers.base import Poller, PollerContext
from esi_worker.collector.polling import PoolKey, Pools
from esi_worker.collector.registry import Registry
from esi_worker.collector.rendering import Renderer
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.serving import HttpServer
from esi_worker.collector.syncers.base import Syncer, SyncerContext
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.validation import TargetParser

LOG = logging.getLogger(__name__)

_STOP_SECONDS = 5.0
_OVERDUE_CHECK_SECONDS = 1.0
_RECONCILE = 'reconcile'


def load_pollers(conf: Any, clock: clocks.Clock) -> dict[str, Poller]:
    """Make the poller plugins that are installed.

    :raises PluginError: one cannot be loaded or made
    """
    classes = plugins.load_classes(plugins.POLLERS, Poller)
    plugins.register_options(conf, list(classes.values()))
    context = PollerContext(
        conf, clock, Credentials(conf.collector.credentials_file)
    )
    return {
        name: plugins.make(
            plugins.POLLERS, name, functools.partial(class_, context)
        )
        for name, class_ in classes.items()
    }


def load_syncers(context: SyncerContext) -> dict[str, Syncer]:
    """Make the syncer plugins that are installed.

    :raises PluginError: one cannot be loaded or made
    """
    classes = plugins.load_classes(plugins.SYNCERS, Syncer)
    plugins.register_options(context.conf, list(classes.values()))
    return {
        name: plugins.make(
            plugins.SYNCERS, name, functools.partial(class_, context)
        )
        for name, class_ in classes.items()
    }


class Collector:
    """A collector without its HTTP server: everything but a socket."""

    def __init__(
        self,
        context: SyncerContext,
        pollers: Mapping[str, Poller],
        syncers: Mapping[str, Syncer],
    ) -> None:
        """Put it together; nothing runs yet.

        :raises PluginError: two pollers declare the same type
        :raises ConfigurationError: options contradict each other
        """
        self._catalogue = Catalogue(pollers)
        self._conf = context.conf
        self._clock = context.clock
        self._pollers, self._syncers = pollers, syncers
        self.scheduler = Scheduler(
            threads=context.conf.collector.poll_threads, clock=context.clock
        )
        self.registry = Registry(context.clock)
        reporter = Reporter(self._catalogue, syncers, self.registry)
        self.pools = Pools(
            self._catalogue,
            reporter,
            self.scheduler,
            opts.timing(context.conf),
            # Spreads polls; nothing secret.
            random.random,
        )
        targets = TargetStore(context.store, context.keys)
        self.monitoring = Monitoring(
            self._catalogue, targets, self.registry, reporter, self.pools
        )
        self._parser = TargetParser(self._catalogue, syncers)

    def application(self, base_url: str) -> Any:
        """The WSGI application, for clients that use this URL."""
        renderer = Renderer(base_url, self._catalogue.secrets())
        return api.application(
            api.TargetCollection(
                self.monitoring,
                self._parser,
                renderer,
                self._clock,
                self._conf.collector.max_request_bytes,
            ),
            api.TargetItem(self.monitoring, self.registry, renderer),
        )

    def start(self) -> None:
        """Go on with the stored targets and begin to poll.

        :raises StoreError: the targets cannot be read
        """
        self.monitoring.reconcile()
        self.scheduler.add(
            _RECONCILE, self._reconcile, self._conf.collector.sync_interval
        )
        self.scheduler.start()

    def report_overdue(self) -> None:
        """Look for polls that hang; call it about once a second."""
        for key in self.scheduler.newly_overdue():
            if isinstance(key, PoolKey):
                self.pools.report_overdue(key)

    def stop(self) -> None:
        """Poll no more; polls at work get some seconds to end."""
        self.scheduler.stop(_STOP_SECONDS)
        for poller in self._pollers.values():
            poller.close()
        for syncer in self._syncers.values():
            syncer.close()

    def _reconcile(self) -> float:
        try:
            self.monitoring.reconcile()
        except exceptions.StoreError as error:
            LOG.warning('Targets cannot be compared; reason=%s', error)
            return float(self._conf.collector.retry_interval)
        return float(self._conf.collector.sync_interval)


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
        context = SyncerContext(conf, self._store, self._keys, clock)
        self._collector = Collector(
            context, load_pollers(conf, clock), load_syncers(context)
        )
        self._server = HttpServer(
            conf.collector.bind_host,
            conf.collector.port,
            threads=conf.collector.http_threads,
            max_body_bytes=conf.collector.max_request_bytes,
        )
        self.url = _base_url(conf, self._server.port)

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
        self._collector.start()
        self._server.start(self._collector.application(self.url))
        LOG.info('Collector listens; url=%s', self.url)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        while not stop.wait(_OVERDUE_CHECK_SECONDS):
            self._collector.report_overdue()

    def close(self) -> None:
        """Stop everything, started or not."""
        self._server.stop(_STOP_SECONDS)
        self._collector.stop()
        self._store.close()


def _base_url(conf: Any, port: int) -> str:
    if conf.collector.external_url:
        return str(conf.collector.external_url).rstrip('/')
    host = conf.collector.bind_host
    if ':' in host:
        host = f'[{host}]'
    return parse.urlunsplit(('http', f'{host}:{port}', '', '', ''))
