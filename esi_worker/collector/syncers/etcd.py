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

All targets of one version of a resource share a key (section 6.1 of the
reference of monitoring); ``published`` describes its value.

Promises: the key is written when that changes something, comes back
when it is lost, and is written again after the state of the resource,
for a REST server drops what comes before the state; with the state
shape ``string`` it is written only once the state is for the target's
version. An older version never takes the place of a newer one, nor of
one that is being published at the same time; what a target has
published goes with it, and nothing is published after that, or by a
collector that does not poll the target any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from oslo_config import cfg

from esi_worker import exceptions, plugins, store
from esi_worker.collector import errors
from esi_worker.collector.results import STATUS
from esi_worker.collector.syncers import base, holding
from esi_worker.collector.syncers.monitoring_view import (
    MonitoringView,
    StateSeen,
)
from esi_worker.collector.syncers.places import Places
from esi_worker.collector.syncers.published import VERSION, Published
from esi_worker.collector.target_types import TEXT, Schema, members
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
    cfg.FloatOpt(
        'monitoring_refresh',
        min=0.0,
        help='Seconds after which an unchanged value is written to etcd '
        'again, 0 for never. Some REST servers drop a value when they are '
        'busy and never look again; so the default is 600 when state_shape '
        'in [keys] is "string", else 0.',
    ),
]

_NAME = 'etcd'
_ATTEMPTS = 10
_STRING_REFRESH = 600.0

_FIELD = {
    **TEXT,
    # That member holds the version.
    'not': {'const': VERSION},
    'description': 'name the field of the monitoring key that shall hold '
    'the status, not "version"',
}

#: Gives what a key shall hold: None stands for no key, before and after.
_Change = Callable[[Published | None], Published | None]


