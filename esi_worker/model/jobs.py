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

"""Jobs, their parameters, and the words for what they do.

A job record is ``[handler, {13 fields}, attempt]`` under ``/jobs/all``
(section 3 of the reference of the job protocol). Its id is
``<action>:<handler>:<type>:<id>:<version>:<suffix>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import enum
import random
import string
from typing import Self, TypeVar

from esi_worker import exceptions
from esi_worker.model import codec
from esi_worker.model.codec import Json
from esi_worker.model.resources import ResourceRef


class Action(enum.StrEnum):
    """What a job does to its resource."""

    CREATE = 'create'
    MODIFY = 'modify'
    #: The config is marked for deletion and still there.
    LOGICAL_DELETE = 'logical_delete'
    #: The config is gone, or (monitoring) a part is taken away.
    DELETE = 'delete'

    @property
    def verb(self) -> str:
        """The word in published states: CREATE, MODIFY or DELETE."""
        if self is Action.LOGICAL_DELETE:
            return Action.DELETE.upper()
        return self.upper()

    @property
    def deletes(self) -> bool:
        return self in (Action.LOGICAL_DELETE, Action.DELETE)


class OnFailure(enum.StrEnum):
    """What a failing job does to the jobs that wait for it."""

    FAIL = 'fail'
    IGNORE = 'ignore'


class ParamType(enum.StrEnum):
    """How a parameter's value is to be read."""

    VALUE = 'value'
    #: An output of another resource's stack, read when the job runs.
    OUTPUT_KEY = 'output_key'
    #: A list of parameters.
    LIST = 'list'


@dataclasses.dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a job.

    ``value`` is any JSON value; for ``output_key`` an object
    ``{"output_key", "resource_type", "resource_id"}``; for ``list`` a
    tuple of ``Param``. ``resources`` are the resources that were
    visited to compute it, in order.
    """

    name: str
    type: ParamType
    value: Json
    resources: tuple[ResourceRef, ...] = ()

    def to_json(self) -> dict[str, Json]:
        value = self.value
        if self.type is ParamType.LIST:
            value = [item.to_json() for item in value]
        return {
            'param': self.name,
            'type': self.type.value,
            'value': value,
            'resources': [ref.to_json() for ref in self.resources],
        }

    @classmethod
    def from_json(cls, key: str, record: Json) -> Self:
        """:raises DecodeError: naming the key, the field and the type"""
        if not isinstance(record, dict):
            raise exceptions.DecodeError(key, 'a parameter is no object')
        type_ = _param_type(key, codec.field(key, record, 'type', str))
        value = record.get('value')
        if type_ is ParamType.LIST:
            items = codec.field(key, record, 'value', list)
            value = tuple(cls.from_json(key, item) for item in items)
        refs = codec.field(key, record, 'resources', list)
        return cls(
            name=codec.field(key, record, 'param', str),
            type=type_,
            value=value,
            resources=tuple(ResourceRef.from_json(key, ref) for ref in refs),
        )


def _param_type(key: str, name: str) -> ParamType:
    try:
        return ParamType(name)
    except ValueError:
        raise exceptions.DecodeError(
            key,
            f'"{name}" is no type of a parameter; '
            'value, output_key and list are',
        ) from None


_FIELDS = frozenset(
    (
        'action',
        'dependency',
        'handler',
        'id',
        'is_first',
        'is_last',
        'job_name',
        'on_failure',
        'params',
        'resource_id',
        'resource_input',
        'resource_type',
        'version',
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for one handler on one version of a resource.

    ``attempt`` counts the attempts that took their worker down.
    """

    id: str
    action: Action
    handler: str
    resource: ResourceRef
    version: int
    params: tuple[Param, ...]
    resource_input: Mapping[str, Json]
    dependency: tuple[str, ...] = ()
    is_first: bool = True
    is_last: bool = True
    on_failure: OnFailure = OnFailure.FAIL
    attempt: int = 0
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """``<type>:<id>:<version>``, shared by a workflow's jobs."""
        return f'{self.resource}:{self.version}'

    @property
    def refs(self) -> frozenset[ResourceRef]:
        """Every resource that the job's parameters refer to."""
        return frozenset(refs_of(self.params))

    def encode(self) -> str:
        fields = {
            **self.extra,
            'action': self.action.value,
            'dependency': list(self.dependency),
            'handler': self.handler,
            'id': self.id,
            'is_first': self.is_first,
            'is_last': self.is_last,
            'job_name': self.name,
            'on_failure': self.on_failure.value,
            'params': [param.to_json() for param in self.params],
            'resource_id': self.resource.id,
            'resource_input': dict(self.resource_input),
            'resource_type': self.resource.type,
            'version': self.version,
        }
        return codec.dumps([self.handler, fields, self.attempt])

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """Decode the value of a ``/jobs/all`` key.

        :raises DecodeError: naming the key and the field
        """
        record = codec.loads(key, text)
        if not isinstance(record, list) or len(record) != 3:
            raise exceptions.DecodeError(
                key, 'a job is a list [handler, {fields}, attempt]'
            )
        fields, attempt = record[1], record[2]
        if not isinstance(fields, dict) or not isinstance(attempt, int):
            raise exceptions.DecodeError(
                key, 'a job is a list [handler, {fields}, attempt]'
            )
        return cls._from_fields(key, fields, attempt)

    @classmethod
    def _from_fields(
        cls, key: str, fields: Mapping[str, Json], attempt: int
    ) -> Self:
        params = codec.field(key, fields, 'params', list)
        return cls(
            id=codec.field(key, fields, 'id', str),
            action=_word(key, fields, 'action', Action),
            handler=codec.field(key, fields, 'handler', str),
            resource=ResourceRef(
                codec.field(key, fields, 'resource_type', str),
                codec.field(key, fields, 'resource_id', str),
            ),
            version=codec.field(key, fields, 'version', int),
            params=tuple(Param.from_json(key, param) for param in params),
            resource_input=codec.field(key, fields, 'resource_input', dict),
            dependency=tuple(codec.field(key, fields, 'dependency', list)),
            is_first=codec.field(key, fields, 'is_first', bool),
            is_last=codec.field(key, fields, 'is_last', bool),
            on_failure=_word(key, fields, 'on_failure', OnFailure),
            attempt=attempt,
            extra=codec.unknown(fields, _FIELDS),
        )


E = TypeVar('E', bound=enum.StrEnum)


def _word(key: str, fields: Mapping[str, Json], name: str, kind: type[E]) -> E:
    word = codec.field(key, fields, name, str)
    try:
        return kind(word)
    except ValueError:
        words = ', '.join(kind)
        raise exceptions.DecodeError(
            key, f'the field "{name}" is "{word}"; known are: {words}'
        ) from None


def refs_of(params: Sequence[Param]) -> Iterator[ResourceRef]:
    """Every resource that parameters refer to, in order."""
    for param in params:
        yield from param.resources


_SUFFIX = string.ascii_lowercase + string.digits


def new_job_id(
    action: Action,
    handler: str,
    ref: ResourceRef,
    version: int,
    source: random.Random,
) -> str:
    """Make an id that ends in five random characters.

    :param source: where the characters come from; ids need to differ,
        not to be secret
    """
    suffix = ''.join(source.choices(_SUFFIX, k=5))
    return f'{action.value}:{handler}:{ref}:{version}:{suffix}'
