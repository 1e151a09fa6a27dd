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

import random

from oslo_log import log as logging

from esi_worker import drivers, exceptions, reader
from esi_worker.model import Action, Config, Resource, ResourceRef, handlers
from esi_worker.scheduler import (
    answering,
    effects,
    guarding,
    immediate,
    pausing,
    recording,
    superseding,
)
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.enqueueing import Enqueuer
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.superseding import Standing
from esi_worker.scheduler.world import Facts, World

LOG = logging.getLogger(__name__)


class Planner:
    """Plans one resource at a time; commits nothing itself."""

    def __init__(
        self, world: World, source: random.Random | None = None
    ) -> None:
        self._world = world
        self._enqueuer = Enqueuer(world, source or random.SystemRandom())

    def plan(self, ref: ResourceRef, facts: Facts) -> Step | None:
        """Work out what a resource needs now.

        :returns: the change to commit, or None when there is none
        """
        world = self._world
        standing = superseding.standing(world.table, ref)
        refusal = ''
        try:
            step = self._decide(ref, facts, standing)
        except effects.Refused as error:
            step, refusal = None, str(error)
        replaces = step is not None and step.alone
        if not replaces and world.blocks.get(ref) is None:
            superseding.drop(world, standing.phantoms)
        if step is None:
            reason = refusal or self._why_nothing(ref)
            return answering.decline(world, ref, reason)
        if step.jobs:
            return answering.accept(world, step, self._target(ref).version)
        return step

    def _why_nothing(self, ref: ResourceRef) -> str:
        """Why no jobs are made for a resource at present."""
        world = self._world
        block = world.blocks.get(ref)
        if block is not None:
            return f'it is blocked: {block.reason}'
        if world.cache.get(ref) is None:
            return 'it has no config'
        return 'there is nothing to do for it'

    def _decide(
        self, ref: ResourceRef, facts: Facts, standing: Standing
    ) -> Step | None:
        world = self._world
        broken = world.cache.broken(ref)
        if broken is not None:
            reason = f'the config cannot be read: {broken}'
            return recording.block(world, Block(ref, reason))
        decision = reader.decide(
            self._situation(ref, facts, standing, self._is_asked(ref))
        )
        verdict = decision.verdict
        idle = verdict is reader.Verdict.NOTHING
        pause = pausing.block(world, ref, idle=idle)
        if pause is not None and verdict is reader.Verdict.ACT:
            return self._block(pause)
        if verdict is reader.Verdict.CLEAN_UP:
            return immediate.clean_up(world, ref)
        if verdict is reader.Verdict.ADOPT:
            return immediate.adopt(world, self._target(ref))
        if verdict is reader.Verdict.ACT and decision.action is not None:
            return self._act(ref, decision.action, facts, standing)
        self._note_reused_version(ref)
        if pause is not None:
            return recording.block(world, pause)
        return recording.unblock(world, ref)

    def _note_reused_version(self, ref: ResourceRef) -> None:
        """Tell whoever writes configs by hand why nothing happens."""
        resource = self._world.cache.get(ref)
        accepted = self._world.accepted.get(ref)
        if resource is None or accepted is None:
            return
        if reader.is_rewritten(resource, accepted):
            LOG.warning(
                '%s was written again as version %d with another body; '
                'nothing is done before the version grows',
                ref,
                resource.version,
            )

    def _situation(
        self,
        ref: ResourceRef,
        facts: Facts,
        standing: Standing,
        requested: bool,
    ) -> reader.Situation:
        return reader.Situation(
            resource=self._world.cache.get(ref),
            accepted=self._world.accepted.get(ref),
            state=facts.state,
            unfinished=bool(standing.stored),
            started=standing.started,
            deleting=standing.deleting,
            gone=facts.gone,
            requested=requested,
        )

    # --- acting -----------------------------------------------------------

    def _act(
        self,
        ref: ResourceRef,
        action: Action,
        facts: Facts,
        standing: Standing,
    ) -> Step | None:
        world, target = self._world, self._target(ref)
        plan = self._plan_or_block(target, action)
        if isinstance(plan, Block) and action.deletes:
            LOG.warning('%s is deleted without a plan: %s', ref, plan.reason)
            plan = self._plan_of_rest()
        if isinstance(plan, Block):
            return self._block(plan)
        if not plan.parts and action.deletes and not facts.gone:
            plan = self._plan_of_rest()
        if not plan.parts:
            if self._is_settled(ref):
                raise effects.Refused('no handler has work for it')
            return self._settle(target, action, standing)
        block = guarding.find_block(world, target, action, plan)
        if block is not None:
            return self._block(block)
        options = {
            **superseding.options(standing),
            **answering.options(world, ref, target.version),
        }
        return self._enqueuer.enqueue(target, action, plan, standing, options)

    def _block(self, block: Block) -> Step | None:
        """Block a resource; one that was acted on already is left as it
        is, for only an operator wants more."""
        if self._is_settled(block.ref):
            raise effects.Refused(block.reason)
        return recording.block(self._world, block)

    def _is_settled(self, ref: ResourceRef) -> bool:
        resource = self._world.cache.get(ref)
        return resource is not None and reader.is_settled(
            resource, self._world.accepted.get(ref)
        )

    def _is_asked(self, ref: ResourceRef) -> bool:
        """Whether the version at hand is to be applied again now."""
        resource = self._world.cache.get(ref)
        return resource is not None and any(
            pending.admitted
            and answering.is_current(pending, resource.version)
            for pending in self._world.requests.asked(ref)
        )

    def _plan_or_block(
        self, target: Resource, action: Action
    ) -> drivers.Plan | Block:
        world, waits_for = self._world, frozenset[ResourceRef]()
        try:
            return world.drivers.plan(
                target, world.cache, lenient=action.deletes
            )
        except exceptions.MissingReference as error:
            reason = str(error)
            waits_for |= {ResourceRef(error.resource_type, error.resource_id)}
        except exceptions.EsiWorkerError as error:
            reason = str(error)
        except Exception as error:
            LOG.exception('The driver of %s has failed', target.ref)
            reason = f'its driver has failed: {type(error).__name__}: {error}'
        return Block(
            target.ref, reason, target.version, waits_for, on_template=True
        )

    def _plan_of_rest(self) -> drivers.Plan:
        """The deletion of what earlier versions made, when the one at
        hand has no template."""
        return drivers.Plan(
            tuple(
                drivers.Part(handler, '', ())
                for handler in self._world.drivers.catalog.handlers
                if handlers.is_waited_for(handler)
            )
        )

    def _settle(
        self, target: Resource, action: Action, standing: Standing
    ) -> Step | None:
        """Nothing is to be done; jobs of earlier versions that have
        started end first, for the state must not go back."""
        world = self._world
        if standing.started:
            return recording.unblock(world, target.ref)
        if world.cache.get(target.ref) is None:
            step = immediate.clean_up(world, target.ref)
        else:
            step = immediate.publish(world, target, action)
        if standing.gone:
            return superseding.replace(world, step, (), standing.gone)
        return step

    def _target(self, ref: ResourceRef) -> Resource:
        """The version to act on; a vanished one from our record."""
        resource = self._world.cache.get(ref)
        if resource is not None:
            return resource
        record = self._world.accepted[ref].config
        return self._world.as_resource(
            ref, Config(record.body, record.version, marked_for_deletion=True)
        )
