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

"""A monitoring target, and its record in etcd.

The record's members are those of the HTTP API (section 2 of the
reference of monitoring), plus ``affinity``, plus ``deleting`` while a
target is being taken away and ``replaces`` when it came in the place of
a description that published elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json
from typing import Self
import uuid

from esi_worker.model import codec
from esi_worker.model.codec import Json

_NAMESPACE = uuid.UUID('5d2dfd0e-3b0c-5c8e-9d38-5f5d2f2a6c11')


def identity_of(
    resource_type: str, resource_id: str, field_name: str, version: int
) -> str:
    """What makes a target the one for this field and version.

    It is the target's id too, unless a target of that id has come to
    monitor something else. That it can be computed makes registering a
    target idempotent, on any number of collectors.
    """
    identity = json.dumps([resource_type, resource_id, field_name, version])
    return str(uuid.uuid5(_NAMESPACE, identity))


@dataclasses.dataclass(frozen=True, slots=True)
class Replaced:
    """What of a replaced description is needed to clean up after it."""

    resource_type: str
    resource_id: str
    field_name: str
    version: int
    syncer_properties: Mapping[str, Json] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What to poll, and for which version of which resource.

    ``resource_type`` is the plural that stands in etcd's paths.
    ``revision`` is the mod revision of the record, 0 when it is not
    stored; it fences what is published for this state of the target.
    Targets with the same ``affinity`` are polled by one collector.
    """

    id: str
    created_at: str
    type: str
    resource_type: str
    resource_id: str
    field_name: str
    tenant_id: str
    version: int
    # These may hold credentials: they never appear in a repr.
    properties: Mapping[str, Json] = dataclasses.field(repr=False)
    syncer_properties: Mapping[str, Json] = dataclasses.field(repr=False)
    affinity: str = dataclasses.field(default='', compare=False)
    deleting: bool = False
    replaces: Replaced | None = dataclasses.field(default=None, compare=False)
    revision: int = dataclasses.field(default=0, compare=False)

    def __str__(self) -> str:
        return (
            f'{self.id} ({self.type} for {self.resource_type}/'
            f'{self.resource_id} {self.field_name} version {self.version})'
        )

    @property
    def identity(self) -> str:
        return identity_of(
            self.resource_type,
            self.resource_id,
            self.field_name,
            self.version,
        )

    def describes_same_as(self, other: Target) -> bool:
        """Whether both monitor the same in the same way."""
        return self == dataclasses.replace(
            other,
            id=self.id,
            created_at=self.created_at,
            deleting=self.deleting,
        )

    def asks_same_as(self, other: Target) -> bool:
        """Whether values of the one are values of the other."""
        mine = (self.type, self.properties)
        return mine == (other.type, other.properties)

    def before(self) -> Target | None:
        """The description it has replaced, as far as syncers need it."""
        if self.replaces is None:
            return None
        return dataclasses.replace(
            self,
            replaces=None,
            **{
                field.name: getattr(self.replaces, field.name)
                for field in dataclasses.fields(Replaced)
            },
        )

    def in_place_of(self, other: Target) -> Target:
        """This description under the id of another.

        A new version is a new beginning; the same one goes on.
        """
        same_version = self.version == other.version
        return dataclasses.replace(
            self,
            id=other.id,
            created_at=other.created_at if same_version else self.created_at,
            replaces=Replaced(
                other.resource_type,
                other.resource_id,
                other.field_name,
                other.version,
                other.syncer_properties,
            ),
        )

    def to_json(self) -> dict[str, Json]:
        """The members that the HTTP API and the record share."""
        return {
            'id': self.id,
            'created_at': self.created_at,
            'type': self.type,
            'resource_type': self.resource_type,
            'resource_id': self.resource_id,
            'field_name': self.field_name,
            'tenant_id': self.tenant_id,
            'version': self.version,
            'properties': dict(self.properties),
            'syncer_properties': dict(self.syncer_properties),
        }

    def encode(self) -> str:
        record = self.to_json()
        record['affinity'] = self.affinity
        if self.deleting:
            record['deleting'] = True
        if self.replaces is not None:
            record['replaces'] = dataclasses.asdict(self.replaces)
        return codec.dumps(record)

    @classmethod
    def decode(cls, key: str, text: str, revision: int) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)

        def string(name: str) -> str:
            return codec.field(key, record, name, str)

        return cls(
            id=string('id'),
            created_at=string('created_at'),
            type=string('type'),
            resource_type=string('resource_type'),
            resource_id=string('resource_id'),
            field_name=string('field_name'),
            tenant_id=string('tenant_id'),
            version=codec.field(key, record, 'version', int),
            properties=codec.field(key, record, 'properties', dict),
            syncer_properties=codec.field(
                key, record, 'syncer_properties', dict
            ),
            affinity=str(record.get('affinity') or string('id')),
            deleting=record.get('deleting') is True,
            replaces=_replaced(key, record.get('replaces')),
            revision=revision,
        )


def _replaced(key: str, record: Json) -> Replaced | None:
    if not isinstance(record, dict):
        return None
    return Replaced(
        codec.field(key, record, 'resource_type', str),
        codec.field(key, record, 'resource_id', str),
        codec.field(key, record, 'field_name', str),
        codec.field(key, record, 'version', int),
        codec.field(key, record, 'syncer_properties', dict),
    )
