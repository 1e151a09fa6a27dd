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

"""Which resources are to be looked at, and what comes of it.

Steps are planned one after the other and committed together. One that
is refused was made from something that has moved: its resource is
looked at again with the next event, for that is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.model import ResourceRef
from esi_worker.scheduler import answering, recording
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.planner import Planner
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import Facts, World

LOG = logging.getLogger(__name__)

#: How many resources are planned between two commits: three keys of each
#: are read, and three written, and both fit one transaction.
CHUNK = 40

#: Commits transitions under the manager's fence.
Commit = Callable[[Iterable[store.Transition]], Sequence[store.Committed]]


class Agenda:
    """Plans resources and commits the steps."""

    def __init__(self, world: World, planner: Planner, commit: Commit) -> None:
        self._world = world
        self._planner = planner
        self._commit = commit
        self._wanted: dict[ResourceRef, None] = {}
        self._again: dict[ResourceRef, None] = {}
        self._asked: dict[ResourceRef, None] = {}
        self._pending: list[Step] = []

    def want(self, refs: Iterable[ResourceRef]) -> None:
        """Plan these resources with the next ``work_off``."""
        for ref in refs:
            self._wanted[ref] = None

    def wake(self, ref: ResourceRef) -> None:
        """Plan those again that wait for a resource."""
        self.want(self._world.blocks.waiting_for(ref))

    def wake_templates(self) -> None:
        """Plan those again that a template may help."""
        self.want(self._world.blocks.waiting_for_templates())

    def look_again(self) -> None:
        """Something has happened: what was refused gets another try."""
        again, self._again = self._again, {}
        self.want(again)

    @property
    def busy(self) -> bool:
        """Whether more was asked for than could be answered so far."""
        return bool(self._asked)

    def want_asked(self) -> None:
        """Plan those again whose requests are not all answered."""
        asked, self._asked = self._asked, {}
        self.want(asked)

    def work_off(self) -> None:
        """Plan what is wanted, and what that makes wanted."""
        while self._wanted:
            refs = list(self._wanted)[:CHUNK]
            for ref in refs:
                del self._wanted[ref]
            facts = self._world.facts(refs)
            for ref in refs:
                self.plan(ref, facts)
            self.flush()

    def plan(
        self, ref: ResourceRef, facts: Mapping[ResourceRef, Facts]
    ) -> None:
        """Plan one resource; ``flush`` commits the step."""
        if self._pending and self._world.table.of_resource(ref):
            # What takes the place of old jobs touches others' records.
            self.flush()
        step = self._planner.plan(ref, facts[ref])
        if step is None:
            return
        self._pending.append(step)
        if step.alone:
            self.flush()

    def flush(self) -> None:
        """Commit what was planned, and draw the consequences."""
        steps, self._pending = self._pending, []
        results = self._commit(step.transition for step in steps)
        for step, result in zip(steps, results, strict=True):
            if result.applied:
                step.on_applied(result.revision)
                if self._world.blocks.get(step.ref) is None:
                    self.wake(step.ref)
                self._note_asked(step.ref)
            elif step.answers and isinstance(
                result.error, exceptions.LeaseLost
            ):
                self._forget_asked(step)
            elif result.error is not None:
                self._impossible(step, result.error)
            else:
                self._world.refresh_accepted(step.ref)
                self._again[step.ref] = None

    def _note_asked(self, ref: ResourceRef) -> None:
        """Requests that a step has not answered need another one."""
        if any(each.admitted for each in self._world.requests.asked(ref)):
            self._asked[ref] = None

    def _forget_asked(self, step: Step) -> None:
        """The time of a request was up just now."""
        for pending in step.answers:
            self._world.requests.forget(pending.kv.key)
        self._again[step.ref] = None

    def _impossible(self, step: Step, error: exceptions.StoreError) -> None:
        LOG.error('%s cannot be scheduled: %s', step.ref, error)
        if step.answers:
            self._refuse(step, str(error))
            if not self._world.is_unsettled(step.ref):
                return
        found = recording.block(self._world, Block(step.ref, str(error)))
        if found is not None:
            self._commit((found.transition,))

    def _refuse(self, step: Step, reason: str) -> None:
        """Answer the requests of a step that the store will not take."""
        refusal = answering.refuse(self._world, step.answers, reason)
        for result in self._commit((refusal.transition,)):
            if result.applied:
                refusal.on_applied(result.revision)
        self._again[step.ref] = None
