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

"""A store in memory with the semantics of etcd, for tests.

The same contract tests run against this and a real etcd. Leases live on
the clock that is handed in, so a test or the simulator moves them by
hand. Faults are injected in two ways: the ``interceptor`` is called
before and after every call and may raise (before: the call was not
applied; after: it was, but its answer is lost), and the watches can be
broken, cancelled, stalled, or lose and repeat batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import itertools
import threading
from typing import Literal

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base, memory_state, memory_watch

Phase = Literal['before', 'after']
#: Gets the name of a call (``txn``, ``range``, ``grant``, ``renew``,
#: ``revoke`` or ``watch``) and the phase; what it raises, the call
#: raises.
Interceptor = Callable[[str, Phase], None]


class MemoryStore(base.Store):
    """An etcd of one process; threads may share it."""

    def __init__(
        self,
        *,
        clock: clocks.Clock | None = None,
        max_txn_ops: int = base.MAX_TXN_OPS,
        max_request_bytes: int = base.MAX_REQUEST_BYTES,
        interceptor: Interceptor | None = None,
    ) -> None:
        self.clock = clock or clocks.SystemClock()
        self.interceptor = interceptor
        self._max_txn_ops = max_txn_ops
        self._max_request_bytes = max_request_bytes
        self._space = memory_state.KeySpace()
        self._lease_ids = itertools.count(1)
        self._watches: list[memory_watch.MemoryWatch] = []
        self._drops = 0
        self._repeats = 0
        self._lock = threading.RLock()

    def __str__(self) -> str:
        return 'the store in memory'

    @property
    def revision(self) -> int:
        """The revision of the last change."""
        return self._space.revision

    def txn(
        self,
        compares: Sequence[base.Compare],
        success: Sequence[base.Operation],
        failure: Sequence[base.Operation] = (),
    ) -> base.TxnResult:
        with self._call('txn'):
            self._check(compares, success, failure)
            succeeded = all(
                compare.holds(self._space.get(compare.key))
                for compare in compares
            )
            events, values = self._space.apply(
                success if succeeded else failure
            )
            self._publish(events)
            return base.TxnResult(succeeded, self._space.revision, values)

    def range(
        self, prefix: str, *, page_size: int = 1000, revision: int = 0
    ) -> base.Snapshot:
        with self._call('range'):
            if revision:
                items = self._space.range_at(prefix, revision)
                return base.Snapshot(prefix, revision, items)
            items = self._space.range(prefix)
            return base.Snapshot(prefix, self._space.revision, items)

    def grant(self, ttl: int) -> MemoryLease:
        sent_at = self.clock.monotonic()
        with self._call('grant'):
            lease_id = next(self._lease_ids)
            self._space.leases[lease_id] = memory_state.LeaseState(
                ttl, sent_at + ttl
            )
            return MemoryLease(self, lease_id, ttl, sent_at)

    def watch(self, starts: Mapping[str, int]) -> memory_watch.MemoryWatch:
        with self._call('watch'):
            now = self._space.revision + 1
            starts = {key: start or now for key, start in starts.items()}
            watch = memory_watch.MemoryWatch(
                starts, expire=self.expire_leases, on_close=self._forget
            )
            oldest = min(starts.values(), default=now)
            if oldest < self._space.compacted:
                watch.end(exceptions.WatchCompacted(self._space.compacted))
            for batch in watch.batches(self._space.since(oldest)):
                watch.deliver(batch)
            self._watches.append(watch)
            return watch

    def close(self) -> None:
        for watch in list(self._watches):
            watch.close()

    def compact(self, revision: int) -> None:
        """Forget all history before a revision."""
        with self._lock:
            self._space.compact(revision)

    def expire_leases(self) -> None:
        """Let the keys of leases whose time is over vanish."""
        with self._lock:
            now = self.clock.monotonic()
            over = [
                lease_id
                for lease_id, lease in self._space.leases.items()
                if lease.expires_at <= now
            ]
            for lease_id in over:
                self._publish(self._space.end_lease(lease_id))

    def break_watches(self) -> None:
        """Cut the connection of every watch that is open now."""
        self._end_watches(exceptions.WatchDisconnected())

    def cancel_watches(self, reason: str = 'etcdserver: no leader') -> None:
        """Let the server cancel every watch that is open now."""
        self._end_watches(exceptions.WatchCanceled(reason))

    def stall_watches(self) -> None:
        """Let every watch that is open now see nothing any more."""
        with self._lock:
            for watch in self._watches:
                watch.stalled = True

    def drop_batches(self, count: int = 1) -> None:
        """Lose the next batches that a watch should get."""
        self._drops += count

    def repeat_batches(self, count: int = 1) -> None:
        """Deliver each of the next batches twice."""
        self._repeats += count

    def renew_lease(self, lease_id: int) -> None:
        """Used by ``MemoryLease``."""
        with self._call('renew'):
            lease = self._space.leases.get(lease_id)
            if lease is None:
                raise exceptions.LeaseLost()
            lease.expires_at = self.clock.monotonic() + lease.ttl

    def revoke_lease(self, lease_id: int) -> None:
        """Used by ``MemoryLease``, and by tests to take a lease away."""
        with self._call('revoke'):
            self._publish(self._space.end_lease(lease_id))

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[None]:
        # The interceptor runs without the lock, for it may call us.
        if self.interceptor is not None:
            self.interceptor(name, 'before')
        with self._lock:
            self.expire_leases()
            yield
        if self.interceptor is not None:
            self.interceptor(name, 'after')

    def _check(
        self,
        compares: Sequence[base.Compare],
        *branches: Sequence[base.Operation],
    ) -> None:
        if max(map(len, (compares, *branches))) > self._max_txn_ops:
            raise exceptions.TooManyOperations()
        operations = [each for branch in branches for each in branch]
        if not all(each.key for each in (*compares, *operations)):
            raise exceptions.RequestRefused('a key is empty')
        for branch in branches:
            _refuse_duplicates(branch)
        if sum(map(_size, operations)) > self._max_request_bytes:
            raise exceptions.RequestTooLarge()

    def _publish(self, events: Sequence[base.Event]) -> None:
        for watch in self._watches:
            for batch in watch.batches(events):
                if self._drops:
                    self._drops -= 1
                    continue
                watch.deliver(batch)
                if self._repeats:
                    self._repeats -= 1
                    watch.deliver(batch)

    def _end_watches(self, error: exceptions.WatchError) -> None:
        with self._lock:
            for watch in self._watches:
                watch.end(error)
            self._watches.clear()

    def _forget(self, watch: memory_watch.MemoryWatch) -> None:
        with self._lock:
            if watch in self._watches:
                self._watches.remove(watch)


class MemoryLease(base.Lease):
    """A lease on a ``MemoryStore``."""

    def __init__(
        self, store: MemoryStore, lease_id: int, ttl: int, sent_at: float
    ) -> None:
        self.id = lease_id
        self.ttl = ttl
        self._store = store
        self._sent_at = sent_at
        self._lost = False

    def renew(self) -> None:
        sent_at = self._store.clock.monotonic()
        try:
            self._store.renew_lease(self.id)
        except exceptions.LeaseLost:
            self._lost = True
            raise
        self._sent_at = sent_at

    def revoke(self) -> None:
        self._store.revoke_lease(self.id)
        self._lost = True

    @property
    def lost(self) -> bool:
        return self._lost

    def remaining(self) -> float:
        if self._lost:
            return 0.0
        now = self._store.clock.monotonic()
        return max(0.0, self._sent_at + self.ttl - now)


def _refuse_duplicates(branch: Sequence[base.Operation]) -> None:
    puts = [each.key for each in branch if isinstance(each, base.Put)]
    deletes = {each.key for each in branch if isinstance(each, base.Delete)}
    if len(set(puts)) < len(puts) or not deletes.isdisjoint(puts):
        raise exceptions.DuplicateKey()


def _size(operation: base.Operation) -> int:
    size = len(base.to_bytes(operation.key))
    if isinstance(operation, base.Put):
        size += len(base.to_bytes(operation.value))
    return size
