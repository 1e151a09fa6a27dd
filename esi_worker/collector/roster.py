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

"""The targets that are polled here, kept in line with etcd.

Knows all targets, by the part they belong to; polls those of the parts
that are ours. It is driven by ``coordination``, in one thread.
"""

from __future__ import annotations

from collections.abc import Set

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.collector import errors, metrics, results
from esi_worker.collector.monitoring import Monitoring
from esi_worker.collector.ownership import partition_of
from esi_worker.collector.polling import PoolKey, Pools
from esi_worker.collector.registry import Registry
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

#: Seconds after which a deletion is finished by the target's owner: long
#: enough for the collector that has begun it.
_DELETION_GRACE = 5.0
_REPORTER = 'collector'


class Roster:
    """Which targets there are, and which of them are polled here."""

    def __init__(
        self,
        targets: TargetStore,
        registry: Registry,
        reporter: Reporter,
        pools: Pools,
        monitoring: Monitoring,
        clock: clocks.Clock,
        spread: float,
    ) -> None:
        """:param spread: seconds over which the first polls are spread
        when many targets come at once
        """
        self._store = targets
        self._registry = registry
        self._reporter = reporter
        self._pools = pools
        self._monitoring = monitoring
        self._clock = clock
        self._spread = spread
        self._all: dict[str, Target] = {}
        self._parts: dict[str, set[str]] = {}
        self._ours: set[str] = set()
        self._deletions: dict[str, float] = {}

    def take(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in what happened to the records of targets."""
        if isinstance(item, store.Snapshot):
            found = {}
            for kv in item.items:
                found[kv.key[len(item.prefix) :]] = kv
            for target_id in self._all.keys() - found.keys():
                self._removed(target_id)
            for target_id, kv in found.items():
                self._changed(target_id, kv, self._spread)
            return
        for event in item.events:
            target_id = event.kv.key[len(item.prefix) :]
            if event.type is store.EventType.PUT:
                self._changed(target_id, event.kv, 0.0)
            else:
                self._removed(target_id)

    def poll_only(self, partitions: Set[str]) -> None:
        """These parts are ours now: poll what belongs to them alone."""
        for partition in self._ours - partitions:
            self.leave(partition)
        for partition in partitions - self._ours:
            self._ours.add(partition)
            for target_id in self._parts.get(partition, ()):
                self._settle(self._all[target_id], self._spread)
        self._count()

    def leave(self, partition: str) -> list[PoolKey]:
        """Poll nothing of this part any more.

        :returns: the pools whose polls may still be going on
        """
        self._ours.discard(partition)
        pools = [
            self._stop(target_id)
            for target_id in self._parts.get(partition, ())
        ]
        self._count()
        return [pool for pool in dict.fromkeys(pools) if pool is not None]

    def finish_deletions(self) -> None:
        """Go on with what another process has left half deleted."""
        now = self._clock.monotonic()
        for target_id, due in list(self._deletions.items()):
            target = self._all.get(target_id)
            if target is None or not self._is_ours(target):
                del self._deletions[target_id]
            elif due <= now:
                self._deletions[target_id] = now + _DELETION_GRACE
                self._finish(target)

    def _changed(
        self, target_id: str, kv: store.KeyValue, within: float
    ) -> None:
        old = self._all.get(target_id)
        target = self._store.decoded(kv)
        if target is None or target.id != target_id:
            self._removed(target_id)
            return
        if old is not None and old.revision >= target.revision:
            return
        partition = partition_of(target.affinity)
        if old is not None and partition != partition_of(old.affinity):
            self._removed(target_id)
        self._all[target_id] = target
        self._parts.setdefault(partition, set()).add(target_id)
        self._deletions.pop(target_id, None)
        if partition in self._ours:
            self._settle(target, within)
            self._count()

    def _removed(self, target_id: str) -> None:
        target = self._all.pop(target_id, None)
        self._deletions.pop(target_id, None)
        if target is None:
            return
        partition = partition_of(target.affinity)
        self._parts[partition].discard(target_id)
        self._stop(target_id)
        self._count()

    def _settle(self, target: Target, within: float) -> None:
        """Bring one target of ours in line."""
        running = self._registry.get(target.id)
        if target.deleting:
            self._stop(target.id)
            due = self._clock.monotonic() + _DELETION_GRACE
            self._deletions.setdefault(target.id, due)
        elif running is None or running.revision < target.revision:
            self._start(target, within)

    def _start(self, target: Target, within: float) -> None:
        self._registry.add(target)
        try:
            self._pools.add(target, within)
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with it stays its own, and is shown.
            LOG.error(
                'Target cannot be polled; target=%s reason=%s',
                target,
                errors.reason_of(error),
            )
            self._pools.remove(target.id)
            failure = results.Failure(results.STATUS, errors.reason_of(error))
            self._reporter.report(target, _REPORTER, (failure,))
            return
        LOG.debug('Target is polled; target=%s', target)
        self._reporter.clean_up(target)
        self._reporter.again(target.id)

    def _stop(self, target_id: str) -> PoolKey | None:
        pool = self._pools.remove(target_id)
        if self._registry.remove(target_id) is not None:
            self._reporter.forget(target_id)
        return pool

    def _finish(self, target: Target) -> None:
        try:
            self._monitoring.finish_deleting(target)
        except exceptions.TransientError as error:
            LOG.warning(
                'Target is not deleted yet; target=%s reason=%s',
                target,
                error,
            )
        except Exception:
            # It must not keep all other targets from being polled.
            LOG.exception('Target is not deleted; target=%s', target)

    def _is_ours(self, target: Target) -> bool:
        return partition_of(target.affinity) in self._ours

    def _count(self) -> None:
        metrics.PARTITIONS.set(len(self._ours))
        metrics.TARGETS.set(len(self._registry))
