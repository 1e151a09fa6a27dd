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

"""Targets in etcd, one key each under ``/esi-worker/targets/``.

Every change compares the record's mod revision, so any number of
collectors may share the targets. A second key for each target, under
``/esi-worker/target_names/``, holds its id under what it monitors
(field and version), so that this is monitored by one target at most. A
write whose outcome is unknown is settled by reading again. A target
that is to go is first marked, which fences off everything that is still
to be published for it, and removed when nothing of it is left elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import dataclasses
import uuid

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.collector import errors
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

_ATTEMPTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Saved:
    """A stored target; ``created`` tells whether it is a new one.

    ``previous`` is what it has replaced, or None.
    """

    target: Target
    created: bool
    previous: Target | None = None


class TargetStore:
    """Reads and changes the records of targets."""

    def __init__(self, backend: store.Store, keys: store.KeyLayout) -> None:
        self._store = backend
        self._keys = keys

    def get(self, target_id: str) -> Target | None:
        """Read a target; one that cannot be decoded is None."""
        return self.decoded(self._store.get(self._keys.target(target_id)))

    def list(self) -> list[Target]:
        """Read all targets but those that cannot be decoded."""
        found = self._store.range(self._keys.target(''))
        targets = (self.decoded(kv) for kv in found.items)
        return [target for target in targets if target is not None]

    def save(self, target: Target) -> Saved:
        """Store a target, or find that it is stored already.

        A target of the same identity that is described differently is
        replaced; one that is marked as deleting is returned as it is.

        :raises StillContended: the record could not be changed
        """
        return self._repeat(
            self._keys.target_name(target.identity),
            lambda: self._save(target),
        )

    def replace(self, target_id: str, target: Target) -> Saved:
        """Put a description in the place of that of a stored target.

        :raises TargetNotFound: there is none, or it is being deleted
        :raises TargetConflict: another target monitors this already, or
            the stored one is for a newer version
        :raises StillContended: the record could not be changed
        """
        return self._repeat(
            self._keys.target(target_id),
            lambda: self._replace(target_id, target),
        )

    def mark_deleting(self, target_id: str) -> Target | None:
        """Begin to take a target away.

        :returns: the marked target, or None when there is none
        :raises StillContended: the record could not be changed
        """
        key = self._keys.target(target_id)
        for _ in range(_ATTEMPTS):
            kv = self._store.get(key)
            old = self.decoded(kv)
            if old is None or old.deleting:
                return old
            target = dataclasses.replace(old, deleting=True)
            written = self._write(
                [_unchanged(key, kv)], [store.Put(key, target.encode())]
            )
            if written:
                return dataclasses.replace(target, revision=written)
        raise errors.StillContended(key, _ATTEMPTS)

    def remove(self, target: Target) -> None:
        """Remove a target that is marked, unless it has changed since.

        :raises StillContended: nobody knows whether it is removed
        """
        key = self._keys.target(target.id)
        name = self._keys.target_name(target.identity)
        for _ in range(_ATTEMPTS):
            # A second attempt finds what the first one has done.
            with contextlib.suppress(exceptions.StoreTimeout):
                if self._remove(target, key, name):
                    return
        raise errors.StillContended(key, _ATTEMPTS)

    def _remove(self, target: Target, key: str, name: str) -> bool:
        """:returns: whether it is gone, or has changed"""
        unchanged = store.Compare.modified_at(key, target.revision)
        ours = store.Compare.value_is(name, target.id)
        done = self._store.txn(
            [unchanged, ours],
            [store.Delete(key), store.Delete(name)],
            [store.Get(key), store.Get(name)],
        )
        left = done.values.get(key)
        if left is None or left.mod_revision != target.revision:
            return True
        # The name is not its own: it stays.
        return self._store.txn([unchanged], [store.Delete(key)]).succeeded

    def decoded(self, kv: store.KeyValue | None) -> Target | None:
        """The target in a record, None when it cannot be read."""
        if kv is None:
            return None
        try:
            return Target.decode(kv.key, kv.value, kv.mod_revision)
        except exceptions.DecodeError as error:
            LOG.error('This target is not monitored: %s', error)
            return None

    def _repeat(self, key: str, attempt: Callable[[], Saved | None]) -> Saved:
        for _ in range(_ATTEMPTS):
            saved = attempt()
            if saved is not None:
                return saved
        raise errors.StillContended(key, _ATTEMPTS)

    def _save(self, target: Target) -> Saved | None:
        name_key = self._keys.target_name(target.identity)
        key = self._keys.target(target.id)
        found = self._store.get_many([name_key, key])
        name, kv, wanted_id = found.get(name_key), found.get(key), target.id
        if name is not None and name.value != target.id:
            wanted_id = name.value
            kv = self._store.get(self._keys.target(wanted_id))
        old = self.decoded(kv)
        if old is None:
            # What cannot be read is written over.
            new = dataclasses.replace(target, id=wanted_id)
        elif old.identity != target.identity:
            new, kv = dataclasses.replace(target, id=str(uuid.uuid4())), None
            old = None
        elif old.deleting or old.describes_same_as(target):
            return Saved(old, created=False)
        else:
            new = target.in_place_of(old)
        return self._put(new, old, kv, name)

    def _replace(self, target_id: str, target: Target) -> Saved | None:
        kv = self._store.get(self._keys.target(target_id))
        old = self.decoded(kv)
        if old is None or old.deleting:
            raise errors.TargetNotFound(target_id)
        if target.version < old.version:
            raise errors.TargetConflict(
                f'the target {target_id} is for version {old.version}, '
                f'newer than {target.version}: send that version or a '
                'later one'
            )
        new = target.in_place_of(old)
        if old.describes_same_as(new):
            return Saved(old, created=False)
        name = self._store.get(self._keys.target_name(new.identity))
        if name is not None and name.value != target_id:
            raise errors.TargetConflict(
                f'the target {name.value} monitors the field '
                f'"{new.field_name}" of this resource and version already: '
                'delete it first, or replace that one'
            )
        return self._put(new, old, kv, name)

    def _put(
        self,
        new: Target,
        old: Target | None,
        kv: store.KeyValue | None,
        name: store.KeyValue | None,
    ) -> Saved | None:
        """:returns: None when it did not (surely) happen"""
        key, name_key = self._keys.target(new.id), self._names(new)
        compares = [_unchanged(key, kv), _unchanged(name_key, name)]
        operations: list[store.Operation] = [store.Put(key, new.encode())]
        if name is None or name.value != new.id:
            operations.append(store.Put(name_key, new.id))
        if old is not None and old.identity != new.identity:
            operations.append(store.Delete(self._names(old)))
        revision = self._write(compares, operations)
        if not revision:
            return None
        stored = dataclasses.replace(new, revision=revision)
        return Saved(stored, created=old is None, previous=old)

    def _names(self, target: Target) -> str:
        return self._keys.target_name(target.identity)

    def _write(
        self,
        compares: Sequence[store.Compare],
        operations: Sequence[store.Operation],
    ) -> int:
        """:returns: the revision, 0 when it did not (surely) happen"""
        try:
            result = self._store.txn(compares, operations)
        except exceptions.StoreTimeout:
            return 0
        return result.revision if result.succeeded else 0


def _unchanged(key: str, kv: store.KeyValue | None) -> store.Compare:
    read_at = 0 if kv is None else kv.mod_revision
    return store.Compare.modified_at(key, read_at)
