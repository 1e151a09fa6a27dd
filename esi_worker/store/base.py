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

"""What esi-worker needs of a key-value store, as an interface.

The semantics are those of etcd v3: every change has a revision, reads
can be pinned to one, several changes happen in one transaction or not
at all, keys may hang on a lease, and a watch shows the changes of a
prefix in order. ``EtcdStore`` is the real one, ``MemoryStore`` its twin
for tests; one contract test suite runs against both.

Keys and values are text. A value that is no valid UTF-8 passes through
unchanged (surrogate escapes), so that one bad value cannot stop a
reader.

Errors are those of ``esi_worker.exceptions``: ``StoreUnavailable`` when
nothing answers (the call was not applied), ``StoreTimeout`` when a
write may or may not have been applied, ``RequestRefused`` and its
children when the request can never work.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
import dataclasses
import enum
from types import TracebackType
from typing import Self, TypeVar

from esi_worker import exceptions

#: etcd's ``--max-txn-ops`` default, for operations and for compares.
MAX_TXN_OPS = 128
#: etcd's ``--max-request-bytes`` default.
MAX_REQUEST_BYTES = 1536 * 1024

_Comparable = TypeVar('_Comparable', int, bytes)


@dataclasses.dataclass(frozen=True, slots=True)
class KeyValue:
    """One key with its value and the revisions of its life."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


class Target(enum.StrEnum):
    """What a compare looks at; the names are etcd's."""

    CREATE = 'CREATE'
    MOD = 'MOD'
    VALUE = 'VALUE'


class Relation(enum.StrEnum):
    """How a compare compares; the names are etcd's."""

    EQUAL = 'EQUAL'
    NOT_EQUAL = 'NOT_EQUAL'
    GREATER = 'GREATER'
    LESS = 'LESS'


def to_bytes(text: str) -> bytes:
    """A key or value as etcd holds it.

    :raises RequestRefused: the text is not Unicode
    """
    try:
        return text.encode('utf-8', 'surrogateescape')
    except UnicodeEncodeError as error:
        raise exceptions.RequestRefused(
            f'character {error.start} of a key or value is half of a pair'
        ) from None


def to_text(data: bytes) -> str:
    """A key or value as we hold it; any bytes pass through unchanged."""
    return data.decode('utf-8', 'surrogateescape')


def _relate(left: _Comparable, relation: Relation, right: _Comparable) -> bool:
    if relation is Relation.EQUAL:
        return left == right
    if relation is Relation.NOT_EQUAL:
        return left != right
    if relation is Relation.GREATER:
        return left > right
    return left < right


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction.

    A key that does not exist has the create and mod revision 0 and no
    value: comparing its value is always false.
    """

    key: str
    target: Target
    relation: Relation
    operand: int | str

    @classmethod
    def missing(cls, key: str) -> Self:
        return cls(key, Target.CREATE, Relation.EQUAL, 0)

    @classmethod
    def exists(cls, key: str) -> Self:
        return cls(key, Target.CREATE, Relation.GREATER, 0)

    @classmethod
    def created_at(cls, key: str, revision: int) -> Self:
        return cls(key, Target.CREATE, Relation.EQUAL, revision)

    @classmethod
    def created_before(cls, key: str, revision: int) -> Self:
        """True for a missing key too; add ``exists`` where it matters."""
        return cls(key, Target.CREATE, Relation.LESS, revision)

    @classmethod
    def modified_at(cls, key: str, revision: int) -> Self:
        return cls(key, Target.MOD, Relation.EQUAL, revision)

    @classmethod
    def value_is(cls, key: str, value: str) -> Self:
        return cls(key, Target.VALUE, Relation.EQUAL, value)

    def holds(self, kv: KeyValue | None) -> bool:
        """Whether the condition is true for this state of the key."""
        if self.target is Target.VALUE:
            if kv is None:
                return False
            return _relate(
                to_bytes(kv.value), self.relation, to_bytes(str(self.operand))
            )
        revision = 0
        if kv is not None:
            created = self.target is Target.CREATE
            revision = kv.create_revision if created else kv.mod_revision
        return _relate(revision, self.relation, int(self.operand))


@dataclasses.dataclass(frozen=True, slots=True)
class Put:
    """Store a value; ``lease`` 0 means for ever."""

    key: str
    value: str
    lease: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; removing a missing key is no error."""

    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class Get:
    """Read a key inside a transaction."""

    key: str


Operation = Put | Delete | Get


