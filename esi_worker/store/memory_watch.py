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

"""Watches of ``MemoryStore``, and the ways in which a test breaks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import itertools
import operator
import time

from esi_worker import exceptions
from esi_worker.store import base, mailbox

#: How often a waiting watch looks whether a lease has expired: nobody
#: else does while all threads wait.
_EXPIRY_INTERVAL = 0.05


class MemoryWatch(base.Watch):
    """A watch that is fed by its store."""

    def __init__(
        self,
        starts: Mapping[str, int],
        *,
        expire: Callable[[], None],
        on_close: Callable[[MemoryWatch], None],
    ) -> None:
        self._starts = dict(starts)
        self._expire = expire
        self._on_close = on_close
        self._mailbox = mailbox.Mailbox()
        self.stalled = False

    def next(self, timeout: float) -> base.WatchBatch | None:
        deadline = time.monotonic() + timeout
        while True:
            self._expire()
            left = max(0.0, deadline - time.monotonic())
            batch = self._mailbox.get(min(left, _EXPIRY_INTERVAL))
            if batch is not None or left <= 0:
                return batch

    def close(self) -> None:
        self._mailbox.close()
        self._on_close(self)

    def end(self, error: exceptions.WatchError) -> None:
        """Let ``next`` raise this once it has handed out the rest."""
        self._mailbox.end(error)

    def batches(self, events: Sequence[base.Event]) -> list[base.WatchBatch]:
        """What of these events this watch is to see, by revision."""
        if self.stalled:
            return []
        return [
            batch
            for prefix, start in self._starts.items()
            for batch in _by_revision(prefix, start, events)
        ]

    def deliver(self, batch: base.WatchBatch) -> None:
        self._mailbox.put(batch)


def _by_revision(
    prefix: str, start: int, events: Sequence[base.Event]
) -> list[base.WatchBatch]:
    seen = [
        event
        for event in events
        if event.kv.mod_revision >= start and event.kv.key.startswith(prefix)
    ]
    if not seen:
        return []
    groups = itertools.groupby(
        seen, key=operator.attrgetter('kv.mod_revision')
    )
    return [
        base.WatchBatch(prefix, revision, tuple(group))
        for revision, group in groups
    ]
