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

"""Looks at the stacks of jobs and sees what became of them.

A status counts as the answer to our own call only when it names the same
action and the stack carries the tag of this job's template and
parameters; anything else means to look again and to act anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oslo_log import log

from esi_worker import masking
from esi_worker.handlers.heat import (
    acting,
    backend,
    errors,
    explaining,
    journeys,
)
from esi_worker.handlers.heat.journeys import Stage
from esi_worker.model import InProgress, Outcome

LOG = log.getLogger(__name__)

#: So many times a stack that Heat fails to delete is deleted.
MAX_DELETES = 3
#: So many times a stack is asked for again that failed by Heat itself.
MAX_MENDED = 2

Info = backend.StackInfo | None


class Watcher:
    """Decides about a job by the latest look at its stack."""

    def __init__(
        self, actor: acting.Actor, stacks: backend.StackBackend
    ) -> None:
        self._actor = actor
        self._stacks = stacks
        self._ended: Mapping[
            Stage, Callable[[journeys.Journey, Info], Outcome]
        ] = {
            Stage.NEW: actor.act,
            Stage.WAITING: self._waited,
            Stage.APPLYING: self._applied,
            Stage.DELETING: self._deleted,
        }

    def look(self, journey: journeys.Journey, info: Info) -> Outcome:
        """What to say about a job whose stack looks like this.

        :raises StackFailed: Heat has failed
        :raises StackTimeout: Heat takes too long
        :raises ClaimLost, TransientError, TerminalError: as ``Actor.act``
        """
        if journey.stage is Stage.NEW or info is None or not info.running:
            journey.watch.tick()
            return self._ended[journey.stage](journey, info)
        if journey.overdue:
            return self._overdue(journey, info)
        return InProgress(journey.pace.delay())

    def _waited(self, journey: journeys.Journey, info: Info) -> Outcome:
        """Something that this job has not begun is over."""
        if info is not None and info.failed and _has_digest(journey, info):
            # An earlier attempt of this very job has begun it.
            return self._failed(journey, info)
        return self._actor.act(journey, info)

    def _applied(self, journey: journeys.Journey, info: Info) -> Outcome:
        """Our creation or update is over."""
        if info is None or info.deleted:
            return self._actor.again(journey, 'somebody has deleted it')
        if not journey.is_answer(info):
            return self._actor.again(
                journey, f'{info.status} is no answer to our {journey.expects}'
            )
        if info.failed:
            return self._failed(journey, info)
        return self._actor.finish(journey, info)

    def _failed(
        self, journey: journeys.Journey, info: backend.StackInfo
    ) -> Outcome:
        """What we asked for has failed, which may be no fault of its own:
        Heat purges what an update has superseded, and may lose a race
        against itself."""
        if not info.heat_erred or journey.efforts.mended >= MAX_MENDED:
            raise self._failure(journey, info)
        journey.efforts.mended += 1
        LOG.warning(
            'Stack %s is %s by an error of Heat itself, asking again: %s',
            journey.name,
            info.status,
            masking.masked(info.reason, journey.secrets),
        )
        return self._actor.act(journey, info)

    def _deleted(self, journey: journeys.Journey, info: Info) -> Outcome:
        """A deletion is over; what comes next depends on the job."""
        if info is None or info.deleted:
            return self._actor.act(journey, None)
        if info.status != 'DELETE_FAILED':
            return self._actor.again(
                journey, f'{info.status} is no answer to our DELETE'
            )
        if journey.efforts.calls >= MAX_DELETES:
            raise self._failure(journey, info)
        LOG.warning('Stack %s: %s; deleting again', journey.name, info.status)
        return self._actor.delete(journey, info)

    def _overdue(
        self, journey: journeys.Journey, info: backend.StackInfo
    ) -> Outcome:
        """Heat would have ended by now what it works on, so nobody does:
        its engine was restarted, and a new request gets it going."""
        if info.action == 'DELETE' or journey.request is None:
            if journey.efforts.calls < MAX_DELETES:
                self._warn(journey, info, 'deleting again')
                return self._actor.delete(journey, info)
        elif not journey.efforts.renewed:
            self._warn(journey, info, 'renewing it with an update')
            outcome = self._actor.update(journey, info)
            # An update that failed on its way is still owed.
            journey.efforts.renewed = True
            return outcome
        raise errors.StackTimeout(
            f'the stack is {info.status} after {journey.limit:.0f} seconds: '
            f'{explaining.told(self._stacks, journey, info)}',
            info,
        )

    def _warn(
        self, journey: journeys.Journey, info: backend.StackInfo, what: str
    ) -> None:
        LOG.warning(
            'Stack %s is %s for more than %.0f seconds, so Heat seems to '
            'have forgotten it; %s',
            journey.name,
            info.status,
            journey.limit,
            what,
        )

    def _failure(
        self, journey: journeys.Journey, info: backend.StackInfo
    ) -> errors.StackFailed:
        text = explaining.told(self._stacks, journey, info)
        return errors.StackFailed(text, info)


def _has_digest(journey: journeys.Journey, info: backend.StackInfo) -> bool:
    return journey.digest in info.tags
