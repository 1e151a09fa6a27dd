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

"""What a resource's desired state asks for, as a pure function.

The rules are section 5.2 of the reference of the job protocol, made
level-triggered: only the latest version counts, what was accepted
already is not done again, and a config that vanishes is a deletion.

A config key and the record of what was accepted are told apart by their
revisions: the record is written in the same transaction that checks the
config's revision, so a config that was *created* after the record is
another incarnation of the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import enum

from esi_worker.model import AcceptedConfig, Action, PublishedState, Resource
from esi_worker.model.codec import Json


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """The record of the version last accepted, and its revision."""

    config: AcceptedConfig
    mod_revision: int


class Verdict(enum.Enum):
    """What is to be done about a resource."""

    #: Everything is as it should be.
    NOTHING = enum.auto()
    #: Its jobs have to finish first.
    WAIT = enum.auto()
    #: Work for this version was done before our records began.
    ADOPT = enum.auto()
    #: A workflow is needed, if its driver has work for it.
    ACT = enum.auto()
    #: Config and stack are gone, our records go too.
    CLEAN_UP = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    action: Action | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Situation:
    """All that counts for a decision.

    ``unfinished`` tells that there are jobs of the resource, ``started``
    that some of them cannot be superseded any more, ``deleting`` that
    the last of them deletes it. ``gone`` tells that no stack is left,
    ``requested`` that an operator wants done again what was done.
    """

    resource: Resource | None
    accepted: Accepted | None
    state: PublishedState | None = None
    unfinished: bool = False
    started: bool = False
    deleting: bool = False
    gone: bool = False
    requested: bool = False


NOTHING = Decision(Verdict.NOTHING)


def is_settled(resource: Resource, accepted: Accepted | None) -> bool:
    """Whether this very version was accepted already."""
    if accepted is None or _is_new(resource, accepted):
        return False
    record = accepted.config
    same_mark = resource.config.marked_for_deletion == record.deleted
    if resource.version <= 0:
        # A type without versions; some servers create it as version 1.
        return same_mark and _set(resource.body) == _set(record.body)
    if resource.version < record.version:
        return True
    return resource.version == record.version and same_mark


def is_rewritten(resource: Resource, accepted: Accepted) -> bool:
    """Whether an accepted version came again with another body."""
    record = accepted.config
    return (
        0 < resource.version <= record.version
        and is_settled(resource, accepted)
        and _set(resource.body) != _set(record.body)
    )


def decide(situation: Situation) -> Decision:
    """Say what is to be done."""
    if situation.resource is None:
        return _decide_vanished(situation)
    return _decide_present(situation, situation.resource)


def _decide_vanished(situation: Situation) -> Decision:
    if situation.accepted is None:
        return NOTHING
    if situation.deleting:
        return Decision(Verdict.WAIT)
    deleted = situation.accepted.config.deleted
    if deleted and situation.gone and not situation.unfinished:
        return Decision(Verdict.CLEAN_UP)
    return Decision(Verdict.ACT, Action.DELETE)


def _decide_present(situation: Situation, resource: Resource) -> Decision:
    accepted, state = situation.accepted, situation.state
    if is_settled(resource, accepted) and not situation.requested:
        return NOTHING
    if resource.config.marked_for_deletion:
        return Decision(Verdict.ACT, Action.LOGICAL_DELETE)
    if _is_done(situation, resource) and not situation.requested:
        return Decision(Verdict.ADOPT)
    if accepted is not None and _is_new(resource, accepted):
        return Decision(Verdict.ACT, Action.CREATE)
    if state is not None or situation.started:
        return Decision(Verdict.ACT, Action.MODIFY)
    if resource.version <= 0 and not situation.gone:
        # Without versions there is no state, but its stack is there.
        return Decision(Verdict.ACT, Action.MODIFY)
    return Decision(Verdict.ACT, Action.CREATE)


def _is_done(situation: Situation, resource: Resource) -> bool:
    """Whether a version without a record was acted on."""
    if situation.accepted is not None or situation.state is None:
        return False
    return situation.state.version >= resource.version > 0


def _set(body: Mapping[str, Json]) -> dict[str, Json]:
    """What a body sets: a creation leaves out what is null later."""
    return {name: body[name] for name in body if body[name] is not None}


def _is_new(resource: Resource, accepted: Accepted) -> bool:
    return resource.create_revision > accepted.mod_revision
