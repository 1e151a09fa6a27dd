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

"""What operators ask the manager to do, and what it has answered.

A request lies under ``/esi-worker/requests/<id>`` on a lease, so that
neither one that nobody took nor its answer stays for ever. The manager
puts the answer into the same record, in the transaction that does what
was asked for::

    {"action": "reapply", "resource_type": "port", "resource_id": "p",
     "version": 3, "paced": true, "options": {},
     "requested_at": "2026-01-31T12:00:00Z", "requested_by": "me@host",
     "answer": {"outcome": "accepted", "reason": "", "jobs": ["..."],
                "answered_at": "2026-01-31T12:00:01Z"}}
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import enum
from typing import Self

from esi_worker import exceptions
from esi_worker.model import codec
from esi_worker.model.codec import Json
from esi_worker.model.resources import ResourceRef

#: Do what the latest version of a resource asks for once more.
REAPPLY = 'reapply'

_LONGEST_ID = 255

_FIELDS = frozenset(
    (
        'action',
        'answer',
        'options',
        'paced',
        'requested_at',
        'requested_by',
        'resource_id',
        'resource_type',
        'version',
    )
)


class RequestOutcome(enum.StrEnum):
    """What became of a request."""

    #: It is done, or jobs do it.
    ACCEPTED = 'accepted'
    #: A newer version of the resource was there already.
    OBSOLETE = 'obsolete'
    #: It cannot be done; the reason says why.
    REFUSED = 'refused'


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The manager's answer to a request; ``jobs`` are those made."""

    outcome: RequestOutcome
    reason: str = ''
    jobs: tuple[str, ...] = ()
    answered_at: str = ''

    def to_json(self) -> dict[str, Json]:
        return {
            'outcome': self.outcome.value,
            'reason': self.reason,
            'jobs': list(self.jobs),
            'answered_at': self.answered_at,
        }

    @classmethod
    def from_json(cls, key: str, value: Json) -> Self:
        """:raises DecodeError: naming the key and the field"""
        if not isinstance(value, dict):
            raise exceptions.DecodeError(key, 'the answer is no object')
        name = codec.field(key, value, 'outcome', str)
        try:
            outcome = RequestOutcome(name)
        except ValueError:
            raise exceptions.DecodeError(
                key, f'"{name}" is no outcome of a request'
            ) from None
        return cls(
            outcome,
            codec.field(key, value, 'reason', str),
            tuple(str(job) for job in codec.field(key, value, 'jobs', list)),
            codec.field(key, value, 'answered_at', str),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What an operator asks for, about one resource.

    ``version`` is the config version that it is about: a newer one makes
    the request obsolete. None means whichever is the latest. A ``paced``
    request waits its turn behind other paced ones. ``options`` belong to
    the action.
    """

    action: str
    resource: ResourceRef
    version: int | None = None
    paced: bool = False
    options: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    requested_at: str = ''
    requested_by: str = ''
    answer: Answer | None = None
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key, the field and the fix"""
        record = codec.loads_object(key, text)
        answer = record.get('answer')
        version = record.get('version')
        resource = ResourceRef.from_json(key, record)
        if answer is None:
            # The answer to what could not be read names no resource.
            _check_id(key, resource.id)
        return cls(
            action=codec.field(key, record, 'action', str),
            resource=resource,
            version=version
            if version is None
            else codec.field(key, record, 'version', int),
            paced=_optional(key, record, 'paced', False),
            options=_optional(key, record, 'options', {}),
            requested_at=_optional(key, record, 'requested_at', ''),
            requested_by=_optional(key, record, 'requested_by', ''),
            answer=None if answer is None else Answer.from_json(key, answer),
            extra=codec.unknown(record, _FIELDS),
        )

    def encode(self) -> str:
        record: dict[str, Json] = {
            **self.extra,
            'action': self.action,
            **self.resource.to_json(),
            'version': self.version,
            'paced': self.paced,
            'options': dict(self.options),
            'requested_at': self.requested_at,
            'requested_by': self.requested_by,
        }
        if self.answer is not None:
            record['answer'] = self.answer.to_json()
        return codec.dumps(record)


def _check_id(key: str, id_: str) -> None:
    """Make sure that an id can be part of a key in the store."""
    if not 0 < len(id_) <= _LONGEST_ID:
        raise exceptions.DecodeError(
            key,
            f'the field "resource_id" has {len(id_)} characters, '
            f'1 to {_LONGEST_ID} are expected',
        )
    try:
        id_.encode()
    except UnicodeEncodeError:
        raise exceptions.DecodeError(
            key, 'the field "resource_id" is no Unicode text'
        ) from None


def _optional(
    key: str, record: Mapping[str, Json], name: str, default: Json
) -> Json:
    """A field that others may leave out, of its default's type."""
    if record.get(name) is None:
        return default
    return codec.field(key, record, name, type(default))
