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

"""What a live worker process shows of itself to the others."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import Self

from esi_worker.model import codec
from esi_worker.model.codec import Json

_FIELDS = frozenset(('handlers', 'slots', 'free', 'starting', 'retrying'))


@dataclasses.dataclass(frozen=True, slots=True)
class Retrying:
    """A job that is tried again and again, since when and why.

    ``since`` is a timestamp, ``reason`` the latest one.
    """

    job: str
    since: str
    reason: str

    def __str__(self) -> str:
        return f'tried again since {self.since}: {self.reason}'


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A live worker process, as it shows itself to the others.

    ``starting`` names the jobs that are inside a handler's ``start``;
    when the worker dies they, and only they, have cost an attempt.
    ``retrying`` are the oldest of those that are tried again; a worker of
    another make need not tell them.
    """

    handlers: tuple[str, ...]
    slots: int
    free: int
    starting: tuple[str, ...] = ()
    extra: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    retrying: tuple[Retrying, ...] = ()

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)
        return cls(
            handlers=tuple(codec.field(key, record, 'handlers', list)),
            slots=codec.field(key, record, 'slots', int),
            free=codec.field(key, record, 'free', int),
            starting=tuple(codec.field(key, record, 'starting', list)),
            retrying=_retrying(record.get('retrying')),
            extra=codec.unknown(record, _FIELDS),
        )

    def encode(self) -> str:
        record: dict[str, Json] = {
            **self.extra,
            'handlers': list(self.handlers),
            'slots': self.slots,
            'free': self.free,
            'starting': list(self.starting),
        }
        if self.retrying:
            record['retrying'] = [
                {'job': each.job, 'since': each.since, 'reason': each.reason}
                for each in self.retrying
            ]
        return codec.dumps(record)


def _retrying(listed: Json) -> tuple[Retrying, ...]:
    """What can be read of the list; it is for people alone."""
    return tuple(
        Retrying(*(str(item.get(name, '')) for name in Retrying.__slots__))
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict)
    )
