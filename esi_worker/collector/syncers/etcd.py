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

"""Publishes the status under ``/monitoring`` in etcd.

The value is compact JSON with sorted keys, ``{"<field>":<status>,
"version":<version of the target>}``; all targets of one version of a
resource share a key (section 6.1 of the reference of monitoring). With
the state shape ``string`` the fields are JSON in one string,
``{"monitoring":"{...}","version":...}``.

Promises: the key is written when that changes something, comes back
when it is lost, and is written again after the state of the resource,
for a REST server drops what comes before the state; an older version
never takes the place of a newer one, nor of one that is being published
at the same time; what a target has published goes with it, and nothing
is published after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
import json
from typing import Any, ClassVar

from oslo_config import cfg

from esi_worker import exceptions, plugins, store
from esi_worker.collector import errors
from esi_worker.collector.results import STATUS
from esi_worker.collector.syncers import base
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

OPTIONS = [
    cfg.StrOpt(
        'monitoring_path',
        default='v2.0',
        help='Path between the prefix of the monitoring keys in etcd and '
        "the resource's type: with the default the keys are "
        '/monitoring/v2.0/<resource type>/<resource id>. May be empty.',
    ),
]

_NAME = 'etcd'
_VERSION = 'version'
_MONITORING = 'monitoring'
_ATTEMPTS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class _Published:
    """The decoded value of a monitoring key."""

    version: int
    fields: Mapping[str, Json]

    @classmethod
    def decode(cls, text: str) -> _Published | None:
        """:returns: None when it is none of ours"""
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(record, dict):
            return None
        version = record.pop(_VERSION, None)
        if not isinstance(version, int) or isinstance(version, bool):
            return None
        return cls(version, record)

    def encode(self) -> str:
        return _dumps({**self.fields, _VERSION: self.version})

    def to_string(self) -> _Published:
        """The same with all fields in one string."""
        return _Published(
            self.version, {_MONITORING: _dumps(dict(self.fields))}
        )

    def from_string(self) -> _Published:
        """What ``to_string`` was made from; other text has no fields."""
        try:
            fields = json.loads(str(self.fields.get(_MONITORING)))
        except (ValueError, RecursionError):
            fields = {}
        return _Published(
            self.version, fields if isinstance(fields, dict) else {}
        )


def _dumps(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(',', ':'))


#: Gives what a key shall hold: None stands for no key, before and after.
_Change = Callable[[_Published | None], _Published | None]


class EtcdSyncer(base.Syncer):
    """Keeps one field of a resource's monitoring key."""

    report_keys: ClassVar[frozenset[str]] = frozenset((STATUS,))

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('collector', OPTIONS),)

    def problems(self, settings: Mapping[str, Json]) -> list[str]:
        status = settings.get(STATUS)
        field = status.get('key') if isinstance(status, dict) else None
        if not isinstance(field, str) or not field:
            return [
                'the field "etcd.status.key" is missing or no string: name '
                'the field of the monitoring key that shall hold the status'
            ]
        if field == _VERSION:
            return [
                'the field "etcd.status.key" is "version", which holds the '
                'version: choose another name'
            ]
        return []

    def publish(self, target: Target, name: str, value: Json) -> None:
        field = _field(target, name)
        if field is None:
            return

        def change(now: _Published | None) -> _Published | None:
            if now is None or now.version < target.version:
                return _Published(target.version, {field: value})
            if now.version > target.version:
                return now
            return _Published(now.version, {**now.fields, field: value})

        self._change(target, change)

    def withdraw(self, target: Target) -> None:
        mine = _field(target, STATUS)

        def change(now: _Published | None) -> _Published | None:
            if now is None or now.version != target.version:
                return now
            left = {name: now.fields[name] for name in now.fields}
            left.pop(mine or '', None)
            return _Published(now.version, left) if left else None

        if mine is not None:
            self._change(target, change)

    def _path(self, target: Target) -> str:
        path = f'{target.resource_type}/{target.resource_id}'
        above = str(self.context.conf.collector.monitoring_path).strip('/')
        return f'{above}/{path}' if above else path

    def _change(self, target: Target, change: _Change) -> None:
        """Change the key, unless the target has changed since.

        :raises StillContended: others changed it all the time
        """
        keys, path = self.context.keys, self._path(target)
        key, record = keys.monitoring(path), keys.target(target.id)
        for _ in range(_ATTEMPTS):
            found = self.context.store.get_many(
                [key, record, keys.state(path)]
            )
            owner = found.get(record)
            if owner is None or owner.mod_revision != target.revision:
                return
            now = found.get(key)
            operation = self._operation(
                key, now, found.get(keys.state(path)), change
            )
            if operation is None:
                return
            read_at = 0 if now is None else now.mod_revision
            compares = (
                store.Compare.modified_at(key, read_at),
                store.Compare.modified_at(record, target.revision),
            )
            if self._applied(compares, operation):
                return
        raise errors.StillContended(key, _ATTEMPTS)

    def _operation(
        self,
        key: str,
        kv: store.KeyValue | None,
        state: store.KeyValue | None,
        change: _Change,
    ) -> store.Operation | None:
        """The write that makes a change, or None when there is none."""
        now = self._decode(kv)
        then = change(now)
        if then == now and (then is None or not _is_older(kv, state)):
            return None
        if then is None:
            return store.Delete(key)
        return store.Put(key, self._encode(then))

    def _decode(self, kv: store.KeyValue | None) -> _Published | None:
        found = None if kv is None else _Published.decode(kv.value)
        return found.from_string() if found and self._as_string else found

    def _encode(self, published: _Published) -> str:
        if self._as_string:
            published = published.to_string()
        return published.encode()

    @property
    def _as_string(self) -> bool:
        return self.context.keys.state_shape is store.StateShape.STRING

    def _applied(
        self,
        compares: tuple[store.Compare, ...],
        operation: store.Operation,
    ) -> bool:
        """:returns: False also when the outcome is unknown"""
        try:
            return self.context.store.txn(compares, [operation]).succeeded
        except exceptions.StoreTimeout:
            return False


def _is_older(
    monitoring: store.KeyValue | None, state: store.KeyValue | None
) -> bool:
    if monitoring is None or state is None:
        return False
    return monitoring.mod_revision < state.mod_revision


def _field(target: Target, name: str) -> str | None:
    """The field that holds a result of a target, if it wants one."""
    settings: Any = target.syncer_properties.get(_NAME)
    field = settings.get(name) if isinstance(settings, dict) else None
    return field.get('key') if isinstance(field, dict) else None
