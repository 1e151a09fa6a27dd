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

"""Takes the next step for a stack, as the table decides.

Before every change the claim is checked, and what is left of it bounds
the request. A change whose answer is lost is not repeated: the job is
retried, and that begins with a look at the stack. A creation is sent
again only when its stack has not appeared for a while, for Heat may be
slow to begin it and keeps no two stacks of one name apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oslo_log import log

from esi_worker import exceptions
from esi_worker.handlers import base
from esi_worker.handlers.heat import (
    auditing,
    backend,
    decisions,
    errors,
    journeys,
    results,
)
from esi_worker.handlers.heat.decisions import Step
from esi_worker.handlers.heat.journeys import Stage
from esi_worker.model import InProgress, Outcome, Retry

LOG = log.getLogger(__name__)

#: Heat still knows a name for some milliseconds after a deletion.
NAME_TAKEN_DELAY = 0.5
#: Seconds that Heat may take to begin a creation it has not answered.
DOUBT = 30.0
_DOUBT_STEP = 2.0
#: After so many accepted changes somebody else must be changing it too.
MAX_CALLS = 6

Info = backend.StackInfo | None
_Act = Callable[[journeys.Journey, Info], Outcome]


class Actor:
    """Makes changes in Heat."""

    def __init__(
        self, context: base.HandlerContext, stacks: backend.StackBackend
    ) -> None:
        self._context = context
        self._stacks = stacks
        self._steps: Mapping[Step, _Act] = {
            Step.CREATE: lambda journey, _info: self.create(journey),
            Step.UPDATE: self.update,
            Step.DELETE: self.delete,
            Step.AWAIT_END: self._await_end,
            Step.AWAIT_DELETION: self._await_deletion,
            Step.KEEP: self._keep,
            Step.GONE: self._gone,
        }

    def act(self, journey: journeys.Journey, info: Info) -> Outcome:
        """Do what the table says about a stack that looks like this.

        :raises ClaimLost: nothing may be changed
        :raises TransientError: not now; whether a change was made is
            not known
        :raises TerminalError: the job has failed
        """
        seen = decisions.see(info, journey.wanted_digest)
        step = decisions.decide(journey.verb, seen)
        return self._steps[step](journey, info)

    def again(self, journey: journeys.Journey, why: str) -> Outcome:
        """Have the stack looked at anew, because it is not as expected."""
        journey.stage = Stage.NEW
        LOG.warning('Stack %s: %s; looking again', journey.name, why)
        return Retry(f'stack {journey.name}: {why}', journey.pace.delay())

    def finish(
        self, journey: journeys.Journey, info: backend.StackInfo
    ) -> Outcome:
        """Read the outputs of a finished stack, which ends the job."""
        try:
            details = self._stacks.outputs(
                journey.tenant, journey.name, info.id
            )
        except errors.StackNotFound:
            return self.again(journey, 'it vanished when it was finished')
        if details.info.status != info.status:
            return self.again(journey, f'it is {details.info.status} by now')
        LOG.info('Stack %s is %s', journey.name, info.status)
        return results.done(journey, details)

    def create(self, journey: journeys.Journey) -> Outcome:
        """Create the stack; if there is one, do what the table says."""
        assert journey.request is not None
        doubt = journey.efforts.doubt_until - self._now()
        if doubt > 0:
            return Retry(
                f'stack {journey.name}: its creation was not answered and '
                'may still begin',
                min(doubt, _DOUBT_STEP),
            )
        timeout = self._may_change(journey)
        try:
            with auditing.change(journey, 'CREATE') as change:
                stack_id = change.stack_id = self._stacks.create(
                    journey.tenant,
                    journey.request,
                    timeout,
                    change.request_id,
                )
        except errors.AnswerLost:
            journey.efforts.doubt_until = self._now() + DOUBT
            raise
        except errors.StackExists as error:
            return self._taken(journey, error)
        except errors.StackNotFound as error:
            raise errors.HeatRefused(str(error)) from None
        return self._accepted(journey, Stage.APPLYING, stack_id, 'CREATE')

    def update(self, journey: journeys.Journey, info: Info) -> Outcome:
        """Make the stack what it shall be."""
        assert info is not None and journey.request is not None
        timeout = self._may_change(journey)
        try:
            with auditing.change(journey, 'UPDATE', info.id) as change:
                self._stacks.update(
                    journey.tenant,
                    info.id,
                    journey.request,
                    timeout,
                    change.request_id,
                )
        except (errors.StackNotFound, errors.HeatRefused) as error:
            return self._reconsider(journey, info, error)
        return self._accepted(journey, Stage.APPLYING, info.id, 'UPDATE')

    def delete(self, journey: journeys.Journey, info: Info) -> Outcome:
        """Delete the stack, be it for ever or to create it anew."""
        assert info is not None
        timeout = self._may_change(journey)
        try:
            with auditing.change(journey, 'DELETE', info.id) as change:
                self._stacks.delete(
                    journey.tenant,
                    journey.name,
                    info.id,
                    timeout,
                    change.request_id,
                )
        except errors.StackNotFound:
            return self.act(journey, None)
        return self._accepted(journey, Stage.DELETING, info.id, 'DELETE')

    def _taken(
        self, journey: journeys.Journey, error: errors.StackExists
    ) -> Outcome:
        now = self._stacks.find(journey.tenant, journey.name)
        if now is None:
            # Heat still knows the name of a stack that is gone.
            return Retry(f'stack {journey.name}: {error}', NAME_TAKEN_DELAY)
        return self.act(journey, now)

    def _await_end(self, journey: journeys.Journey, info: Info) -> Outcome:
        assert info is not None
        LOG.info('Stack %s is %s; waiting', journey.name, info.status)
        journey.enter(Stage.WAITING, info.id, age=info.age)
        return InProgress(journey.pace.delay())

    def _await_deletion(
        self, journey: journeys.Journey, info: Info
    ) -> Outcome:
        assert info is not None
        LOG.info('Stack %s is %s; waiting', journey.name, info.status)
        journey.enter(Stage.DELETING, info.id, 'DELETE', info.age)
        return InProgress(journey.pace.delay())

    def _keep(self, journey: journeys.Journey, info: Info) -> Outcome:
        assert info is not None
        return self.finish(journey, info)

    def _gone(self, journey: journeys.Journey, _info: Info) -> Outcome:
        LOG.info('Stack %s is gone', journey.name)
        return results.deleted(journey)

    def _may_change(self, journey: journeys.Journey) -> float:
        """Seconds that a change may take; until then nothing is certain."""
        journey.stage = Stage.NEW
        if journey.efforts.calls >= MAX_CALLS:
            raise errors.StackContested(
                f'after {journey.efforts.calls} changes stack '
                f'{journey.name} still is not what it shall be; see who '
                'else changes it'
            )
        return self._context.check_claim()

    def _now(self) -> float:
        return self._context.clock.monotonic()

    def _accepted(
        self,
        journey: journeys.Journey,
        stage: Stage,
        stack_id: str,
        action: str,
    ) -> Outcome:
        journey.enter(stage, stack_id, action)
        journey.efforts.calls += 1
        journey.efforts.forbidden = 0
        LOG.info(
            'Stack %s: Heat has accepted %s of %s for job %s',
            journey.name,
            action,
            stack_id,
            journey.job.id,
        )
        return InProgress(journey.pace.delay())

    def _reconsider(
        self,
        journey: journeys.Journey,
        before: backend.StackInfo,
        error: exceptions.EsiWorkerError,
    ) -> Outcome:
        """A refused update may mean that the stack is going or gone."""
        now = self._stacks.find(journey.tenant, journey.name)
        if now is None or (now.id, now.status) != (before.id, before.status):
            return self.act(journey, now)
        if isinstance(error, errors.HeatRefused):
            raise error
        raise errors.HeatRefused(str(error)) from None
