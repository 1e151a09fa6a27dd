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

"""Putting a new workflow into the queue, or in the place of an old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import random

from oslo_log import log as logging

from esi_worker import drivers, store
from esi_worker.model import (
    AcceptedConfig,
    Action,
    Job,
    Resource,
    ResourceRef,
)
from esi_worker.model.codec import Json
from esi_worker.model.jobs import new_job_id
from esi_worker.scheduler import (
    dependencies,
    recording,
    superseding,
    workflows,
)
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)


class Enqueuer:
    """Makes the jobs of a plan and the step that stores them."""

    def __init__(self, world: World, source: random.Random) -> None:
        self._world = world
        self._random = source

    def enqueue(
        self,
        target: Resource,
        action: Action,
        plan: drivers.Plan,
        standing: superseding.Standing,
        options: Mapping[str, Json],
    ) -> Step:
        """Make a workflow for a version of a resource.

        :param options: those of an operator's request; they go into the
            records of the jobs
        """
        before = self._previous(target.ref, action, standing)
        jobs = workflows.build(
            action,
            target,
            plan,
            self._plan_of(target.ref, before),
            lambda each, handler: self._name(each, handler, target),
            {'options': dict(options)} if options else {},
        )
        table = self._world.table
        gone = [entry.job.id for entry in standing.gone]
        followers = table.all_dependants(gone)
        outer = dependencies.outer_dependencies(
            table,
            target.ref,
            jobs,
            {*gone, *(entry.job.id for entry in followers)},
            # What is to go away needs nothing any more.
            () if action.deletes else plan.after,
        )
        jobs = workflows.chain(jobs, outer)
        if standing.gone:
            return self._supersede(target, before, jobs, standing)
        return self._append(target, before, jobs)

    def _previous(
        self,
        ref: ResourceRef,
        action: Action,
        standing: superseding.Standing,
    ) -> AcceptedConfig | None:
        """The version that the new one follows."""
        if action in (Action.CREATE, Action.DELETE):
            return None
        if standing.replaced:
            return self._world.previous.get(ref)
        accepted = self._world.accepted.get(ref)
        return None if accepted is None else accepted.config

    def _plan_of(
        self, ref: ResourceRef, record: AcceptedConfig | None
    ) -> drivers.Plan | None:
        if record is None:
            return None
        return self._world.lenient_plan(
            self._world.as_resource(ref, record.as_config())
        )

    def _name(self, action: Action, handler: str, target: Resource) -> str:
        while True:
            name = new_job_id(
                action, handler, target.ref, target.version, self._random
            )
            if name not in self._world.table:
                return name

    def _step(
        self,
        target: Resource,
        before: AcceptedConfig | None,
        jobs: Sequence[Job],
    ) -> Step:
        world = self._world
        operations = recording.record(world, target, before)
        for job in jobs:
            operations += recording.enqueue(world.keys, job)

        def accept(revision: int) -> None:
            recording.accept(world, target, before, revision)
            for job in jobs:
                LOG.info(
                    'Job %s is scheduled, it waits for %d others',
                    job.id,
                    len(job.dependency),
                )

        return Step(
            target.ref,
            store.Transition(
                recording.compares(world, target), tuple(operations)
            ),
            accept,
            jobs=tuple(job.id for job in jobs),
        )

    def _append(
        self,
        target: Resource,
        before: AcceptedConfig | None,
        jobs: Sequence[Job],
    ) -> Step:
        """The jobs are in the table at once, so that what is planned
        next can wait for them; refused, they stay there as phantoms."""
        step = self._step(target, before, jobs)
        table = self._world.table
        entries = [table.add(job, ready=not job.dependency) for job in jobs]

        def apply(revision: int) -> None:
            for entry in entries:
                entry.stored_at = revision
            step.on_applied(revision)

        return dataclasses.replace(step, on_applied=apply)

    def _supersede(
        self,
        target: Resource,
        before: AcceptedConfig | None,
        jobs: Sequence[Job],
        standing: superseding.Standing,
    ) -> Step:
        LOG.info(
            'Version %d of %s takes the place of a waiting one',
            target.version,
            target.ref,
        )
        step = self._step(target, before, jobs)
        return superseding.replace(self._world, step, jobs, standing.gone)
