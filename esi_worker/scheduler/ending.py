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

"""Which jobs have ended, and what is to be written about it."""

from __future__ import annotations

from collections.abc import Iterable

from esi_worker import store
from esi_worker.model import Job, ResourceRef
from esi_worker.scheduler import recording
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.finisher import End, Finisher
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.queueing import QueueFollower
from esi_worker.scheduler.world import World

Transitions = list[store.Transition]


class EndKeeper:
    """Turns results, lost claims and freed jobs into transitions."""

    def __init__(self, world: World, queue: QueueFollower) -> None:
        self._world = world
        self._queue = queue
        self._finisher = Finisher(world)
        self._unsettled: dict[ResourceRef, None] = {}

    def finish(self) -> Transitions:
        """Take all finished jobs out of the queue."""
        entries = self._queue.take_ended()
        if not entries:
            return []
        self._finisher.prefetch(entries)
        transitions: Transitions = []
        for entry in entries:
            # A failure among them may have cancelled this one.
            if entry.job.id in self._world.table:
                transitions += self._ended(self._finisher.finish(entry))
        return transitions

    def requeue(self) -> Transitions:
        """Make jobs ready again whose claims are lost for good."""
        transitions: Transitions = []
        for loss in self._queue.take_lost():
            entry = self._world.table.get(loss.job_id)
            if entry is None or not entry.untouched:
                continue
            counts = self._queue.was_starting(loss)
            limit = self._world.settings.max_attempts
            if counts and entry.job.attempt + 1 >= limit:
                self._finisher.prefetch([entry])
                transitions += self._ended(self._finisher.give_up(entry))
            else:
                transitions.append(
                    self._finisher.requeue(entry, counts=counts)
                )
        return transitions

    def release(self) -> Transitions:
        """Release the jobs that were freed without an end of a job."""
        freed, self._world.freed = list(self._world.freed), {}
        entries = (self._world.table.get(job_id) for job_id in freed)
        return self._release(each for each in entries if each is not None)

    def release_forgotten(self) -> Transitions:
        """Release jobs that wait for nothing and are not ready: what
        they waited for was never stored, or its end was cut short."""
        return self._release(self._world.table)

    def take_unsettled(self) -> list[ResourceRef]:
        """Hand out the resources to be looked at because their jobs
        have ended, once each."""
        refs, self._unsettled = list(self._unsettled), {}
        return refs

    def _release(self, entries: Iterable[Entry]) -> Transitions:
        return [
            self._finisher.release(entry)
            for entry in entries
            if entry.forgotten
        ]

    def _ended(self, end: End) -> Transitions:
        transitions = list(end.transitions)
        transitions += self._follow(end.job, end.error)
        for job in end.cancelled:
            transitions += self._follow(job, 'it was cancelled')
        return transitions

    def _follow(self, job: Job, error: str | None) -> Transitions:
        """See to what comes after a job: its resource may have a newer
        version, or be gone. A deletion without a config is followed by
        the clean-up, or by another try after a while."""
        world, ref = self._world, job.resource
        if world.cache.get(ref) is not None:
            if world.is_unsettled(ref):
                self._unsettled[ref] = None
            return []
        if ref not in world.accepted:
            return []
        if error is None or not job.action.deletes:
            self._unsettled[ref] = None
            return []
        pause = world.settings.deletion_retry_interval
        reason = f'its deletion has failed and is tried again: {error}'
        until = world.clock.monotonic() + pause
        step = recording.block(
            world, Block(ref, reason, job.version, until=until)
        )
        return [] if step is None else [step.transition]
