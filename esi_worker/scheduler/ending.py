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

from esi_worker import store
from esi_worker.model import ResourceRef, records
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.finisher import Finisher
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.queueing import QueueFollower
from esi_worker.scheduler.world import World


class EndKeeper:
    """Turns results, lost claims and forgotten jobs into transitions."""

    def __init__(self, world: World, queue: QueueFollower) -> None:
        self._world = world
        self._queue = queue
        self._finisher = Finisher(world)
        self._unsettled: dict[ResourceRef, None] = {}

    def finish(self) -> list[store.Transition]:
        """Take all finished jobs out of the queue."""
        entries = self._queue.take_ended()
        if not entries:
            return []
        self._finisher.prefetch(entries)
        transitions: list[store.Transition] = []
        for entry in entries:
            # A failure among them may have cancelled this one.
            if entry.job.id in self._world.table:
                self._note(entry)
                transitions += self._finisher.finish(entry)
        return transitions

    def requeue(self) -> list[store.Transition]:
        """Make jobs ready again whose claims are lost for good."""
        transitions: list[store.Transition] = []
        for loss in self._queue.take_lost():
            entry = self._world.table.get(loss.job_id)
            if entry is None or not entry.untouched:
                continue
            counts = self._queue.was_starting(loss)
            limit = self._world.settings.max_attempts
            if counts and entry.job.attempt + 1 >= limit:
                transitions += self._finisher.give_up(entry)
            else:
                transitions.append(
                    self._finisher.requeue(entry, counts=counts)
                )
        return transitions

    def release_forgotten(self) -> list[store.Transition]:
        """Release jobs that wait for nothing and are not ready: what
        they waited for was never stored, or its end was cut short."""
        return [
            self._finisher.release(entry)
            for entry in self._queue.lost_and_free()
        ]

    def take_unsettled(self) -> list[ResourceRef]:
        """Hand out the resources whose config is gone and whose jobs
        have ended, once each."""
        refs, self._unsettled = list(self._unsettled), {}
        return refs

    def _note(self, entry: Entry) -> None:
        """A deletion without a config is followed by the clean-up, or
        by another try after a while."""
        world, job = self._world, entry.job
        ref = job.resource
        if world.cache.get(ref) is not None or ref not in world.accepted:
            return
        key = world.keys.finished(job.id)
        error = records.decode_finished(key, entry.result or '')
        if error is None or not job.action.deletes:
            self._unsettled[ref] = None
            return
        pause = world.settings.deletion_retry_interval
        world.blocks.add(
            Block(
                ref,
                f'its deletion has failed and is tried again: {error}',
                job.version,
                until=world.clock.monotonic() + pause,
            )
        )