class EtcdSyncer(base.Syncer):
    """Keeps one field of a resource's monitoring key."""

    report_keys: ClassVar[frozenset[str] | None] = frozenset((STATUS,))
    settings: ClassVar[Schema] = {
        'type': 'object',
        'required': [STATUS],
        'properties': {
            STATUS: members({'key': _FIELD}),
            holding.OPTIONS: holding.SCHEMA,
        },
    }

    def __init__(self, context: base.SyncerContext) -> None:
        super().__init__(context)
        self._shape = context.keys.state_shape
        self._view: MonitoringView | None = None
        self._places = Places()

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('collector', OPTIONS),)

    def start(self, republish: Callable[[str], None]) -> None:
        view = MonitoringView(
            self.context.store,
            self.context.keys,
            self.context.clock,
            self.context.conf.etcd.silence_deadline,
        )
        self.use(view)
        view.start(lambda path: self.changed(path, republish))

    def use(self, view: MonitoringView) -> None:
        """Look into this view before asking etcd."""
        self._view = view

    def close(self) -> None:
        if self._view is not None:
            self._view.close()

    def needs(self, target: Target, name: str, value: Json) -> bool:
        field = _field(target, name)
        if field is None:
            return False
        path = self._path(target)
        self._places.remember(target.id, path)
        view = self._view
        if view is None or not view.current:
            return True
        change = self._publication(target, field, value)
        kv, state = view.monitoring(path), view.state(path)
        operation = self._operation('', target, kv, state, change)
        return operation is not None

    def held_for(self, target: Target, name: str, value: Json) -> float:
        if _field(target, name) is None:
            return 0.0
        return self._held_for(target, value)

    def publish(self, target: Target, name: str, value: Json) -> None:
        field = _field(target, name)
        fence = self.context.fence(target)
        if field is None or fence is None:
            return
        change = self._publication(target, field, value)
        self._change(target, fence, change)

    def withdraw(self, target: Target) -> None:
        mine = _field(target, STATUS)
        if mine is not None:
            self._withdraw(target, mine)
        self.forget(target.id)

    def replace(self, before: Target, after: Target) -> None:
        mine = _field(before, STATUS)
        same_key = self._path(before) == self._path(after)
        # The first value of a new version takes the place of all.
        covered = mine == _field(after, STATUS) or (
            before.version < after.version and _field(after, STATUS)
        )
        if mine is not None and not (same_key and covered):
            self._withdraw(before, mine)

    def forget(self, target_id: str) -> None:
        self._places.forget(target_id)

    def _withdraw(self, target: Target, field: str) -> None:
        def change(now: Published | None) -> Published | None:
            return None if now is None else now.without(target.version, field)

        self._change(target, (), change)

    def _publication(self, target: Target, field: str, value: Json) -> _Change:
        version = target.version
        held = self._held_for(target, value) > 0

        def change(now: Published | None) -> Published | None:
            before = now or Published(version, {})
            # What this version has published has ended its hold.
            if held and (before.version != version or field not in before):
                return now
            return before.merged(version, field, value)

        return change

    def _held_for(self, target: Target, value: Json) -> float:
        hold = holding.hold_of(target, target.syncer_properties[_NAME])
        if hold is None:
            return 0.0
        now = self.context.clock.time()
        if not hold.holds(value, now):
            self._places.release(target.id, target.version)
        if self._places.is_released(target.id, target.version):
            return 0.0
        return hold.until - now

    def changed(self, path: str, republish: Callable[[str], None]) -> None:
        """Something has happened to the keys of a resource."""
        for target_id in self._places.at(path):
            republish(target_id)

    def _path(self, target: Target) -> str:
        path = f'{target.resource_type}/{target.resource_id}'
        above = str(self.context.conf.collector.monitoring_path).strip('/')
        return f'{above}/{path}' if above else path

    def _change(
        self,
        target: Target,
        fence: Sequence[store.Compare],
        change: _Change,
    ) -> None:
        """Change the key, unless the target has changed since.

        :raises StillContended: others changed it all the time
        """
        keys, path = self.context.keys, self._path(target)
        key, state_key = keys.monitoring(path), keys.state(path)
        record = keys.target(target.id)
        guards = (store.Compare.modified_at(record, target.revision), *fence)
        reads = [key, state_key, *(guard.key for guard in guards)]
        for _ in range(_ATTEMPTS):
            found = self.context.store.get_many(reads)
            if not all(guard.holds(found.get(guard.key)) for guard in guards):
                return
            now, state = found.get(key), found.get(state_key)
            seen = None if state is None else StateSeen.of(state)
            operation = self._operation(key, target, now, seen, change)
            if operation is None:
                return
            read_at = 0 if now is None else now.mod_revision
            unchanged = store.Compare.modified_at(key, read_at)
            if self._applied((unchanged, *guards), operation):
                self._places.written(target.id, self.context.clock.monotonic())
                return
        raise errors.StillContended(key, _ATTEMPTS)

    def _operation(
        self,
        key: str,
        target: Target,
        kv: store.KeyValue | None,
        state: StateSeen | None,
        change: _Change,
    ) -> store.Operation | None:
        """The write that makes a change, or None when there is none."""
        now = None if kv is None else Published.decode(kv.value, self._shape)
        then = change(now)
        if then is now:
            return None
        if then is None:
            return store.Delete(key)
        if then == now and not self._is_due(target, kv, state):
            return None
        raised = now is None or now.version < then.version
        if raised and self._is_early(target, state):
            return None
        return store.Put(key, then.encode(self._shape))

    def _is_early(self, target: Target, state: StateSeen | None) -> bool:
        """Whether the REST server would drop what is written now."""
        if self._shape is not store.StateShape.STRING:
            return False
        reached = None if state is None else state.version
        return reached is None or reached < target.version

    def _is_due(
        self,
        target: Target,
        kv: store.KeyValue | None,
        state: StateSeen | None,
    ) -> bool:
        """Whether the same value is to be written again."""
        if kv and state and kv.mod_revision < state.revision:
            return True
        refresh = self.refresh_seconds()
        now = self.context.clock.monotonic()
        age = now - self._places.last_written(target.id, now)
        return 0 < refresh <= age

    def refresh_seconds(self) -> float:
        refresh = self.context.conf.collector.monitoring_refresh
        if refresh is not None:
            return float(refresh)
        as_string = self._shape is store.StateShape.STRING
        return _STRING_REFRESH if as_string else 0.0

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


def _field(target: Target, name: str) -> str | None:
    """The field that holds a result of a target, if it wants one."""
    settings: Any = target.syncer_properties.get(_NAME)
    field = settings.get(name) if isinstance(settings, dict) else None
    return field.get('key') if isinstance(field, dict) else None
