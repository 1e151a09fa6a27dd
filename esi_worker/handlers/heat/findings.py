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

"""What the search for drift has found, and how it tells.

Nothing here reads or writes: a stack as our record has it is compared
with the stack as Heat has it.
"""

from __future__ import annotations

import dataclasses
import enum

from esi_worker import exceptions, store
from esi_worker.handlers.heat import backend
from esi_worker.model import (
    Config,
    Request,
    ResourceRef,
    StackMark,
    StackRecord,
    codec,
)
from esi_worker.model.requests import REAPPLY

#: In whose name requests are made.
WHO = 'the search for drift'


class Kind(enum.StrEnum):
    """How a stack has drifted."""

    DELETED = 'deleted'
    #: There is another one of its name.
    REPLACED = 'replaced'
    CHANGED = 'changed'
    FAILED = 'failed'


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A stack as our record has it."""

    path: str
    ref: ResourceRef
    record: StackRecord
    revision: int


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A stack that has drifted."""

    known: Known
    kind: Kind
    reason: str
    version: int = 0

    def encode(self, since: str) -> str:
        """The record for operators."""
        return codec.dumps(
            {
                'kind': self.kind.value,
                'reason': self.reason,
                'since': since,
                'version': self.version,
            }
        )


def compare(known: Known, info: backend.StackInfo | None) -> Finding | None:
    """Whether a stack that nobody works on is as we left it."""
    mark = known.record.mark or StackMark('')
    if info is None:
        return Finding(known, Kind.DELETED, 'it is not in Heat any more')
    if mark.uuid not in ('', info.id):
        reason = f'it was {mark.uuid} and is {info.id} now'
        return Finding(known, Kind.REPLACED, reason)
    if info.failed:
        return Finding(known, Kind.FAILED, f'it is {info.status}')
    if mark.changed_at not in ('', info.changed_at):
        reason = f'it was changed at {info.changed_at} and is {info.status}'
        return Finding(known, Kind.CHANGED, reason)
    return None


def is_ours(record: StackRecord) -> bool:
    """Whether we left a stack, and left it complete."""
    status = record.stack_status
    return status.endswith('_COMPLETE') and status != 'DELETE_COMPLETE'


def settled_version(
    config: store.KeyValue | None, accepted: store.KeyValue | None
) -> int | None:
    """The version of a resource that is to be what it is, or None."""
    if config is None or accepted is None:
        return None
    try:
        wanted = Config.decode(config.key, config.value)
        done = codec.loads_object(accepted.key, accepted.value).get('version')
    except exceptions.DecodeError:
        return None
    if wanted.marked_for_deletion or wanted.version != done:
        return None
    return wanted.version


def request(finding: Finding, now: str) -> Request:
    """Ask the manager to apply the resource again."""
    forced = finding.kind is not Kind.DELETED
    return Request(
        REAPPLY,
        finding.known.ref,
        finding.version,
        paced=True,
        options={'force': True} if forced else {},
        requested_at=now,
        requested_by=WHO,
    )
