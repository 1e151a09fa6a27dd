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

"""Creates, updates and deletes the stacks of resources.

``start`` looks at the stack, does what the table decides, and returns
while Heat works; ``poll`` looks at many stacks of a tenant with one
request and carries on. A new stack is created without a look before,
for Heat refuses a name that is taken. What an earlier attempt left is
found by the stack's name and adopted. Stacks, records and words are
those of the reference of the Heat worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
import random

from oslo_log import log

from esi_worker import exceptions, masking, plugins
from esi_worker.handlers import base, resolving
from esi_worker.handlers.heat import (
    acting,
    auditing,
    backend,
    batching,
    drifting,
    errors,
    journeys,
    looking,
    options,
    preparing,
    previewing,
    remote,
    results,
    secrecy,
)
from esi_worker.handlers.heat.journeys import Journey, Stage
from esi_worker.model import InProgress, Job, Outcome, Retry
from esi_worker.store import backoff

LOG = log.getLogger(__name__)

#: Seconds after which ``poll`` leaves the other jobs to its next call.
POLL_BUDGET = 20.0
#: A refusal without a reason is believed when it has been repeated so often,
#: for a Keystone that comes back refuses what it grants a moment later.
FORBIDDEN_RETRIES = 3
#: Seconds between them.
FORBIDDEN_DELAY = 4.0


class HeatHandler(base.Handler):
    """The handler ``heat_worker``."""

    def __init__(
        self,
        context: base.HandlerContext,
        stacks: backend.StackBackend | None = None,
    ) -> None:
        """Check the configuration.

        :param stacks: where the stacks are; by default the Heat that the
            options name
        :raises ConfigurationError: it cannot be used
        """
        super().__init__(context)
        self._group = context.conf[options.GROUP]
        self._stacks = stacks or remote.HeatBackend(context.conf)
        self._resolver = resolving.Resolver(
            context.store, context.keys, context.catalog.types
        )
        self._preparer = preparing.Preparer(context, self._resolver)
        self._secrecy = secrecy.Secrecy(context.conf)
        self._actor = actor = acting.Actor(context, self._stacks)
        self._watcher = looking.Watcher(actor, self._stacks)
        self._journeys = journeys.Journeys(context.clock)

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((options.GROUP, options.handler_options()),)

    def start(self, job: Job) -> Outcome:
        try:
            journey = self._journey(job)
        except exceptions.TransientError as error:
            return Retry(str(error), error.after)
        except exceptions.TerminalError as error:
            return results.failed(job, error, self._secrecy.of(job))
        return self._outcome(journey, lambda: self._set_out(journey))

    def batches(
        self, due: Sequence[Job], soon: Sequence[Job]
    ) -> Iterable[Sequence[Job]]:
        """One request each, and stacks that have ended by themselves."""
        return batching.share_out(due, soon, self._journeys)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        known = []
        for job in jobs:
            journey = self._journeys.get(job.id)
            if journey is None or journey.stage is Stage.NEW:
                outcomes[job.id] = Retry('the job has to be looked at anew')
            else:
                known.append(journey)
        until = self.context.clock.monotonic() + POLL_BUDGET
        for tenant, group in batching.by_tenant(known).items():
            if self.context.clock.monotonic() > until:
                break
            self._poll_tenant(tenant, group, until, outcomes)
        return outcomes

    def preview(self, job: Job) -> Sequence[base.Difference]:
        return previewing.differences(
            job, self._stacks, self._preparer, self._secrecy
        )

    def probe(self) -> Iterable[base.Probe]:
        return self._stacks.probe()

    def periodic_tasks(self) -> Sequence[base.PeriodicTask]:
        return drifting.DriftCheck(self.context, self._stacks).tasks()

    def close(self) -> None:
        self._stacks.close()

    def _poll_tenant(
        self,
        tenant: str,
        group: Sequence[Journey],
        until: float,
        outcomes: dict[str, Outcome],
    ) -> None:
        for journey in group:
            if journey.found is not None:
                self._take_look(journey, journey.found, outcomes)
        group = [each for each in group if each.job.id not in outcomes]
        if not group:
            return
        try:
            infos = self._stacks.status(
                tenant, [journey.stack_id for journey in group]
            )
        except exceptions.EsiWorkerError as error:
            outcomes.update(self._all_away(group, error))
            return
        worked = False
        for journey in group:
            if self.context.clock.monotonic() > until:
                return
            info = infos.get(journey.stack_id)
            running = info is not None and info.running
            if worked and info is not None and not running:
                # What follows takes requests, so it gets calls of its own.
                journey.found = info
                self._journeys.keep(journey)
                outcomes[journey.job.id] = InProgress(0.0)
                continue
            worked = worked or not running
            self._take_look(journey, info, outcomes)

    def _take_look(
        self,
        journey: Journey,
        info: backend.StackInfo | None,
        outcomes: dict[str, Outcome],
    ) -> None:
        journey.found = None
        outcomes[journey.job.id] = self._outcome(
            journey, lambda: self._watcher.look(journey, info)
        )

    def _all_away(
        self, group: Sequence[Journey], error: exceptions.EsiWorkerError
    ) -> dict[str, Outcome]:
        """Heat is away; the work itself goes on for all we know."""
        LOG.warning('%d stacks cannot be looked at: %s', len(group), error)
        hint = getattr(error, 'after', None)
        outcomes: dict[str, Outcome] = {}
        for journey in group:
            journey.watch.skip()
            self._journeys.keep(journey)
            after = journey.pace.delay() if hint is None else hint
            outcomes[journey.job.id] = InProgress(after, str(error))
        return outcomes

    def _journey(self, job: Job) -> Journey:
        """Go on with a journey that is under way, or begin one."""
        known = self._journeys.get(job.id)
        if known is not None and known.stage is not Stage.NEW:
            return known
        journey = self._begin(job)
        if known is not None:
            journey.efforts = known.efforts
            journey.change = known.change
        return journey

    def _begin(self, job: Job) -> Journey:
        tenant = preparing.tenant_of(job)
        if job.action.deletes:
            request = None
            minutes = self._preparer.minutes_to_delete(job)
            template = self._preparer.template_to_delete(job)
            secrets = self._secrecy.of(job, template=template)
        else:
            prepared = self._preparer.prepare(job)
            request = prepared.request
            minutes = request.timeout_mins
            secrets = self._secrecy.of(job, prepared.values, request.template)
        return Journey(
            job=job,
            tenant=tenant,
            name=preparing.stack_name(job),
            request=request,
            limit=minutes * 60 + self._group.timeout_margin,
            secrets=secrets,
            pace=backoff.Backoff(
                first=self._group.poll_interval,
                limit=self._group.poll_interval_max,
                jitter=_little_jitter,
            ),
            watch=journeys.Stopwatch(self.context.clock),
        )

    def _set_out(self, journey: Journey) -> Outcome:
        """Look at the stack, unless there most likely is none."""
        new = not journey.efforts.started and not journey.job.attempt
        journey.efforts.started = True
        if new and journey.verb == 'CREATE':
            return self._actor.create(journey)
        return self._observe(journey)

    def _observe(self, journey: Journey) -> Outcome:
        journey.found = None
        info = self._stacks.find(journey.tenant, journey.name)
        if info is not None and journey.stack_id not in ('', info.id):
            journey.stage = Stage.NEW
        return self._watcher.look(journey, info)

    def _outcome(
        self, journey: Journey, step: Callable[[], Outcome]
    ) -> Outcome:
        """Take a step, and remember the journey while it goes on."""
        try:
            outcome = self._stepped(journey, step)
        except exceptions.TransientError as error:
            journey.watch.skip()
            text = masking.masked(str(error), journey.secrets)
            outcome = Retry(text, error.after)
        if isinstance(outcome, InProgress | Retry):
            self._journeys.keep(journey)
        else:
            auditing.ended(journey, outcome)
            self._journeys.drop(journey.job.id)
        return outcome

    def _stepped(
        self, journey: Journey, step: Callable[[], Outcome]
    ) -> Outcome:
        try:
            return step()
        except exceptions.ClaimLost as error:
            # The claim may come back with the store; if it does not,
            # nobody listens to this answer.
            return Retry(str(error))
        except errors.HeatForbids as error:
            return _forbidden(journey, error)
        except errors.StackError as error:
            return results.stack_failed(journey, error, self._resolver)
        except exceptions.TerminalError as error:
            return results.failed(journey.job, error, journey.secrets)


def _forbidden(journey: Journey, error: errors.HeatForbids) -> Outcome:
    journey.efforts.forbidden += 1
    if journey.efforts.forbidden > FORBIDDEN_RETRIES:
        return results.failed(journey.job, error, journey.secrets)
    journey.watch.skip()
    text = masking.masked(str(error), journey.secrets)
    return Retry(text, FORBIDDEN_DELAY)


def _little_jitter() -> float:
    """Takes at most a fifth of a delay away."""
    return random.uniform(0.0, 0.4)  # noqa: S311 - no secret
