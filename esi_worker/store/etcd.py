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

"""The store in etcd v3, through its HTTP gateway.

etcd 3.4 or newer is needed. Requests go through etcd3gw; the watch is
our own, because etcd3gw's takes no notice of a compaction, of a
cancellation or of a server that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import contextlib
import json
import weakref

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import (
    base,
    etcd_client,
    etcd_codec,
    etcd_errors,
    etcd_watch,
)

#: How often a prefix is read anew because its revision was compacted
#: while it was being read.
_RANGE_ATTEMPTS = 5


class EtcdStore(base.Store):
    """A cluster of etcd; threads may share it, processes may not."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        timeout: float = 5.0,
        tls: etcd_client.Tls | None = None,
        username: str | None = None,
        password: str | None = None,
        pool_size: int = 32,
        clock: clocks.Clock | None = None,
        source: str = '',
    ) -> None:
        """Prepare; nothing is sent before the first call.

        :param endpoints: URLs like ``http://host:2379``
        :param timeout: seconds to wait for a connection, and again for
            each answer, of each endpoint
        :param pool_size: connections to one endpoint that are kept
        :param source: the option to look at when no endpoint answers
        :raises ConfigurationError: an endpoint cannot be used
        """
        self.clock = clock or clocks.SystemClock()
        self._watches: weakref.WeakSet[base.Watch] = weakref.WeakSet()
        self._authenticates = bool(username)
        self._client = etcd_client.EtcdClient(
            endpoints,
            timeout=timeout,
            tls=tls,
            username=username,
            password=password,
            pool_size=pool_size,
            source=source,
        )

    def __str__(self) -> str:
        return f'etcd at {", ".join(self._client.endpoints)}'

    def txn(
        self,
        compares: Sequence[base.Compare],
        success: Sequence[base.Operation],
        failure: Sequence[base.Operation] = (),
    ) -> base.TxnResult:
        writes = etcd_codec.changes([*success, *failure])
        answer = self._client.call(
            '/kv/txn',
            etcd_codec.txn_request(compares, success, failure),
            repeatable=not writes,
        )
        return etcd_codec.txn_result(answer)

    def range(
        self, prefix: str, *, page_size: int = 1000, revision: int = 0
    ) -> base.Snapshot:
        if revision:
            return self._pages(prefix, page_size, revision)
        for _ in range(_RANGE_ATTEMPTS - 1):
            with contextlib.suppress(exceptions.RevisionCompacted):
                return self._pages(prefix, page_size)
        return self._pages(prefix, page_size)

    def grant(self, ttl: int) -> EtcdLease:
        sent_at = self.clock.monotonic()
        # A lease that is granted twice costs nothing and runs out.
        answer = self._client.call(
            '/lease/grant', {'TTL': ttl, 'ID': 0}, repeatable=True
        )
        return EtcdLease(self, int(answer['ID']), int(answer['TTL']), sent_at)

    def watch(self, starts: Mapping[str, int]) -> etcd_watch.EtcdWatch:
        if self._authenticates:
            # A watch does not tell an old token from a missing right,
            # so a read that does makes sure of the token first.
            self.get(next(iter(starts)))
        response = self._client.stream(
            '/watch', etcd_watch.request_body(starts)
        )
        watch = etcd_watch.EtcdWatch(response, starts)
        self._watches.add(watch)
        return watch

    def close(self) -> None:
        for watch in list(self._watches):
            watch.close()
        self._client.close()

    def compact(self, revision: int) -> None:
        """Forget all history before a revision.

        :raises RevisionCompacted: that was done already
        """
        self._client.call(
            '/kv/compaction', {'revision': revision}, repeatable=False
        )

    def keep_alive(self, lease_id: int) -> int:
        """Used by ``EtcdLease``.

        :returns: the seconds that the lease has from now on
        :raises LeaseLost: the lease is gone
        """
        answer = self._client.call(
            '/lease/keepalive', {'ID': lease_id}, repeatable=True
        )
        if 'error' in answer:
            text = json.dumps(answer)
            raise etcd_errors.answered(text, str(self)).error
        ttl = int(answer.get('result', {}).get('TTL', 0))
        if ttl <= 0:
            raise exceptions.LeaseLost()
        return ttl

    def revoke(self, lease_id: int) -> None:
        """Used by ``EtcdLease``."""
        with contextlib.suppress(exceptions.LeaseLost):
            self._client.call(
                '/lease/revoke', {'ID': lease_id}, repeatable=True
            )

    def _pages(
        self, prefix: str, page_size: int, revision: int = 0
    ) -> base.Snapshot:
        request = etcd_codec.prefix_range(prefix) | {'limit': page_size}
        if revision:
            request['revision'] = revision
        items: list[base.KeyValue] = []
        while True:
            answer = self._client.call('/kv/range', request, repeatable=True)
            request.setdefault('revision', etcd_codec.revision(answer))
            items += map(etcd_codec.key_value, answer.get('kvs', ()))
            if not answer.get('more'):
                break
            request['key'] = etcd_codec.next_key(items[-1].key)
        return base.Snapshot(prefix, request['revision'], tuple(items))


class EtcdLease(base.Lease):
    """A lease in etcd; ``ttl`` is what etcd granted."""

    def __init__(
        self, store: EtcdStore, lease_id: int, ttl: int, sent_at: float
    ) -> None:
        self.id = lease_id
        self.ttl = ttl
        self._store = store
        self._ends_at = sent_at + ttl
        self._lost = False

    def renew(self) -> None:
        sent_at = self._store.clock.monotonic()
        try:
            ttl = self._store.keep_alive(self.id)
        except exceptions.LeaseLost:
            self._lost = True
            raise
        self._ends_at = sent_at + ttl

    def revoke(self) -> None:
        self._store.revoke(self.id)
        self._lost = True

    @property
    def lost(self) -> bool:
        return self._lost

    def remaining(self) -> float:
        if self._lost:
            return 0.0
        return max(0.0, self._ends_at - self._store.clock.monotonic())
