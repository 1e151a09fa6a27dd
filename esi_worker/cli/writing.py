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

"""Writing desired states, as a REST server would.

A version is one above everything that is known of the resource, so that
it is never taken for work that was done before. Each write compares what
was read, so nobody's change is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import dataclasses
import enum

from esi_worker import exceptions, store
from esi_worker.admin import rows
from esi_worker.cli.documents import Document
from esi_worker.model import Config
from esi_worker.model.codec import Json


class Kind(enum.StrEnum):
    """What a write does to a resource."""

    CREATE = 'create'
    UPDATE = 'update'
    UNCHANGED = 'unchanged'
    DELETE = 'delete'


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One write, not made yet; ``fields`` are the members that differ."""

    kind: Kind
    path: str
    version: int
    revision: int
    body: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f'{self.kind.value} {self.path} (version {self.version})'
        return f'{text}: {", ".join(self.fields)}' if self.fields else text


def plan(
    reader: store.Store, keys: store.KeyLayout, documents: Iterable[Document]
) -> list[Change]:
    """Compare desired states with what is there.

    :raises TerminalError: one cannot be written; names it and the reason
    """
    documents = list(documents)
    wanted = [
        place(document.path)
        for document in documents
        for place in (keys.config, keys.state, keys.accepted)
    ]
    found = reader.get_many(wanted)
    return [_plan(keys, document, found) for document in documents]


def _plan(
    keys: store.KeyLayout,
    document: Document,
    found: Mapping[str, store.KeyValue],
) -> Change:
    path = document.path
    kv = found.get(keys.config(path))
    known = [
        rows.fields(found.get(place(path))).get('version')
        for place in (keys.config, keys.state, keys.accepted)
    ]
    version = max((v for v in known if isinstance(v, int)), default=0)
    if kv is None:
        return Change(Kind.CREATE, path, version + 1, 0, document.body)
    config = Config.decode(kv.key, kv.value)
    if config.marked_for_deletion:
        raise exceptions.TerminalError(
            f'{document.source}: {path} is being deleted; apply it again '
            'when it is gone'
        )
    fields = _differing(config.body, document.body)
    if not fields:
        return Change(
            Kind.UNCHANGED, path, config.version, kv.mod_revision, config.body
        )
    return Change(
        Kind.UPDATE,
        path,
        max(version, 0) + 1,
        kv.mod_revision,
        document.body,
        fields,
    )


def _differing(
    old: Mapping[str, Json], new: Mapping[str, Json]
) -> tuple[str, ...]:
    """The members that differ; null and absent are the same."""
    names = sorted({*old, *new})
    return tuple(name for name in names if old.get(name) != new.get(name))


def plan_deletion(
    reader: store.Store, keys: store.KeyLayout, paths: Iterable[str]
) -> list[Change]:
    """Look what there is to delete.

    :raises TerminalError: a resource has no desired state
    """
    paths = list(dict.fromkeys(paths))
    found = reader.get_many([keys.config(path) for path in paths])
    changes = []
    for path in paths:
        kv = found.get(keys.config(path))
        if kv is None:
            raise exceptions.TerminalError(
                f'{path} has no desired state, so there is nothing to delete'
            )
        version = rows.fields(kv).get('version')
        number = version if isinstance(version, int) else 0
        changes.append(Change(Kind.DELETE, path, number, kv.mod_revision))
    return changes


def write(target: store.Store, keys: store.KeyLayout, change: Change) -> None:
    """Make a change.

    :raises TerminalError: somebody else has changed the resource since
    :raises StoreError: nobody knows whether it was made
    """
    key = keys.config(change.path)
    compare = store.Compare.modified_at(key, change.revision)
    operations: list[store.Operation] = []
    if change.kind is Kind.DELETE:
        # As a REST server ends a deletion; the manager does the rest.
        operations.append(store.Delete(key))
        operations.append(store.Delete(keys.state(change.path)))
    else:
        config = Config(change.body, change.version)
        operations.append(store.Put(key, config.encode()))
    if not target.txn([compare], operations).succeeded:
        raise exceptions.TerminalError(
            f'{change.path} was changed by somebody else at this moment; '
            'look at it and try again'
        )
