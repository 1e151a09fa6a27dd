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

"""What workers publish: stack records, results, states.

The shapes and words are section 2 of the reference of the Heat worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Self

from esi_worker import exceptions
from esi_worker.model import codec
from esi_worker.model.codec import Json
from esi_worker.model.jobs import Action
from esi_worker.model.resources import ResourceRef
from esi_worker.store.keys import StateShape

#: The longest error text that is published, in characters.
MAX_ERROR = 1024

_STACK_FIELDS = frozenset(
    (
        'id',
        'output',
        'stack_id',
        'stack_status',
        'status_reason',
        'tenant_id',
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class StackMark:
    """Which stack a job has left in Heat, and when.

    ``changed_at`` is when Heat took our last change, in Heat's words.
    """

    uuid: str
    changed_at: str = ''

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        mark = codec.loads_object(key, text)
        return cls(
            uuid=codec.field(key, mark, 'uuid', str),
            changed_at=codec.field(key, mark, 'changed_at', str),
        )

    def encode(self) -> str:
        return codec.dumps({'uuid': self.uuid, 'changed_at': self.changed_at})


@dataclasses.dataclass(frozen=True, slots=True)
class StackRecord:
    """A stack as ``/esi-worker/heat_stacks`` shows it.

    ``stack_id`` holds the stack's *name*, for compatibility, and is
    empty once the stack is deleted. ``output`` is a list of
    ``{"output_key", "output_value", "description"}``. ``mark`` is what
    the record has no member for; it is stored beside it.
    """

    id: str
    tenant_id: str
    stack_id: str
    stack_status: str
    status_reason: str
    output: Sequence[Mapping[str, Json]] = ()
    mark: StackMark | None = None
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def deleted(cls, ref: ResourceRef, tenant_id: str) -> Self:
        """The record of a stack that is gone."""
        return cls(str(ref), tenant_id, '', 'DELETE_COMPLETE', '')

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)
        return cls(
            id=codec.field(key, record, 'id', str),
            tenant_id=codec.field(key, record, 'tenant_id', str),
            stack_id=codec.field(key, record, 'stack_id', str),
            stack_status=codec.field(key, record, 'stack_status', str),
            status_reason=codec.field(key, record, 'status_reason', str),
            output=codec.field(key, record, 'output', list),
            extra=codec.unknown(record, _STACK_FIELDS),
        )

    def encode(self) -> str:
        return codec.dumps(
            {
                **self.extra,
                'id': self.id,
                'tenant_id': self.tenant_id,
                'stack_id': self.stack_id,
                'stack_status': self.stack_status,
                'status_reason': self.status_reason,
                'output': list(self.output),
            }
        )

    def outputs(self) -> dict[str, Json]:
        """The output values by their keys."""
        return {
            item['output_key']: item.get('output_value')
            for item in self.output
            if 'output_key' in item
        }


@dataclasses.dataclass(frozen=True, slots=True)
class JobState:
    """What the jobs of a running workflow have brought so far.

    Usually ``heat_outputs``, ``orchestration_state`` and
    ``state_monitoring``; each job's results are merged in.
    """

    values: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: it is no JSON object"""
        return cls(codec.loads_object(key, text))

    def encode(self) -> str:
        return codec.dumps(dict(self.values))

    def merged(self, results: Mapping[str, Json]) -> JobState:
        return JobState({**self.values, **results})


_STATE_FIELDS = frozenset(('version', 'error', 'state'))


@dataclasses.dataclass(frozen=True, slots=True)
class PublishedState:
    """The value of a ``/state`` key; the REST server reads it.

    All values of ``state`` are strings. In etcd it is an object, or one
    string that holds this object as JSON.
    """

    version: int
    state: Mapping[str, Json]
    error: str = ''
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def read_complete(cls, version: int) -> Self:
        """The state of a resource that needs no work."""
        return cls(version, {'worker_state': 'READ_COMPLETE'})

    @classmethod
    def completed(
        cls, action: Action, version: int, results: JobState
    ) -> Self:
        """The state after a workflow; ``action`` is its last job's."""
        return cls(version, _state(results, f'{action.verb}_COMPLETED'))

    @classmethod
    def failed(
        cls, action: Action, version: int, results: JobState, error: str
    ) -> Self:
        """The state after a failure.

        ``orchestration_state`` is ``<ACTION>_ERROR`` unless the results
        hold one.
        """
        values = JobState(
            {
                'heat_outputs': [],
                'orchestration_state': f'{action.verb}_ERROR',
                **results.values,
            }
        )
        return cls(
            version, _state(values, f'{action.verb}_FAILED'), shorten(error)
        )

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)
        return cls(
            version=codec.field(key, record, 'version', int),
            state=_decode_state(key, record),
            error=codec.field(key, record, 'error', str),
            extra=codec.unknown(record, _STATE_FIELDS),
        )

    def encode(self, shape: StateShape = StateShape.NESTED) -> str:
        state: Json = dict(self.state)
        if shape is StateShape.STRING:
            state = codec.dumps(state)
        return codec.dumps(
            {
                **self.extra,
                'version': self.version,
                'state': state,
                'error': self.error,
            }
        )


def _decode_state(key: str, record: Mapping[str, Json]) -> Mapping[str, Json]:
    """The state in either shape; others may write any text."""
    if not isinstance(record.get('state'), str):
        return codec.field(key, record, 'state', dict)
    text = record['state']
    try:
        return codec.loads_object(key, text)
    except exceptions.DecodeError:
        return {'worker_state': text}


def _state(results: JobState, worker_state: str) -> dict[str, str]:
    values = {
        name: value if isinstance(value, str) else codec.dumps_inner(value)
        for name, value in results.values.items()
    }
    return {**values, 'worker_state': worker_state}


def shorten(text: str) -> str:
    """Cut an error text to what is published."""
    if len(text) <= MAX_ERROR:
        return text
    return text[: MAX_ERROR - 3] + '...'


def encode_finished(error: str | None) -> str:
    """The value of a ``/jobs/finished`` key: empty, or one error."""
    return '' if error is None else codec.dumps([shorten(error)])


def decode_finished(key: str, text: str) -> str | None:
    """The error of a finished job, or None after a success.

    Anything that is not empty counts as a failure, for the key may be
    written by others.
    """
    if not text:
        return None
    try:
        value = codec.loads(key, text)
    except exceptions.DecodeError:
        return shorten(text)
    if isinstance(value, list):
        return shorten('; '.join(str(item) for item in value)) or None
    return shorten(str(value))
