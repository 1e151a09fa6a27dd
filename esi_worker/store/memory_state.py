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

"""The key space of ``MemoryStore``: revisions, history, leases.

This is etcd's data model without threads, clocks and errors of a
network: whoever calls it holds the lock and hands in the time. What
changed comes back as events, in the order in which etcd tells them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
import dataclasses
import itertools
import operator

from esi_worker import exceptions
from esi_worker.store import base


@dataclasses.dataclass(slots=True)
class LeaseState:
    """A lease as the server knows it."""

    ttl: int
    expires_at: float
    keys: set[str] = dataclasses.field(default_factory=set)


class KeySpace:
    """All keys at the current revision, and every change since 1."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        self.leases: dict[int, LeaseState] = {}
        self._items: dict[str, base.KeyValue] = {}
        self._index: list[bytes] = []
        self._history: list[base.Event] = []
        #: All keys as they were when the history begins.
        self._oldest: dict[str, base.KeyValue] = {}

    def get(self, key: str) -> base.KeyValue | None:
        return self._items.get(key)

    def range(self, prefix: str) -> tuple[base.KeyValue, ...]:
        wanted = base.to_bytes(prefix)
        first = bisect.bisect_left(self._index, wanted)
        found = itertools.takewhile(
            lambda raw: raw.startswith(wanted),
            itertools.islice(self._index, first, None),
        )
        return tuple(self._items[base.to_text(raw)] for raw in found)

    def range_at(
        self, prefix: str, revision: int
    ) -> tuple[base.KeyValue, ...]:
        """The keys as they were at a revision.

        :raises RevisionCompacted: it is forgotten
        :raises RequestRefused: it is in the future
        """
        if revision < self.compacted:
            raise exceptions.RevisionCompacted(
                f'revision {revision} is compacted'
            )
        if revision > self.revision:
            raise exceptions.RequestRefused(
                f'revision {revision} is in the future'
            )
        items = self._items_at(revision)
        return tuple(
            items[key]
            for key in sorted(items, key=base.to_bytes)
            if key.startswith(prefix)
        )

    def _items_at(self, revision: int) -> dict[str, base.KeyValue]:
        items = dict(self._oldest)
        for event in self._history:
            if event.kv.mod_revision > revision:
                break
            if event.type is base.EventType.PUT:
                items[event.kv.key] = event.kv
            else:
                items.pop(event.kv.key, None)
        return items

    def apply(
        self, operations: Sequence[base.Operation]
    ) -> tuple[list[base.Event], dict[str, base.KeyValue]]:
        """Do the operations in order, in one revision.

        :returns: the events, and the keys that ``Get`` found
        :raises LeaseLost: nothing was done
        """
        self._check_leases(operations)
        events: list[base.Event] = []
        values: dict[str, base.KeyValue] = {}
        for operation in operations:
            if isinstance(operation, base.Put):
                events.append(self._put(operation))
            elif isinstance(operation, base.Delete):
                events.extend(self._delete(operation.key))
            elif (kv := self._items.get(operation.key)) is not None:
                values[operation.key] = kv
        self._record(events)
        return events, values

    def delete(self, keys: Iterable[str]) -> list[base.Event]:
        """Remove keys in one revision."""
        events = [event for key in keys for event in self._delete(key)]
        self._record(events)
        return events

    def since(self, start: int) -> list[base.Event]:
        """The events from a revision on."""
        first = bisect.bisect_left(
            self._history, start, key=operator.attrgetter('kv.mod_revision')
        )
        return self._history[first:]

    def compact(self, revision: int) -> None:
        """Forget what happened before a revision."""
        if revision <= self.compacted:
            raise exceptions.RevisionCompacted(
                f'revision {revision} is compacted already'
            )
        if revision > self.revision:
            raise exceptions.RequestRefused(
                f'revision {revision} is in the future'
            )
        self._oldest = self._items_at(revision)
        self._history = self.since(revision)
        self.compacted = revision

    def end_lease(self, lease_id: int) -> list[base.Event]:
        """Drop a lease; its keys vanish in one revision."""
        lease = self.leases.pop(lease_id, None)
        return [] if lease is None else self.delete(sorted(lease.keys))

    def _check_leases(self, operations: Sequence[base.Operation]) -> None:
        for operation in operations:
            if not isinstance(operation, base.Put) or not operation.lease:
                continue
            if operation.lease not in self.leases:
                raise exceptions.LeaseLost()

    def _put(self, put: base.Put) -> base.Event:
        revision = self.revision + 1
        old = self._items.get(put.key)
        if old is None:
            bisect.insort(self._index, base.to_bytes(put.key))
        else:
            self._detach(old)
        if put.lease:
            self.leases[put.lease].keys.add(put.key)
        kv = base.KeyValue(
            key=put.key,
            value=put.value,
            create_revision=revision if old is None else old.create_revision,
            mod_revision=revision,
            version=1 if old is None else old.version + 1,
            lease=put.lease,
        )
        self._items[put.key] = kv
        return base.Event(base.EventType.PUT, kv)

    def _delete(self, key: str) -> list[base.Event]:
        old = self._items.pop(key, None)
        if old is None:
            return []
        self._detach(old)
        self._index.pop(bisect.bisect_left(self._index, base.to_bytes(key)))
        gone = base.KeyValue(key, '', 0, self.revision + 1, 0)
        return [base.Event(base.EventType.DELETE, gone)]

    def _detach(self, kv: base.KeyValue) -> None:
        if kv.lease in self.leases:
            self.leases[kv.lease].keys.discard(kv.key)

    def _record(self, events: Sequence[base.Event]) -> None:
        if events:
            self.revision += 1
            self._history.extend(events)
