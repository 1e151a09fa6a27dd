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

"""Resources and jobs as operators look at them.

A row holds what is worth showing of the keys of one resource or of one
job: versions, states, reasons. Bodies, parameters and outputs are never
taken in, for they may hold secrets. What cannot be decoded shows as
such and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import enum

from esi_worker import exceptions, store
from esi_worker.model import Retrying, WorkerRecord, codec
from esi_worker.model.codec import Json

#: What ends the value of ``worker_state`` of a failure.
_FAILED = '_FAILED'


#: The desired version of a config that cannot be read.
UNREADABLE = -1


class Condition(enum.StrEnum):
    """Where a resource stands."""

    #: No job can be made for its latest version; the reason is shown.
    BLOCKED = 'blocked'
    #: It has unfinished jobs.
    WORKING = 'working'
    #: Its latest version was not acted on yet.
    PENDING = 'pending'
    #: The last workflow has failed.
    FAILED = 'failed'
    #: Its latest version is done.
    DONE = 'done'


class JobState(enum.StrEnum):
    """The places of the queue, as states of a job."""

    WAITING = 'waiting'
    READY = 'ready'
    WORKING = 'working'
    FINISHED = 'finished'
    UNKNOWN = 'unknown'


@dataclasses.dataclass(slots=True)
class ResourceRow:
    """What is known of one resource; an empty field means nothing is.

    ``desired``, ``accepted`` and ``published`` are versions, ``jobs``
    counts the unfinished ones.
    """

    path: str
    desired: int | None = None
    marked: bool = False
    accepted: int | None = None
    published: int | None = None
    worker_state: str = ''
    error: str = ''
    stack: str = ''
    stack_status: str = ''
    stack_reason: str = ''
    blocked: str = ''
    blocked_since: str = ''
    blocked_version: int = 0
    waits_for: tuple[str, ...] = ()
    jobs: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is left of it."""
        return self == ResourceRow(self.path)

    @property
    def condition(self) -> Condition:
        if self.jobs:
            return Condition.WORKING
        if self.blocked:
            return Condition.BLOCKED
        if self.error or self.worker_state.endswith(_FAILED):
            return Condition.FAILED
        if self.desired is not None and (
            self.accepted is None or self.desired > self.accepted
        ):
            return Condition.PENDING
        if self.stack_status.endswith(_FAILED):
            return Condition.FAILED
        return Condition.DONE


@dataclasses.dataclass(slots=True)
class JobRow:
    """One unfinished job."""

    id: str
    handler: str = ''
    action: str = ''
    resource: str = ''
    version: int = 0
    attempt: int = 0
    is_first: bool = True
    is_last: bool = True
    on_failure: str = ''
    dependency: tuple[str, ...] = ()
    refs: frozenset[str] = frozenset()
    problem: str = ''
    places: frozenset[str] = frozenset()
    error: str = ''

    @property
    def state(self) -> JobState:
        if 'working' in self.places:
            return JobState.WORKING
        for place in (JobState.FINISHED, JobState.READY, JobState.WAITING):
            if place.value in self.places:
                return place
        return JobState.UNKNOWN

    @property
    def type(self) -> str:
        """The type of its resource."""
        return self.resource.partition(':')[0]


def decoded(kv: store.KeyValue) -> Json:
    """The JSON value in a key, or None."""
    try:
        return codec.loads(kv.key, kv.value)
    except exceptions.DecodeError:
        return None


def fields(kv: store.KeyValue | None) -> Mapping[str, Json]:
    """The members of the object in a key; anything else gives none."""
    value = None if kv is None else decoded(kv)
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ''


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def take_desired(row: ResourceRow, kv: store.KeyValue | None) -> None:
    record = fields(kv)
    row.desired = _number(record.get('version'))
    if kv is not None and row.desired is None:
        row.desired = UNREADABLE
    row.marked = record.get('marked_for_deletion') is True


def take_accepted(row: ResourceRow, kv: store.KeyValue | None) -> None:
    row.accepted = _number(fields(kv).get('version'))


def take_published(row: ResourceRow, kv: store.KeyValue | None) -> None:
    record = fields(kv)
    row.published = _number(record.get('version'))
    row.error = _text(record.get('error'))
    state = record.get('state')
    if isinstance(state, str) and kv is not None:
        row.worker_state = _inner_state(kv.key, state)
    else:
        value = state.get('worker_state') if isinstance(state, dict) else ''
        row.worker_state = _text(value)


def _inner_state(key: str, text: str) -> str:
    """The state in the shape of a string, which others may fill."""
    try:
        return _text(codec.loads_object(key, text).get('worker_state'))
    except exceptions.DecodeError:
        return text


def take_stack(row: ResourceRow, kv: store.KeyValue | None) -> None:
    record = fields(kv)
    row.stack = _text(record.get('stack_id'))
    row.stack_status = _text(record.get('stack_status'))
    row.stack_reason = _text(record.get('status_reason'))


def take_blocked(row: ResourceRow, kv: store.KeyValue | None) -> None:
    record = fields(kv)
    row.blocked = _text(record.get('reason'))
    row.blocked_since = _text(record.get('since'))
    row.blocked_version = _number(record.get('version')) or 0
    waits_for = record.get('waits_for')
    listed = waits_for if isinstance(waits_for, list) else ()
    row.waits_for = tuple(str(ref) for ref in listed)


def retrying(kv: store.KeyValue) -> Sequence[Retrying]:
    """What the record of a worker tells of jobs that are tried again."""
    try:
        return WorkerRecord.decode(kv.key, kv.value).retrying
    except exceptions.DecodeError:
        return ()


def take_job(row: JobRow, kv: store.KeyValue) -> None:
    """Take in a job record, all but its parameters."""
    value = decoded(kv)
    if not isinstance(value, list) or len(value) != 3:
        row.problem = 'cannot be read'
        return
    record = value[1] if isinstance(value[1], dict) else {}
    row.handler = _text(record.get('handler'))
    row.action = _text(record.get('action'))
    row.resource = (
        f'{record.get("resource_type", "")}:{record.get("resource_id", "")}'
    )
    row.version = _number(record.get('version')) or 0
    row.attempt = _number(value[2]) or 0
    row.is_first = record.get('is_first') is not False
    row.is_last = record.get('is_last') is not False
    row.on_failure = _text(record.get('on_failure'))
    listed = record.get('dependency')
    row.dependency = tuple(str(name) for name in listed or ())
    row.refs = frozenset(_refs(record.get('params')))
    row.problem = '' if row.handler else 'cannot be read'


def _refs(params: Json) -> Iterator[str]:
    """The resources that parameters refer to, but no value of any."""
    for param in params if isinstance(params, list) else ():
        listed = param.get('resources') if isinstance(param, dict) else ()
        for ref in listed if isinstance(listed, list) else ():
            if isinstance(ref, dict):
                yield f'{ref.get("resource_type")}:{ref.get("resource_id")}'
