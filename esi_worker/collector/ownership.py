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

"""Which targets this collector may poll, and the proof of it.

Every target belongs to one of ``PARTITIONS`` parts, by its affinity, so
that targets which share a session stay together. A hash ring over the
live collectors says who shall have a part; a *claim*, a key on the
collector's lease, says who has it. A part changes hands only through its
claim: the old owner removes it when its polls have ended, or it vanishes
with the lease. So nobody polls what another one still polls, and what
is published compares the claim's create revision.

``Ownership`` holds the view of collectors and claims that the watch
gives; ``coordination`` acts on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import dataclasses
import hashlib
import json
import threading
from typing import Final

from tooz import hashring

from esi_worker import store
from esi_worker.collector.targets import Target

#: A contract between all collectors of a site.
PARTITIONS: Final = 256


def partition_of(affinity: str) -> str:
    """The part that everything with this affinity belongs to."""
    digest = hashlib.blake2b(affinity.encode(), digest_size=4).digest()
    return f'{int.from_bytes(digest) % PARTITIONS:03}'


ALL_PARTITIONS: Final = tuple(f'{number:03}' for number in range(PARTITIONS))


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A live collector: where others reach it."""

    id: str
    url: str
    internal_url: str

    def encode(self) -> str:
        return json.dumps(
            {'internal_url': self.internal_url, 'url': self.url},
            sort_keys=True,
        )

    @classmethod
    def decode(cls, member_id: str, text: str) -> Member:
        """What cannot be read is a member that nobody can ask."""
        try:
            record = json.loads(text)
            return cls(member_id, record['url'], record['internal_url'])
        except (ValueError, TypeError, KeyError):
            return cls(member_id, '', '')


class Ownership:
    """Who is there and who has which part; from any thread."""

    def __init__(self, keys: store.KeyLayout) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._claims: dict[str, store.KeyValue] = {}
        self._identity = ''
        self._lease: store.Lease | None = None
        self._ring: hashring.HashRing | None = None
        self._wanted: frozenset[str] | None = None

    @property
    def identity(self) -> str:
        """Who we are."""
        return self._identity

    # --- what the watch shows ---------------------------------------------

    def begin(self, identity: str, lease: store.Lease) -> None:
        """We are this collector now, on this lease."""
        with self._lock:
            self._identity, self._lease = identity, lease

    def end(self) -> None:
        """We have nothing any more."""
        with self._lock:
            self._lease = None

    def take_members(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in which collectors came and went."""
        start = len(item.prefix)
        with self._lock:
            self._ring = self._wanted = None
            if isinstance(item, store.Snapshot):
                self._members = {
                    kv.key[start:]: Member.decode(kv.key[start:], kv.value)
                    for kv in item.items
                }
                return
            for event in item.events:
                member_id = event.kv.key[start:]
                self._members.pop(member_id, None)
                if event.type is store.EventType.PUT:
                    member = Member.decode(member_id, event.kv.value)
                    self._members[member_id] = member

    def take_claims(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in which claims came and went."""
        start = len(item.prefix)
        with self._lock:
            if isinstance(item, store.Snapshot):
                self._claims = {kv.key[start:]: kv for kv in item.items}
                return
            for event in item.events:
                partition = event.kv.key[start:]
                known = self._claims.get(partition)
                if known and known.mod_revision > event.kv.mod_revision:
                    # We have applied a newer write of our own.
                    continue
                self._claims.pop(partition, None)
                if event.type is store.EventType.PUT:
                    self._claims[partition] = event.kv

    def claimed(self, partitions: Iterable[str], revision: int) -> None:
        """We have just written these claims."""
        with self._lock:
            lease = 0 if self._lease is None else self._lease.id
            for partition in partitions:
                self._claims[partition] = store.KeyValue(
                    self._keys.partition(partition),
                    self._identity,
                    revision,
                    revision,
                    1,
                    lease,
                )

    def released(self, partition: str) -> None:
        """We have just removed this claim."""
        with self._lock:
            self._claims.pop(partition, None)

    # --- what follows from it ---------------------------------------------

    def is_member(self) -> bool:
        """Whether the others see us."""
        with self._lock:
            return self._identity in self._members

    def wanted(self) -> frozenset[str]:
        """The parts that the ring gives to us."""
        with self._lock:
            if self._identity not in self._members:
                return frozenset()
            if self._wanted is None:
                self._wanted = frozenset(
                    each
                    for each in ALL_PARTITIONS
                    if self._ring_owner(each) == self._identity
                )
            return self._wanted

    def held(self) -> set[str]:
        """The parts that we have claimed."""
        with self._lock:
            return {each for each in self._claims if self._is_ours(each)}

    def free(self, partitions: Iterable[str]) -> list[str]:
        """Those of the parts that nobody has claimed."""
        with self._lock:
            return sorted(set(partitions) - self._claims.keys())

    def owner(self, target: Target) -> Member | None:
        """Who polls a target, or will; None when there is nobody."""
        partition = partition_of(target.affinity or target.id)
        with self._lock:
            claim = self._claims.get(partition)
            name = None if claim is None else claim.value
            if name not in self._members:
                name = self._ring_owner(partition)
            return self._members.get(name or '')

    def has(self, target: Target) -> bool:
        """Whether the target is ours."""
        with self._lock:
            return self._is_ours(partition_of(target.affinity or target.id))

    def is_certain(self) -> bool:
        """Whether nobody else can have what we hold."""
        lease = self._lease
        return lease is not None and lease.remaining() > 0

    def fence(self, target: Target) -> Sequence[store.Compare] | None:
        """What must hold when we publish; None when it is not ours."""
        partition = partition_of(target.affinity or target.id)
        with self._lock:
            if not self._is_ours(partition):
                return None
            return (self._compare(partition),)

    def claim_fence(self, partition: str) -> store.Compare | None:
        """What holds as long as a claim is ours; None when it is not."""
        with self._lock:
            if not self._is_ours(partition):
                return None
            return self._compare(partition)

    def _compare(self, partition: str) -> store.Compare:
        return store.Compare.created_at(
            self._keys.partition(partition),
            self._claims[partition].create_revision,
        )

    def _is_ours(self, partition: str) -> bool:
        claim = self._claims.get(partition)
        if claim is None or self._lease is None:
            return False
        # The lease tells us from an earlier life.
        return (claim.value, claim.lease) == (self._identity, self._lease.id)

    def _ring_owner(self, partition: str) -> str | None:
        if not self._members:
            return None
        if self._ring is None:
            self._ring = hashring.HashRing(sorted(self._members))
        (owner,) = self._ring.get_nodes(partition.encode())
        return str(owner)
