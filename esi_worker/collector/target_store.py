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
collectors may share the targets. A write whose outcome is unknown is
settled by reading again. A target that is to go is first marked, which
fences off everything that is still to be published for it, and removed
when nothing of it is left elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses

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
        return self._decoded(self._store.get(self._keys.target(target_id)))

    def list(self) -> list[Target]:
        """Read all targets but those that cannot be decoded."""
        found = self._store.range(self._keys.target(''))
        targets = (self._decoded(kv) for kv in found.items)
        return [target for target in targets if target is not None]

    def save(self, target: Target) -> Saved:
        """Store a target, or find that it is stored already.

        A target of the same identity that is described differently is
        replaced; one that is marked as deleting is returned as it is.

        :raises StillContended: the record could not be changed
        """
        key = self._keys.target(target.id)
        for _ in range(_ATTEMPTS):
            kv = self._store.get(key)
            old = self._decoded(kv)
            if old is not None:
                if old.deleting or old.describes_same_as(target):
                    return Saved(old, created=False)
                target = dataclasses.replace(target, created_at=old.created_at)
            revision = self._replace(kv, key, target)
            if revision:
                stored = dataclasses.replace(target, revision=revision)
                return Saved(stored, created=old is None, previous=old)
        raise errors.StillContended(key, _ATTEMPTS)

    def mark_deleting(self, target_id: str) -> Target | None:
        """Begin to take a target away.

        :returns: the marked target, or None when there is none
        :raises StillContended: the record could not be changed
        """
        key = self._keys.target(target_id)
        for _ in range(_ATTEMPTS):
            kv = self._store.get(key)
            old = self._decoded(kv)
            if old is None or old.deleting:
                return old
            target = dataclasses.replace(old, deleting=True)
            revision = self._replace(kv, key, target)
            if revision:
                return dataclasses.replace(target, revision=revision)
        raise errors.StillContended(key, _ATTEMPTS)

    def remove(self, target: Target) -> None:
        """Remove a target that is marked, unless it has changed since.

        :raises StillContended: nobody knows whether it is removed
        """
        key = self._keys.target(target.id)
        unchanged = store.Compare.modified_at(key, target.revision)
        for _ in range(_ATTEMPTS):
            # A second attempt finds what the first one has done.
            with contextlib.suppress(exceptions.StoreTimeout):
                self._store.txn([unchanged], [store.Delete(key)])
                return
        raise errors.StillContended(key, _ATTEMPTS)

    def _replace(
        self, kv: store.KeyValue | None, key: str, target: Target
    ) -> int:
        """:returns: the revision, 0 when it did not (surely) happen"""
        read_at = 0 if kv is None else kv.mod_revision
        try:
            result = self._store.txn(
                [store.Compare.modified_at(key, read_at)],
                [store.Put(key, target.encode())],
            )
        except exceptions.StoreTimeout:
            return 0
        return result.revision if result.succeeded else 0

    def _decoded(self, kv: store.KeyValue | None) -> Target | None:
        if kv is None:
            return None
        try:
            return Target.decode(kv.key, kv.value, kv.mod_revision)
        except exceptions.DecodeError as error:
            LOG.error('This target is not monitored: %s', error)
            return None
