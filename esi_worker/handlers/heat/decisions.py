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

"""What to do about a stack that is there: the table, as data.

Rows are what a look at the stack shows, columns what the job wants. It
follows the decision table at the end of the reference of the Heat
worker, with one addition: a stack that already has this job's template
and parameters is left alone. Only a modification wants it to end as
UPDATE_COMPLETE, so it updates even then a stack that was just created.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum

from esi_worker.handlers.heat import backend


class Seen(enum.StrEnum):
    """What a look at the stack shows."""

    ABSENT = 'absent'
    #: CREATE_COMPLETE with this job's template and parameters.
    CREATED = 'created'
    #: UPDATE_COMPLETE with this job's template and parameters.
    UPDATED = 'updated'
    COMPLETE = 'complete'
    IN_PROGRESS = 'in_progress'
    DELETING = 'deleting'
    CREATE_FAILED = 'create_failed'
    DELETE_FAILED = 'delete_failed'
    #: Any other failure, such as UPDATE_FAILED.
    FAILED = 'failed'


class Step(enum.StrEnum):
    """What to do next."""

    CREATE = 'create'
    UPDATE = 'update'
    #: A creation follows when the job does not want the stack gone.
    DELETE = 'delete'
    AWAIT_END = 'await_end'
    AWAIT_DELETION = 'await_deletion'
    KEEP = 'keep'
    GONE = 'gone'


_CREATE = {
    Seen.ABSENT: Step.CREATE,
    Seen.CREATED: Step.KEEP,
    Seen.UPDATED: Step.KEEP,
    Seen.COMPLETE: Step.UPDATE,
    Seen.IN_PROGRESS: Step.AWAIT_END,
    Seen.DELETING: Step.AWAIT_DELETION,
    Seen.CREATE_FAILED: Step.DELETE,
    Seen.DELETE_FAILED: Step.DELETE,
    Seen.FAILED: Step.UPDATE,
}
_MODIFY = {**_CREATE, Seen.CREATED: Step.UPDATE}
_DELETE = {
    **dict.fromkeys(Seen, Step.DELETE),
    Seen.ABSENT: Step.GONE,
    Seen.DELETING: Step.AWAIT_DELETION,
}

#: The next step by the job's verb and what is seen.
DECISIONS: Mapping[str, Mapping[Seen, Step]] = {
    'CREATE': _CREATE,
    'MODIFY': _MODIFY,
    'DELETE': _DELETE,
}

_SPECIAL = {
    'DELETE_COMPLETE': Seen.ABSENT,
    'DELETE_IN_PROGRESS': Seen.DELETING,
    'CREATE_FAILED': Seen.CREATE_FAILED,
    'DELETE_FAILED': Seen.DELETE_FAILED,
}
_OURS = {
    'CREATE_COMPLETE': Seen.CREATED,
    'UPDATE_COMPLETE': Seen.UPDATED,
}


def see(info: backend.StackInfo | None, digest: str) -> Seen:
    """Name what a look at the stack shows.

    :param digest: the tag of this job's template and parameters, or an
        empty text, which no stack has
    """
    if info is None:
        return Seen.ABSENT
    if info.status in _SPECIAL:
        return _SPECIAL[info.status]
    if info.running:
        return Seen.IN_PROGRESS
    if info.failed:
        return Seen.FAILED
    if digest in info.tags:
        return _OURS.get(info.status, Seen.COMPLETE)
    return Seen.COMPLETE


def decide(verb: str, seen: Seen) -> Step:
    """The next step for a job that wants CREATE, MODIFY or DELETE."""
    return DECISIONS[verb][seen]
