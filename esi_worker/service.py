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

"""The processes of ``esi-worker`` and how they are put together.

cotyledon forks one process for the manager and one for each worker,
restarts them when they die and passes signals on. Everything that holds
a connection is made after the fork.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import enum
import threading
from typing import Any

import cotyledon
from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import (
    dispatcher,
    drivers,
    handlers,
    scheduler,
    store,
    templates,
)
from esi_worker.admin import opts as admin_opts
from esi_worker.admin import reports
from esi_worker.admin import serving as admin_serving
from esi_worker.collector import orphans
from esi_worker.dispatcher import opts as worker_opts
from esi_worker.scheduler import opts as manager_opts

LOG = logging.getLogger(__name__)

#: Seconds that a process may need to stop beyond its graceful time.
MARGIN = 15


class Role(enum.StrEnum):
    """What a host does."""

    ALL = 'all'
    MANAGER = 'manager'
    WORKER = 'worker'


def register_options(conf: Any) -> None:
    """Make the options known that the service itself reads."""
    manager_opts.register(conf)
    worker_opts.register(conf)
    admin_opts.register(conf)
    reports.register(conf)


def make_candidate(
    conf: Any,
    target: store.Store,
    catalog: templates.TemplateCatalog | None = None,
) -> scheduler.Candidate:
    """Put a manager process together."""
    keys = store.key_layout(conf)
    catalog = catalog or templates.load_catalog(conf)
    driver_set = drivers.DriverSet.load(catalog, conf)
    clock = clocks.SystemClock()
    settings = manager_opts.settings(conf)
    return scheduler.Candidate(
        target,
        keys,
        catalog,
        lambda: scheduler.World(
            target, keys, driver_set, catalog.types, clock, settings
        ),
        lease_ttl=conf.manager.lease_ttl,
        silence_deadline=conf.etcd.silence_deadline,
        clock=clock,
    )


class WorkerParts:
    """A worker process and the handlers it owns."""

    def __init__(self, conf: Any, target: store.Store) -> None:
        """Put a worker process together.

        :raises PluginError: a handler cannot be loaded
        :raises ConfigurationError: one cannot use its options
        """
        keys = store.key_layout(conf)
        catalog = templates.load_catalog(conf)
        clock = clocks.SystemClock()
        settings = worker_opts.settings(conf)
        context = handlers.HandlerContext(
            conf, target, keys, catalog, clock, self._claim_seconds
        )
        self.handlers = handlers.load_handlers(
            conf, context, conf.worker.handlers or catalog.handlers
        )
        self.worker = dispatcher.Worker(
            target,
            keys,
            catalog,
            lambda lease, identity: dispatcher.Dispatcher(
                target,
                keys,
                catalog.types,
                self.handlers,
                lease,
                identity,
                clock,
                settings,
            ),
            lease_ttl=conf.worker.lease_ttl,
            graceful_timeout=conf.worker.graceful_timeout,
            silence_deadline=conf.etcd.silence_deadline,
            clock=clock,
            tasks=handlers.periodic_tasks(self.handlers),
        )

    def _claim_seconds(self) -> float:
        return self.worker.claim_seconds()

    def probe(self) -> Iterator[handlers.Probe]:
        """Ask what the handlers work with whether it answers."""
        return handlers.probes(self.handlers)

    def close(self) -> None:
        handlers.close_handlers(self.handlers)


class _Process(cotyledon.Service):
    """A process that ends only when its loop has ended.

    cotyledon exits as soon as ``terminate`` returns.
    """

    def __init__(self, worker_id: Any) -> None:
        super().__init__(worker_id)
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            self.serve()
        finally:
            self._ended.set()

    def terminate(self) -> None:
        self.stop()
        self._ended.wait()

    def serve(self) -> None:
        """Work until ``stop`` is called."""

    def stop(self) -> None:
        """Make ``serve`` return soon."""


class ManagerService(_Process):
    """The process of a manager."""

    name = 'manager'

    def __init__(self, worker_id: Any, conf: Any) -> None:
        super().__init__(worker_id)
        self._store = store.open_store(conf)
        catalog = templates.load_catalog(conf)
        self._candidate = make_candidate(conf, self._store, catalog)
        self._admin = admin_serving.ManagerAdmin(
            conf, self._candidate, self._store, catalog.types
        )
        reports.set_up(conf, 'esi-worker-manager', self._candidate)
        self._orphans = orphans.OrphanWatch(
            orphans.OrphanMarker(
                conf,
                self._store,
                store.key_layout(conf),
                clocks.SystemClock(),
            )
        )

    def serve(self) -> None:
        self._admin.start()
        self._orphans.start()
        self._candidate.run()
        self._orphans.stop()
        self._admin.stop()
        self._store.close()

    def stop(self) -> None:
        self._candidate.stop()


class WorkerService(_Process):
    """The process of a worker."""

    name = 'worker'

    def __init__(self, worker_id: Any, conf: Any) -> None:
        super().__init__(worker_id)
        self._store = store.open_store(conf)
        self._parts = WorkerParts(conf, self._store)
        self._admin = admin_serving.of_worker(
            conf, int(worker_id), self._parts.worker
        )
        reports.set_up(conf, f'esi-worker-{worker_id}', self._parts.worker)

    def serve(self) -> None:
        self._admin.start()
        self._parts.worker.run()
        self._admin.stop()
        self._parts.close()
        self._store.close()

    def stop(self) -> None:
        self._parts.worker.stop()


def check(conf: Any, role: Role) -> None:
    """Find out before any fork whether the configuration can be used.

    Otherwise the processes would die of it again and again. What is
    made here is thrown away.

    :raises ConfigurationError: it cannot; the message names what and why
    :raises oslo_config.cfg.Error: the value of an option is of no use
    """
    _read_options(conf)
    admin_opts.check(conf)
    with store.open_store(conf) as target:
        if role is not Role.WORKER:
            make_candidate(conf, target)
        if role is not Role.MANAGER:
            WorkerParts(conf, target).close()
    # Now those of the plugins are known too.
    _read_options(conf)


def _read_options(conf: Any) -> None:
    """Read every known option, for values are checked when read."""
    for name in conf:
        value = conf[name]
        if isinstance(value, Mapping):
            dict(value)


def run(conf: Any, role: Role) -> None:
    """Run the processes of a role until a signal ends them."""
    manager = cotyledon.ServiceManager(
        graceful_shutdown_timeout=int(conf.worker.graceful_timeout) + MARGIN
    )
    reports.set_up(conf, 'esi-worker')
    manager.register_hooks(on_reload=conf.reload_config_files)
    if role in (Role.ALL, Role.MANAGER):
        manager.add(ManagerService, args=(conf,))
    if role in (Role.ALL, Role.WORKER):
        manager.add(WorkerService, workers=conf.worker.processes, args=(conf,))
    manager.run()
