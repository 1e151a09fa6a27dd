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

"""Writes and removes the claims of this collector.

A claim that somebody else has written first is not made, and one that is
not ours any more is not removed: each is one fenced transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

from esi_worker import store
from esi_worker.collector.ownership import Ownership


class Claims:
    """The claims under ``/esi-worker/partitions/``."""

    def __init__(
        self,
        backend: store.Store,
        keys: store.KeyLayout,
        ownership: Ownership,
    ) -> None:
        """:param ownership: is told what was made and removed"""
        self._store = backend
        self._keys = keys
        self._ownership = ownership

    def make(self, partitions: Iterable[str], lease: store.Lease) -> None:
        """Claim those of the parts that nobody has.

        :raises StoreError: what was claimed is shown by the watch
        """
        free = self._ownership.free(partitions)
        if not free:
            return
        done = store.commit(
            self._store, [self._claim(each, lease) for each in free]
        )
        for partition, result in zip(free, done, strict=True):
            if result.applied:
                self._ownership.claimed([partition], result.revision)

    def remove(self, partitions: Iterable[str]) -> None:
        """Give back those of the parts that are ours.

        :raises StoreError: what was given back is shown by the watch
        """
        fences = {
            partition: fence
            for partition in partitions
            if (fence := self._ownership.claim_fence(partition)) is not None
        }
        if not fences:
            return
        done = store.commit(
            self._store,
            [
                store.Transition((fence,), (store.Delete(fence.key),))
                for fence in fences.values()
            ],
        )
        for partition, result in zip(fences, done, strict=True):
            if result.applied:
                self._ownership.released(partition)

    def _claim(self, partition: str, lease: store.Lease) -> store.Transition:
        key = self._keys.partition(partition)
        return store.Transition(
            (store.Compare.missing(key),),
            (store.Put(key, self._ownership.identity, lease.id),),
        )
