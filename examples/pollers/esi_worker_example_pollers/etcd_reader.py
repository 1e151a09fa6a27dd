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


"""Whether everything that another resource monitors is up.

The type ``etcd_reader`` (section 9.4 of the reference of monitoring): UP
when all fields under ``/monitoring`` of the other resource are, DOWN when
one is not, FAIL while it has none. ``properties.etcd_path`` is the
resource's path, such as ``v2.0/ha_interfaces/<id>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any, ClassVar

from esi_worker import exceptions, store
from esi_worker.collector.pollers import base
from esi_worker.collector.results import (
    DOWN,
    STATUS,
    UP,
    Failure,
    Result,
    Sample,
)
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target


class EtcdReaderPoller(base.Poller):
    """The poller ``etcd_reader``."""

    reporter: ClassVar[str] = 'EtcdReader'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'etcd_reader',
            results=(STATUS,),
            properties=members({'etcd_path': TEXT}),
        ),
    )

    def __init__(
        self,
        context: base.PollerContext,
        source: store.Store | None = None,
    ) -> None:
        """:param source: where to read; by default the collector's etcd"""
        super().__init__(context)
        self._source = source or store.open_store(context.conf, context.clock)
        self._keys = store.key_layout(context.conf)

    def pool_key(self, target: Target) -> str:
        return 'etcd'

    def affinity(self, target: Target) -> str:
        return 'etcd_reader'

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        keys = {
            target.id: self._keys.monitoring(
                str(target.properties['etcd_path'])
            )
            for target in targets
        }
        try:
            found = self._source.get_many(sorted(set(keys.values())))
        except exceptions.StoreError as error:
            failure = Failure(STATUS, str(error))
            return {target.id: (failure,) for target in targets}
        return {id_: (_status(found.get(key)),) for id_, key in keys.items()}

    def close(self) -> None:
        self._source.close()


def _status(kv: store.KeyValue | None) -> Result:
    fields = None if kv is None else _fields(kv.value)
    if not fields:
        return Failure(STATUS, 'the resource has no monitoring')
    good = all(value == UP for value in fields.values())
    return Sample(STATUS, UP if good else DOWN)


def _fields(text: str) -> dict[str, Any]:
    """The fields of a monitoring key in either shape."""
    try:
        record = json.loads(text)
        if isinstance(record.get('monitoring'), str):
            record = json.loads(record['monitoring'])
        return {
            name: value for name, value in record.items() if name != 'version'
        }
    except (ValueError, AttributeError, RecursionError):
        return {}
