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

"""From a resource's situation to one change of the queue.

The planner decides what a resource needs, lets its driver plan it and
builds the transaction: the accepted record, the jobs, and where they
wait. Every such transaction compares the revisions of the config and of
the record it was made from; when those moved, a newer event is on its
way and nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
import random

from oslo_log import log as logging

from esi_worker import drivers, exceptions, reader, store
from esi_worker.model import (
    AcceptedConfig,
    Action,
    Config,
    Job,
    Resource,
    ResourceRef,
)
from esi_worker.model.jobs import new_job_id
from esi_worker.scheduler import (
    dependencies,
    guarding,
    immediate,
    recording,
    superseding,
    workflows,
)
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import Facts, World

LOG = logging.getLogger(__name__)


class Planner:
    """Plans one resource at a time; commits nothing itself."""

    def __init__(
        self, world: World, source: random.Random | None = None
    ) -> None:
        self._world = world
        self._random = source or random.SystemRandom()

    def plan(self, ref: ResourceRef, facts: Facts) -> Step | None:
        """Work out what a resource needs now.

        :returns: the change to commit, or None when there is none
        """
        world = self._world
        broken = world.cache.broken(ref)
        if broken is not None:
            return recording.block(
                self._world, Block(ref, f'the config cannot be read: {broken}')
            )
        replaced = superseding.replaceable(world.table, ref)
        decision = reader.decide(self._situation(ref, facts, replaced))
        verdict = decision.verdict
        if verdict is reader.Verdict.CLEAN_UP:
            return immediate.clean_up(world, ref)
        if verdict is reader.Verdict.ADOPT:
            return immediate.adopt(world, self._target(ref))
        if verdict is reader.Verdict.ACT and decision.action is not None:
            return self._act(ref, decision.action, replaced)
        return recording.unblock(world, ref)

    def _situation(
        self, ref: ResourceRef, facts: Facts, replaced: Sequence[Entry]
    ) -> reader.Situation:
        entries = self._world.table.of_resource(ref)
        return reader.Situation(
            resource=self._world.cache.get(ref),
            accepted=self._world.accepted.get(ref),
            state=facts.state,
            unfinished=bool(entries),
            started=len(entries) > len(replaced),
            deleting=bool(entries) and entries[-1].job.action.deletes,
            gone=facts.gone,
        )

    # --- acting -----------------------------------------------------------

    def _act(
        self, ref: ResourceRef, action: Action, replaced: Sequence[Entry]
    ) -> Step | None:
        target = self._target(ref)
        try:
            plan = self._world.drivers.plan(
                target, self._world.cache, lenient=action.deletes
            )
        except exceptions.MissingReference as error:
            missing = ResourceRef(error.resource_type, error.resource_id)
            return recording.block(
                self._world,
                Block(
                    ref,
                    str(error),
                    target.version,
                    frozenset((missing,)),
                    on_template=True,
                ),
            )
        except exceptions.TerminalError as error:
            return recording.block(
                self._world,
                Block(ref, str(error), target.version, on_template=True),
            )
        if not plan.parts:
            if self._world.cache.get(ref) is None:
                return immediate.clean_up(self._world, ref)
            return immediate.publish(self._world, target, action)
        block = guarding.find_block(self._world, target, action, plan)
        if block is not None:
            return recording.block(self._world, block)
        return self._schedule(target, action, plan, replaced)

    def _target(self, ref: ResourceRef) -> Resource:
        """The version to act on; a vanished one from our record."""
        resource = self._world.cache.get(ref)
        if resource is not None:
            return resource
        record = self._world.accepted[ref].config
        return self._as_resource(
            ref, Config(record.body, record.version, marked_for_deletion=True)
        )

    def _as_resource(self, ref: ResourceRef, config: Config) -> Resource:
        type_ = self._world.types.get(ref.type)
        assert type_ is not None
        return Resource(type_, ref.id, config)

    def _schedule(
        self,
        target: Resource,
        action: Action,
        plan: drivers.Plan,
        replaced: Sequence[Entry],
    ) -> Step:
        before = self._previous(target.ref, action, replaced)
        jobs = workflows.build(
            action,
            target,
            plan,
            self._plan_of(target.ref, before),
            lambda each, handler: self._name(each, handler, target),
        )
        gone = [entry.job.id for entry in replaced]
        followers = self._world.table.all_dependants(gone)
        excluded = {*gone, *(entry.job.id for entry in followers)}
        outer = dependencies.outer_dependencies(
            self._world.table, target.ref, jobs, excluded
        )
        jobs = workflows.chain(jobs, outer)
        if replaced:
            return self._supersede(target, before, jobs, replaced)
        return self._append(target, before, jobs)

    def _previous(
        self, ref: ResourceRef, action: Action, replaced: Sequence[Entry]
    ) -> AcceptedConfig | None:
        """The version that the new one follows."""
        if action in (Action.CREATE, Action.DELETE):
            return None
        if replaced:
            return self._world.previous.get(ref)
        accepted = self._world.accepted.get(ref)
        return None if accepted is None else accepted.config

    def _plan_of(
        self, ref: ResourceRef, record: AcceptedConfig | None
    ) -> drivers.Plan | None:
        if record is None:
            return None
        resource = self._as_resource(ref, record.as_config())
        return self._world.lenient_plan(resource)

    def _name(self, action: Action, handler: str, target: Resource) -> str:
        while True:
            name = new_job_id(
                action, handler, target.ref, target.version, self._random
            )
            if name not in self._world.table:
                return name

    def _append(
        self,
        target: Resource,
        before: AcceptedConfig | None,
        jobs: Sequence[Job],
    ) -> Step:
        table = self._world.table
        operations = recording.record(self._world, target, before)
        for job in jobs:
            operations += recording.enqueue(self._world.keys, job)
            table.add(job, ready=not job.dependency)

        def undo() -> None:
            for job in reversed(jobs):
                table.remove(job.id)

        return Step(
            target.ref,
            store.Transition(
                recording.compares(self._world, target), tuple(operations)
            ),
            lambda revision: recording.accept(
                self._world, target, before, revision
            ),
            undo,
        )

    def _supersede(
        self,
        target: Resource,
        before: AcceptedConfig | None,
        jobs: Sequence[Job],
        replaced: Sequence[Entry],
    ) -> Step:
        change = superseding.prepare(self._world, jobs, replaced)
        operations = [
            *recording.record(self._world, target, before),
            *change.operations,
        ]
        for job in jobs:
            operations += recording.enqueue(self._world.keys, job)

        def apply(revision: int) -> None:
            superseding.apply(self._world, jobs, change)
            recording.accept(self._world, target, before, revision)
            LOG.info(
                'Version %d of %s takes the place of a waiting one',
                target.version,
                target.ref,
            )

        return Step(
            target.ref,
            store.Transition(
                (*recording.compares(self._world, target), *change.compares),
                tuple(operations),
            ),
            apply,
            alone=True,
        )
