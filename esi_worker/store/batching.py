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

"""Commits many small transitions in few transactions.

A ``Transition`` is what must happen together or not at all. ``commit``
packs transitions in their order into as few transactions as etcd's
limits allow; the outcome is the same as committing one after the other.
Every transaction carries the fence, so a process that lost its election
or claim changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import dataclasses

from esi_worker import exceptions
from esi_worker.store import base

#: Below etcd's own limits, which also count what surrounds a value.
MAX_BATCH_OPS = 120
MAX_BATCH_BYTES = 1024 * 1024
_OVERHEAD = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Transition:
    """Changes that happen together if every compare holds."""

    compares: tuple[base.Compare, ...]
    operations: tuple[base.Put | base.Delete, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Committed:
    """What became of one transition, for certain.

    ``revision`` is that of its changes, 0 when nothing was changed:
    because a compare did not hold, or because of ``error``, which says
    why the store will never accept it.
    """

    revision: int = 0
    error: exceptions.StoreError | None = None

    @property
    def applied(self) -> bool:
        return self.revision > 0


def commit(
    store: base.Store,
    transitions: Sequence[Transition],
    *,
    fence: Sequence[base.Compare] = (),
) -> list[Committed]:
    """Commit transitions in their order.

    A transition that cannot be applied does not hold back the others,
    except where the fence is lost or the store does not answer.

    :returns: one result for each transition
    :raises FenceLost: the fence does not hold; no later transition was
        applied
    :raises CommitInterrupted: the store did not answer, or takes no
        writes; the exception holds the results that are certain
    """
    results: list[Committed] = []
    for batch in pack(transitions, fence):
        if _commit_batch(store, batch, fence, results):
            continue
        for transition in batch:
            _commit_one(store, transition, fence, results)
    return results


def pack(
    transitions: Sequence[Transition], fence: Sequence[base.Compare] = ()
) -> Iterator[list[Transition]]:
    """Cut transitions into batches of one transaction each.

    A transition that touches or compares a key which an earlier one
    changes starts a new batch: all compares of a transaction look at
    the state before it.
    """
    batch = _Batch(fence)
    for transition in transitions:
        if not batch.takes(transition):
            yield batch.transitions
            batch = _Batch(fence)
        batch.add(transition)
    if batch.transitions:
        yield batch.transitions


class _Batch:
    """Transitions of one transaction, and how much room they take."""

    def __init__(self, fence: Sequence[base.Compare]) -> None:
        self.transitions: list[Transition] = []
        self._changed: set[str] = set()
        self._compares = len(fence)
        self._size = 0

    def takes(self, transition: Transition) -> bool:
        if not self.transitions:
            return True
        operations = len(self._changed) + len(transition.operations)
        compares = self._compares + len(transition.compares)
        return (
            max(operations, compares) <= MAX_BATCH_OPS
            and self._size + _size(transition) <= MAX_BATCH_BYTES
            and self._changed.isdisjoint(_keys(transition))
        )

    def add(self, transition: Transition) -> None:
        self.transitions.append(transition)
        self._changed.update(each.key for each in transition.operations)
        self._compares += len(transition.compares)
        self._size += _size(transition)


def _keys(transition: Transition) -> set[str]:
    return {
        each.key for each in (*transition.compares, *transition.operations)
    }


def _size(transition: Transition) -> int:
    parts = [*transition.compares, *transition.operations]
    return sum(_part_size(part) for part in parts)


def _part_size(part: base.Compare | base.Put | base.Delete) -> int:
    size = _OVERHEAD + _length(part.key)
    if isinstance(part, base.Put):
        size += _length(part.value)
    elif isinstance(part, base.Compare):
        size += _length(str(part.operand))
    return size


def _length(text: str) -> int:
    # Whether the text can be stored at all is for the store to say.
    return len(text.encode('utf-8', 'surrogatepass'))


def _commit_batch(
    store: base.Store,
    batch: Sequence[Transition],
    fence: Sequence[base.Compare],
    results: list[Committed],
) -> bool:
    """Try all at once.

    :returns: False when they have to be tried one by one
    """
    if len(batch) == 1:
        return False
    try:
        result = _transact(store, batch, fence, results)
    except (exceptions.RequestRefused, exceptions.LeaseLost):
        return False
    if result.succeeded:
        results.extend(Committed(result.revision) for _ in batch)
    return result.succeeded


def _commit_one(
    store: base.Store,
    transition: Transition,
    fence: Sequence[base.Compare],
    results: list[Committed],
) -> None:
    try:
        result = _transact(store, [transition], fence, results)
    except (exceptions.RequestRefused, exceptions.LeaseLost) as error:
        results.append(Committed(error=error))
        return
    applied = result.revision if result.succeeded else 0
    results.append(Committed(applied))


def _transact(
    store: base.Store,
    batch: Sequence[Transition],
    fence: Sequence[base.Compare],
    results: Sequence[Committed],
) -> base.TxnResult:
    try:
        result = store.txn(
            [*fence, *(each for item in batch for each in item.compares)],
            [each for item in batch for each in item.operations],
            [base.Get(key) for key in _fence_keys(fence)],
        )
    except exceptions.StoreTimeout as error:
        raise exceptions.CommitInterrupted(
            str(error), results, len(batch)
        ) from error
    except exceptions.TransientError as error:
        raise exceptions.CommitInterrupted(str(error), results, 0) from error
    if not result.succeeded:
        _check_fence(fence, result)
    return result


def _fence_keys(fence: Sequence[base.Compare]) -> list[str]:
    return list(dict.fromkeys(compare.key for compare in fence))


def _check_fence(
    fence: Sequence[base.Compare], result: base.TxnResult
) -> None:
    for compare in fence:
        if not compare.holds(result.values.get(compare.key)):
            raise exceptions.FenceLost(f'{compare.key} is not ours any more')
