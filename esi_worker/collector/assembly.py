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

"""Puts the parts of a collector together, all but the process and its
socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from esi_worker import metrics as process_metrics
from esi_worker import version
from esi_worker.collector import api, metrics, openapi, opts, peers
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.coordination import Coordinator
from esi_worker.collector.monitoring import Monitoring
from esi_worker.collector.ownership import Ownership
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.polling import PoolKey, Pools
from esi_worker.collector.registry import Registry
from esi_worker.collector.rendering import Renderer
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.roster import Roster
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.syncers.base import Syncer, SyncerContext
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.targets import Target
from esi_worker.collector.timetable import Lane
from esi_worker.collector.validation import TargetParser
from esi_worker.model.codec import Json

#: Seconds that polls and publications at work get to end.
STOP_SECONDS = 5.0


class Collector:
    """A collector without its HTTP server: everything but a socket."""

    def __init__(
        self,
        context: SyncerContext,
        ownership: Ownership,
        pollers: Mapping[str, Poller],
        syncers: Mapping[str, Syncer],
        on_late: Callable[[float, Lane], None] = metrics.observe_lateness,
    ) -> None:
        """Put it together; nothing runs yet.

        :param ownership: that whose fence is in the context
        :param on_late: told of every poll by how many seconds it is late,
            and its lane
        :raises PluginError: two pollers declare the same type
        :raises ConfigurationError: options contradict each other
        """
        self._context = context
        group, clock = context.conf.collector, context.clock
        self._catalogue = Catalogue(pollers)
        self._ownership = ownership
        self._pollers, self._syncers = pollers, syncers
        self.scheduler = Scheduler(
            threads=group.poll_threads,
            clock=clock,
            on_late=on_late,
        )
        self.publisher = Scheduler(
            threads=group.publish_threads, clock=clock, name='publish'
        )
        self.registry = Registry(clock, group.max_failures)
        self.reporter = Reporter(
            self._catalogue,
            syncers,
            self.registry,
            self.publisher,
            group.retry_interval,
        )
        self.pools = Pools(
            self._catalogue,
            self.reporter,
            self.scheduler,
            opts.timing(context.conf),
            clock,
            ownership.is_certain,
            self.publisher,
        )
        targets = TargetStore(context.store, context.keys)
        self.monitoring = Monitoring(targets, self.reporter)
        self.coordinator = self._make_coordinator(targets)
        context.metrics.register(
            process_metrics.ProcessCollector('collector', self.coordinator)
        )
        self._parser = TargetParser(self._catalogue, syncers)
        self._peers = peers.Peers(
            self.coordinator.identity,
            group.peer_ca_file,
            (group.cert_file, group.key_file) if group.cert_file else None,
        )

    def application(self, url: str) -> Any:
        """The WSGI application, for clients that use this URL."""
        renderer = Renderer(url, self._owner_url, self._catalogue.secrets())
        shared = (
            self.monitoring,
            self._parser,
            renderer,
            self._context.clock,
            self._context.conf.collector.max_request_bytes,
        )
        description = openapi.describe(
            self._catalogue,
            self._parser.syncer_schemas(),
            version.version(),
            self._context.conf.collector.auth,
        )
        return api.application(
            {
                '/targets': api.TargetCollection(*shared),
                '/targets/{target_id}': api.TargetItem(
                    self._values_of, *shared
                ),
                '/openapi.json': api.Description(description),
                '/metrics': api.Metrics(self._context.metrics),
                '/healthz': api.Health(),
                '/readyz': api.Readiness(self.coordinator),
            }
        )

    def start(self, url: str, internal_url: str) -> None:
        """Take part, and poll what falls to this collector."""
        for syncer in self._syncers.values():
            syncer.start(self.reporter.again)
        self.scheduler.start()
        self.publisher.start()
        self.coordinator.start(url, internal_url)

    def report_overdue(self) -> None:
        """Look for polls that hang; call it about once a second."""
        for key in self.scheduler.newly_overdue():
            if isinstance(key, PoolKey):
                self.pools.report_overdue(key)

    def stop(self) -> None:
        """Poll no more; polls at work get some seconds to end."""
        self.coordinator.stop(self._drain)
        for poller in self._pollers.values():
            poller.close()
        for syncer in self._syncers.values():
            syncer.close()

    def _drain(self) -> None:
        self.scheduler.stop(STOP_SECONDS)
        self.publisher.stop(STOP_SECONDS)

    def _make_coordinator(self, targets: TargetStore) -> Coordinator:
        context, conf = self._context, self._context.conf
        roster = Roster(
            targets,
            self.registry,
            self.reporter,
            self.pools,
            self.monitoring,
            context.clock,
            conf.collector.start_spread,
        )
        return Coordinator(
            context.store,
            context.keys,
            self._ownership,
            roster,
            self.pools,
            context.clock,
            lease_ttl=conf.collector.lease_ttl,
            silence_deadline=conf.etcd.silence_deadline,
        )

    def _owner_url(self, target: Target) -> str | None:
        owner = self._ownership.owner(target)
        return owner.url if owner is not None else None

    def _values_of(
        self, target: Target, token: str, passed_on: bool
    ) -> Mapping[str, Json]:
        """What is known of a target's values, here or by its owner."""
        owner = self._ownership.owner(target)
        is_elsewhere = (
            owner is not None
            and owner.id != self.coordinator.identity
            and owner.internal_url
        )
        if is_elsewhere and not passed_on and owner is not None:
            shown = self._peers.values(owner, target.id, token) or {}
            return {'values': [], **_values_in(shown)}
        entries = self.registry.values(target.id)
        values: dict[str, Json] = {
            'values': [entry.to_json() for entry in entries]
        }
        problems = self.reporter.problems(target.id)
        return {**values, 'sync_errors': problems} if problems else values


def _values_in(shown: Mapping[str, Json]) -> dict[str, Json]:
    names = ('values', 'sync_errors')
    return {name: shown[name] for name in names if name in shown}
