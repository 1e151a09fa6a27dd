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
resource share a key (section 6.1 of the reference of monitoring).

Promises: the key is written when that changes something, and comes back
when it is lost; an older version never takes the place of a newer one,
nor of one that is being published at the same time; what a target has
published goes with it, and nothing is published after that.
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
        record = {**self.fields, _VERSION: self.version}
        return json.dumps(record, sort_keys=True, separators=(',', ':'))


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

    def _key(self, target: Target) -> str:
        path = f'{target.resource_type}/{target.resource_id}'
        above = str(self.context.conf.collector.monitoring_path).strip('/')
        keys = self.context.keys
        return keys.monitoring(f'{above}/{path}' if above else path)

    def _change(self, target: Target, change: _Change) -> None:
        """Change the key, unless the target has changed since.

        :raises StillContended: others changed it all the time
        """
        key = self._key(target)
        record = self.context.keys.target(target.id)
        for _ in range(_ATTEMPTS):
            found = self.context.store.get_many([key, record])
            owner = found.get(record)
            if owner is None or owner.mod_revision != target.revision:
                return
            now = found.get(key)
            operation = _operation(key, now, change)
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


def _operation(
    key: str, kv: store.KeyValue | None, change: _Change
) -> store.Operation | None:
    now = None if kv is None else _Published.decode(kv.value)
    then = change(now)
    if then == now:
        return None
    return store.Delete(key) if then is None else store.Put(key, then.encode())


def _field(target: Target, name: str) -> str | None:
    """The field that holds a result of a target, if it wants one."""
    settings: Any = target.syncer_properties.get(_NAME)
    field = settings.get(name) if isinstance(settings, dict) else None
    return field.get('key') if isinstance(field, dict) else None
