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

"""Resources: their types, their identity, their desired state.

A resource's *type* is the REST server's schema id (``port``), which also
names its jobs and its stack. Its *path* (``v2.0/ports/<id>``) is what
stands behind every prefix in etcd. The desired state is the envelope
that the REST server writes, ``{"body", "version",
"marked_for_deletion"}`` (section 2 of the reference of the job
protocol).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import json
from typing import Self

from esi_worker import exceptions
from esi_worker.model import codec
from esi_worker.model.codec import Json


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class ResourceRef:
    """Which resource: its type and its id."""

    type: str
    id: str

    def __str__(self) -> str:
        return f'{self.type}:{self.id}'

    def to_json(self) -> dict[str, str]:
        return {'resource_type': self.type, 'resource_id': self.id}

    @classmethod
    def from_json(cls, key: str, value: Json) -> Self:
        if not isinstance(value, dict):
            raise exceptions.DecodeError(
                key, 'a reference to a resource is no object'
            )
        return cls(
            codec.field(key, value, 'resource_type', str),
            codec.field(key, value, 'resource_id', str),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class ResourceType:
    """What is known of a type of resource.

    ``prefix`` is the path of the collection with a leading slash
    (``/v2.0/ports``). ``relations`` maps a property to the type it
    refers to; ``nested`` does so for what lies deeper, with ``[]`` after
    a list and a dot before a member: ``port_ids[]``,
    ``networks[].port``, ``uplink.id``. ``fields`` are the properties
    that the schema declares, or None when no schema is known and any
    field may be named.
    """

    name: str
    plural: str
    prefix: str
    relations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fields: frozenset[str] | None = None
    nested: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def path(self, resource_id: str) -> str:
        """The resource's path, without a leading slash."""
        return f'{self.prefix[1:]}/{resource_id}'


class TypeRegistry:
    """All known resource types, by name and by path."""

    def __init__(self, types: Iterable[ResourceType] = ()) -> None:
        self._by_name: dict[str, ResourceType] = {}
        self._by_prefix: dict[str, ResourceType] = {}
        for type_ in types:
            self.add(type_)

    def add(self, type_: ResourceType) -> None:
        """Add a type, or put a type of the same name in its place."""
        old = self._by_name.get(type_.name)
        if old is not None and self._by_prefix.get(old.prefix) is old:
            del self._by_prefix[old.prefix]
        self._by_name[type_.name] = type_
        self._by_prefix[type_.prefix] = type_

    def get(self, name: str) -> ResourceType | None:
        return self._by_name.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def locate(self, path: str) -> tuple[ResourceType, str] | None:
        """Find the type and the id that a resource path stands for.

        The longest known prefix wins; an id may hold slashes.

        :param path: such as ``v2.0/ports/<id>``
        """
        end = len(path)
        while (end := path.rfind('/', 0, end)) > 0:
            type_ = self._by_prefix.get('/' + path[:end])
            if type_ is not None and len(path) > end + 1:
                return type_, path[end + 1 :]
        return None

    def name_of(self, path: str) -> str:
        """``<type>:<id>``, or the path itself when its type is unknown."""
        place = self.locate(path)
        return path if place is None else f'{place[0].name}:{place[1]}'

    def path(self, ref: ResourceRef) -> str | None:
        """The path of a resource, or None when its type is unknown."""
        type_ = self._by_name.get(ref.type)
        return None if type_ is None else type_.path(ref.id)


_ENVELOPE = frozenset(('body', 'version', 'marked_for_deletion'))


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    """A desired state: the decoded envelope of one config key.

    ``body_as_text`` tells whether ``body`` lay there as a JSON string,
    as the REST server writes it, or as an object.
    """

    body: Mapping[str, Json]
    version: int
    marked_for_deletion: bool = False
    body_as_text: bool = True
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """Decode the value of a config key.

        :raises DecodeError: naming the key, the field and the fix
        """
        record = codec.loads_object(key, text)
        raw = record.get('body')
        return cls(
            body=_decode_body(key, raw),
            version=codec.field(key, record, 'version', int),
            marked_for_deletion=_decode_mark(key, record),
            body_as_text=isinstance(raw, str),
            extra=codec.unknown(record, _ENVELOPE),
        )

    def encode(self) -> str:
        body: Json = dict(self.body)
        if self.body_as_text:
            body = json.dumps(body, sort_keys=True)
        return codec.dumps(
            {
                **self.extra,
                'body': body,
                'version': self.version,
                'marked_for_deletion': self.marked_for_deletion,
            }
        )


def _decode_body(key: str, raw: Json) -> dict[str, Json]:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as exc:
            raise exceptions.DecodeError(
                key, f'the field "body" is a string that is no JSON: {exc}'
            ) from exc
    if not isinstance(raw, dict):
        raise exceptions.DecodeError(
            key,
            'the field "body" must be an object, '
            'or a string that holds one as JSON',
        )
    return raw


def _decode_mark(key: str, record: Mapping[str, Json]) -> bool:
    if record.get('marked_for_deletion') is None:
        return False
    return codec.field(key, record, 'marked_for_deletion', bool)


@dataclasses.dataclass(frozen=True, slots=True)
class Resource:
    """A resource with its desired state and the key's revisions."""

    type: ResourceType
    id: str
    config: Config
    create_revision: int = 0
    mod_revision: int = 0

    @property
    def ref(self) -> ResourceRef:
        return ResourceRef(self.type.name, self.id)

    @property
    def path(self) -> str:
        return self.type.path(self.id)

    @property
    def body(self) -> Mapping[str, Json]:
        return self.config.body

    @property
    def version(self) -> int:
        return self.config.version


_ACCEPTED = frozenset(('body', 'version', 'deleted'))


@dataclasses.dataclass(frozen=True, slots=True)
class AcceptedConfig:
    """The copy of a config that the manager keeps of what it acted on.

    Lies under ``/esi-worker/config`` (and ``/previous``) as ``{"body":
    {...}, "deleted": bool, "version": int}``.
    """

    body: Mapping[str, Json]
    version: int
    deleted: bool = False
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Self:
        return cls(config.body, config.version, config.marked_for_deletion)

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)
        return cls(
            body=codec.field(key, record, 'body', dict),
            version=codec.field(key, record, 'version', int),
            deleted=codec.field(key, record, 'deleted', bool),
            extra=codec.unknown(record, _ACCEPTED),
        )

    def encode(self) -> str:
        return codec.dumps(
            {
                **self.extra,
                'body': dict(self.body),
                'version': self.version,
                'deleted': self.deleted,
            }
        )

    def as_config(self) -> Config:
        """The desired state that this is a copy of."""
        return Config(self.body, self.version, self.deleted)