@dataclasses.dataclass(frozen=True, slots=True)
class TxnResult:
    """What a transaction did.

    ``values`` holds the keys that its ``Get`` operations found, at
    ``revision``; a key that is not there is left out.
    """

    succeeded: bool
    revision: int
    values: Mapping[str, KeyValue] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """All keys of a prefix at one revision, in key order."""

    prefix: str
    revision: int
    items: tuple[KeyValue, ...]


class EventType(enum.StrEnum):
    PUT = 'PUT'
    DELETE = 'DELETE'


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One change of one key.

    For a deletion ``kv`` holds the key and the revision of the deletion
    (``mod_revision``), its value is empty.
    """

    type: EventType
    kv: KeyValue


@dataclasses.dataclass(frozen=True, slots=True)
class WatchBatch:
    """Changes of one prefix in order, complete up to ``revision``.

    That is the revision of the last event, not the one in the header of
    etcd's answer: while a watch catches up, etcd sends at most 1,000
    revisions at a time under a header that is already ahead of them.
    """

    prefix: str
    revision: int
    events: tuple[Event, ...]


class Watch(abc.ABC):
    """A running watch of one or more prefixes.

    Within one prefix the batches come in revision order without a gap;
    between prefixes there is no order.
    """

    @abc.abstractmethod
    def next(self, timeout: float) -> WatchBatch | None:
        """Wait up to ``timeout`` seconds for the next batch.

        :returns: the batch, or None when nothing came in time; batches
            that came before an error are handed out before it
        :raises WatchCompacted: a start revision is compacted
        :raises WatchCanceled: the server ended the watch
        :raises WatchDisconnected: the connection broke or was closed
        """

    @abc.abstractmethod
    def close(self) -> None:
        """End the watch; may be called from any thread, and twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


class Lease(abc.ABC):
    """A time limit on keys that this process keeps moving."""

    id: int
    ttl: int

    @abc.abstractmethod
    def renew(self) -> None:
        """Start the time to live anew.

        :raises LeaseLost: the lease is gone; ``lost`` is set for good
        :raises StoreUnavailable: nothing is known
        """

    @abc.abstractmethod
    def revoke(self) -> None:
        """End the lease; its keys vanish. A lost lease is no error."""

    @property
    @abc.abstractmethod
    def lost(self) -> bool:
        """True once the store has said that the lease is gone."""

    @abc.abstractmethod
    def remaining(self) -> float:
        """Seconds the lease lives for certain, 0 when that is unknown.

        Counted from the moment the last successful renewal was *sent*,
        on this process's clock.
        """


class Store(abc.ABC):
    """A store with etcd's semantics."""

    @abc.abstractmethod
    def txn(
        self,
        compares: Sequence[Compare],
        success: Sequence[Operation],
        failure: Sequence[Operation] = (),
    ) -> TxnResult:
        """Do ``success`` when every compare holds, else ``failure``.

        :raises DuplicateKey: one branch changes a key twice
        :raises TooManyOperations: more than 128 compares or operations
        :raises RequestTooLarge: more than 1.5 MiB
        :raises LeaseLost: a ``Put`` names a lease that is gone
        """

    @abc.abstractmethod
    def range(
        self, prefix: str, *, page_size: int = 1000, revision: int = 0
    ) -> Snapshot:
        """Read all keys that start with ``prefix`` at one revision.

        :param revision: which; 0 stands for the latest
        :raises RevisionCompacted: the one asked for is forgotten
        """

    @abc.abstractmethod
    def grant(self, ttl: int) -> Lease:
        """Make a lease of ``ttl`` seconds."""

    @abc.abstractmethod
    def watch(self, starts: Mapping[str, int]) -> Watch:
        """Watch prefixes, each from a revision on (inclusive).

        ``starts`` maps a prefix to the first revision to be seen; 0
        stands for the first one after now.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of connections; watches end."""

    def get(self, key: str) -> KeyValue | None:
        """Read one key."""
        return self.txn((), (Get(key),)).values.get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, KeyValue]:
        """Read any number of keys; missing ones are left out.

        One revision holds for each 128 keys.
        """
        found: dict[str, KeyValue] = {}
        for start in range(0, len(keys), MAX_TXN_OPS):
            wanted = dict.fromkeys(keys[start : start + MAX_TXN_OPS])
            found.update(self.txn((), [Get(key) for key in wanted]).values)
        return found

    def put(self, key: str, value: str, *, lease: int = 0) -> int:
        """Store one value.

        :returns: the revision of the change
        """
        return self.txn((), (Put(key, value, lease),)).revision

    def delete(self, key: str) -> int:
        """Remove one key.

        :returns: the store's revision afterwards
        """
        return self.txn((), (Delete(key),)).revision

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()
