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

"""All resources, jobs and workers of a deployment, in memory.

A mirror for looking, built from listings and watches or from listings
alone: ``take`` takes either. It tells what changed while it looked to a
``Watcher``, which may time it. One thread feeds it, any may ask; the
answers are copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import copy
import threading
from typing import Protocol

from esi_worker import store
from esi_worker.admin import rows
from esi_worker.model import Retrying, TypeRegistry

_Take = Callable[[rows.ResourceRow, store.KeyValue | None], None]


class Watcher(Protocol):
    """Hears of changes as they happen, never of what a listing shows."""

    def config_changed(self, path: str, version: int | None) -> None:
        """A version is desired, or none any more."""

    def state_changed(self, path: str, version: int) -> None:
        """A version was published."""

    def job_moved(self, job: rows.JobRow, place: str, arrived: bool) -> None:
        """A key of a job came or went."""


class Inventory:
    """The mirror."""

    def __init__(
        self,
        keys: store.KeyLayout,
        types: TypeRegistry,
        watcher: Watcher | None = None,
    ) -> None:
        self._keys = keys
        self._types = types
        self._watcher = watcher
        self._lock = threading.Lock()
        self._resources: dict[str, rows.ResourceRow] = {}
        self._jobs: dict[str, rows.JobRow] = {}
        self._job_paths: dict[str, str] = {}
        self._workers: dict[str, store.KeyValue] = {}
        self._leader = ''
        self._takers: dict[str, _Take] = {
            keys.configs: rows.take_desired,
            keys.state(''): rows.take_published,
            keys.accepted(''): rows.take_accepted,
            keys.heat_stack(''): rows.take_stack,
            keys.blocked(''): rows.take_blocked,
        }
        #: Others keep things there too.
        self._shared = (keys.configs, keys.state(''))
        self._unlisted = set(self.prefixes(keys))

    @staticmethod
    def prefixes(keys: store.KeyLayout) -> tuple[str, ...]:
        """What is to be followed."""
        return (
            keys.configs,
            keys.state(''),
            keys.accepted(''),
            keys.heat_stack(''),
            keys.blocked(''),
            keys.jobs,
            keys.worker(''),
            keys.election,
        )

    @classmethod
    def read(
        cls, reader: store.Store, keys: store.KeyLayout, types: TypeRegistry
    ) -> Inventory:
        """The mirror of a moment.

        :raises StoreError: it cannot be read
        """
        inventory = cls(keys, types)
        for prefix in cls.prefixes(keys):
            inventory.take(reader.range(prefix))
        return inventory

    @property
    def complete(self) -> bool:
        """Whether everything was listed."""
        return not self._unlisted

    # --- questions --------------------------------------------------------

    def resources(self) -> list[rows.ResourceRow]:
        """All resources, by their paths."""
        with self._lock:
            found = [copy.copy(row) for row in self._resources.values()]
        return sorted(found, key=lambda row: row.path)

    def resource(self, path: str) -> rows.ResourceRow | None:
        with self._lock:
            row = self._resources.get(path)
            return None if row is None else copy.copy(row)

    def jobs(self) -> list[rows.JobRow]:
        """All unfinished jobs, by their ids."""
        with self._lock:
            found = [
                copy.copy(row)
                for row in self._jobs.values()
                if 'all' in row.places
            ]
        return sorted(found, key=lambda row: row.id)

    def workers(self) -> dict[str, store.KeyValue]:
        """The records of the live workers, by their ids."""
        with self._lock:
            return dict(self._workers)

    def retrying(self) -> dict[str, Retrying]:
        """What workers tell of jobs that are tried again, by their ids."""
        return {
            each.job: each
            for kv in self.workers().values()
            for each in rows.retrying(kv)
        }

    @property
    def leader(self) -> str:
        """The identity of the elected manager, empty if there is none."""
        return self._leader

    def path_of(self, resource: str) -> str:
        """The path of a resource that is named ``<type>:<id>``."""
        name, _, resource_id = resource.partition(':')
        type_ = self._types.get(name)
        return '' if type_ is None else type_.path(resource_id)

    def name_of(self, path: str) -> str:
        """``<type>:<id>``, or the path when its type is unknown."""
        return self._types.name_of(path)

    def type_of(self, path: str) -> str:
        """The name of a resource's type, ``unknown`` for no known one."""
        place = self._types.locate(path)
        return 'unknown' if place is None else place[0].name

    # --- what comes in ----------------------------------------------------

    def take(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in a listing or changes of one of the ``prefixes``."""
        with self._lock:
            if isinstance(item, store.Snapshot):
                self._take_snapshot(item)
                self._unlisted.discard(item.prefix)
                return
            for event in item.events:
                here = event.type is store.EventType.PUT
                kv = event.kv if here else None
                self._take_key(item.prefix, event.kv.key, kv, live=True)

    def _take_snapshot(self, item: store.Snapshot) -> None:
        there = {kv.key for kv in item.items}
        for key in [*self._known_keys(item.prefix)]:
            if key not in there:
                self._take_key(item.prefix, key, None, live=False)
        for kv in item.items:
            self._take_key(item.prefix, kv.key, kv, live=False)

    def _known_keys(self, prefix: str) -> Iterator[str]:
        if prefix in self._takers:
            yield from (prefix + path for path in self._resources)
        elif prefix == self._keys.jobs:
            for row in self._jobs.values():
                yield from (
                    f'{prefix}{place}/{row.id}' for place in row.places
                )
        elif prefix == self._keys.worker(''):
            yield from (prefix + name for name in self._workers)
        else:
            yield self._keys.election

    def _take_key(
        self, prefix: str, key: str, kv: store.KeyValue | None, *, live: bool
    ) -> None:
        if prefix in self._takers:
            self._take_resource(prefix, key[len(prefix) :], kv, live)
        elif prefix == self._keys.jobs:
            self._take_job(key, kv, live)
        elif prefix == self._keys.worker(''):
            self._take_worker(key[len(prefix) :], kv)
        elif key == self._keys.election:
            self._leader = '' if kv is None else kv.value

    def _take_worker(self, name: str, kv: store.KeyValue | None) -> None:
        if kv is None:
            self._workers.pop(name, None)
        else:
            self._workers[name] = kv

    def _take_resource(
        self, prefix: str, path: str, kv: store.KeyValue | None, live: bool
    ) -> None:
        if prefix in self._shared and self._types.locate(path) is None:
            # A schema, a template, or of a type that we do not manage.
            return
        row = self._resources.setdefault(path, rows.ResourceRow(path))
        self._takers[prefix](row, kv)
        if row.empty:
            del self._resources[path]
        if not live or self._watcher is None:
            return
        if prefix == self._keys.configs:
            self._watcher.config_changed(path, row.desired)
        elif prefix == self._keys.state('') and row.published is not None:
            self._watcher.state_changed(path, row.published)

    def _take_job(
        self, key: str, kv: store.KeyValue | None, live: bool
    ) -> None:
        place, job_id = self._keys.job_place(key) or ('', '')
        if not job_id:
            return
        job = self._jobs.setdefault(job_id, rows.JobRow(job_id))
        if kv is None:
            job.places -= {place}
        else:
            job.places |= {place}
        if place == 'all':
            self._take_record(job, kv)
        if live and self._watcher is not None:
            self._watcher.job_moved(job, place, kv is not None)
        if not job.places:
            del self._jobs[job_id]

    def _take_record(
        self, job: rows.JobRow, kv: store.KeyValue | None
    ) -> None:
        if kv is not None:
            rows.take_job(job, kv)
            path = self.path_of(job.resource)
            if job.id not in self._job_paths and path:
                self._job_paths[job.id] = path
                self._count(path, 1)
            return
        known = self._job_paths.pop(job.id, None)
        if known is not None:
            self._count(known, -1)

    def _count(self, path: str, change: int) -> None:
        row = self._resources.setdefault(path, rows.ResourceRow(path))
        row.jobs += change
        if row.empty:
            del self._resources[path]


def counted(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """How often each combination occurs."""
    counts: dict[tuple[str, ...], int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts
