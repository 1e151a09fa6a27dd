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

"""Marks what nobody monitors any more.

A part of the targets that no collector has claimed for a while has
nobody who would notice that its resources fail: what stands in their
monitoring keys is turned into ``FAIL``, so that nothing stays UP only
because the one who said so is gone. The next collector that polls them
puts that right.

This runs beside the manager, for it has to live where no collector
does. Any number may run at once: every write compares that the claim is
still missing.
"""

from __future__ import annotations

from collections.abc import Sequence
import threading
from typing import Any

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, plugins, store
from esi_worker.collector import opts
from esi_worker.collector.ownership import ALL_PARTITIONS, partition_of
from esi_worker.collector.results import FAIL, STATUS
from esi_worker.collector.syncers.base import SyncerContext
from esi_worker.collector.syncers.etcd import EtcdSyncer
from esi_worker.collector.target_store import TargetStore
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

_INTERVAL_SECONDS = 5.0
#: Seconds after which a key is looked at again although it was marked;
#: what is held until then is looked at when that is over.
_AGAIN_SECONDS = 60.0


class OrphanMarker:
    """Looks for parts without a claim, and marks their targets."""

    def __init__(
        self,
        conf: Any,
        backend: store.Store,
        keys: store.KeyLayout,
        clock: clocks.Clock,
    ) -> None:
        opts.register(conf)
        plugins.register_options(conf, [EtcdSyncer])
        self._store = backend
        self._keys = keys
        self._clock = clock
        self._grace = conf.collector.orphan_grace
        self._targets = TargetStore(backend, keys)
        self._syncer = EtcdSyncer(
            SyncerContext(conf, backend, keys, clock, self._fence)
        )
        self._since: dict[str, float] = {}
        self._marked: dict[str, tuple[int, float]] = {}

    def step(self) -> int:
        """Look once.

        :returns: how many targets were marked, or looked at again
        :raises StoreError: the rest is marked in a later step
        """
        late = self._unclaimed()
        if not late:
            self._marked.clear()
            return 0
        orphans = [
            target
            for target in self._targets.list()
            if partition_of(target.affinity) in late
            and not target.deleting
            and self._is_due(target)
        ]
        for target in orphans:
            try:
                self._mark(target)
            except exceptions.StoreUnavailable:
                raise
            except Exception:
                # The others are not to stay UP because of this one.
                LOG.exception('Target cannot be marked; target=%s', target)
        return len(orphans)

    def _unclaimed(self) -> set[str]:
        """The parts that nobody has had for long enough."""
        prefix = self._keys.partition('')
        found = self._store.range(prefix).items
        claimed = {kv.key[len(prefix) :] for kv in found}
        now = self._clock.monotonic()
        for partition in ALL_PARTITIONS:
            if partition in claimed:
                self._since.pop(partition, None)
            else:
                self._since.setdefault(partition, now)
        return {
            partition
            for partition, since in self._since.items()
            if now - since >= self._grace
        }

    def _is_due(self, target: Target) -> bool:
        revision, again_at = self._marked.get(target.id, (0, 0.0))
        return (
            revision != target.revision or self._clock.monotonic() >= again_at
        )

    def _mark(self, target: Target) -> None:
        if target.id not in self._marked:
            LOG.warning(
                'No collector polls this target, its status is FAIL; '
                'target=%s',
                target,
            )
        self._syncer.publish(target, STATUS, FAIL)
        held = self._syncer.held_for(target, STATUS, FAIL)
        pause = min(held or _AGAIN_SECONDS, _AGAIN_SECONDS)
        again_at = self._clock.monotonic() + pause
        self._marked[target.id] = (target.revision, again_at)

    def _fence(self, target: Target) -> Sequence[store.Compare]:
        partition = partition_of(target.affinity)
        return (store.Compare.missing(self._keys.partition(partition)),)


class OrphanWatch:
    """A marker and the thread that runs it."""

    def __init__(self, marker: OrphanMarker) -> None:
        self._marker = marker
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name='orphans', daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL_SECONDS):
            try:
                self._marker.step()
            except exceptions.StoreError as error:
                LOG.debug('Orphans cannot be looked for: %s', error)
            except Exception:
                LOG.exception('Orphans cannot be looked for')
