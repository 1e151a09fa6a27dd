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

"""Following ``/jobs``: which claims and results came and went.

The leader's own writes are in the mirrors before their echo comes back,
so events of its own revisions are skipped. What is left are the doings
of workers, ours or others: claims, results, and jobs handed back.
"""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.model import Job, WorkerRecord
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class Loss:
    """A claim that vanished without a result (so far)."""

    job_id: str
    lease: int
    due: float


class QueueFollower:
    """Keeps the job table in step with what others do to the queue."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._starting: dict[int, frozenset[str]] = {}
        self.losses: dict[str, Loss] = {}

    # --- workers ----------------------------------------------------------

    def workers(self, items: Iterable[store.KeyValue]) -> None:
        """Take in a list of the live workers."""
        for kv in items:
            self.worker(kv)

    def worker(self, kv: store.KeyValue) -> None:
        """Take in one worker's record; its last one outlives it here,
        for its claims vanish with it."""
        try:
            record = WorkerRecord.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            LOG.warning('Worker skipped: %s', error)
            return
        self._starting[kv.lease] = frozenset(record.starting)

    def forget_workers(self, live: Iterable[int]) -> None:
        """Drop the records of workers that are long gone."""
        needed = {loss.lease for loss in self.losses.values()} | set(live)
        self._starting = {
            lease: jobs
            for lease, jobs in self._starting.items()
            if lease in needed
        }

    def was_starting(self, loss: Loss) -> bool:
        """Whether the lost worker was inside ``start`` of this job."""
        return loss.job_id in self._starting.get(loss.lease, frozenset())

    # --- jobs -------------------------------------------------------------

    def take_ended(self) -> list[Entry]:
        """Hand out the finished jobs, once each."""
        ended = list(self._world.ended)
        self._world.ended.clear()
        found = (self._world.table.get(job_id) for job_id in ended)
        return [entry for entry in found if entry is not None]

    def take_lost(self) -> list[Loss]:
        """Hand out the lost claims whose time is up, once each."""
        now = self._world.clock.monotonic()
        due = [loss for loss in self.losses.values() if loss.due <= now]
        for loss in due:
            del self.losses[loss.job_id]
        return due

    def next_due(self) -> float | None:
        """When the next lost claim counts, as a monotonic time."""
        return min((loss.due for loss in self.losses.values()), default=None)

    def load(self, items: Iterable[store.KeyValue]) -> None:
        """Build the job table from a list of the whole queue."""
        self._world.table.clear()
        self._world.ended.clear()
        self.losses.clear()
        places: dict[str, dict[str, store.KeyValue]] = {}
        for kv in items:
            place = self._world.keys.job_place(kv.key)
            if place is not None:
                places.setdefault(place[0], {})[place[1]] = kv
        jobs = [
            (kv.create_revision, job)
            for kv in places.get('all', {}).values()
            if (job := self._decode(kv)) is not None
        ]
        jobs.sort(
            key=lambda each: (
                each[0],
                not each[1].is_first,
                len(each[1].dependency),
            )
        )
        table = self._world.table
        for entry in table.load((job, stored) for stored, job in jobs):
            self._place(entry, places)

    def _place(
        self, entry: Entry, places: dict[str, dict[str, store.KeyValue]]
    ) -> None:
        job_id = entry.job.id
        claim = places.get('working', {}).get(job_id)
        finished = places.get('finished', {}).get(job_id)
        ready = job_id in places.get('ready', {})
        entry.ready = ready or claim is not None or finished is not None
        entry.claim = claim
        if finished is not None:
            entry.result = finished.value
        if finished is not None and claim is None:
            self._world.ended[job_id] = None

    def event(self, event: store.Event) -> None:
        """Take in a change that others made under ``/jobs``."""
        place = self._world.keys.job_place(event.kv.key)
        if place is None:
            return
        kind, job_id = place
        put = event.type is store.EventType.PUT
        if kind == 'all':
            self._record_changed(job_id, event.kv if put else None)
            return
        entry = self._world.table.get(job_id)
        if entry is None:
            return
        if kind == 'working':
            self._claim_changed(entry, event.kv if put else None)
        elif kind == 'finished' and put:
            self._result_came(entry, event.kv.value)
        elif kind == 'ready' and put:
            # Handed back by its worker.
            self.losses.pop(job_id, None)
            entry.ready = True

    def _record_changed(self, job_id: str, kv: store.KeyValue | None) -> None:
        """A job came or went by other hands: those of an operator, or
        of our own transaction that was given up and applied late."""
        table = self._world.table
        entry = table.get(job_id)
        if kv is None:
            for freed in table.remove(job_id):
                self._world.freed[freed.job.id] = None
        elif entry is not None and entry.stored_at:
            return
        elif (job := self._decode(kv)) is not None:
            table.add(job, ready=False, stored_at=kv.create_revision)
            self._world.freed[job_id] = None

    def _claim_changed(
        self, entry: Entry, claim: store.KeyValue | None
    ) -> None:
        job_id = entry.job.id
        lost, entry.claim = entry.claim, claim
        if claim is not None:
            self.losses.pop(job_id, None)
            return
        if entry.result is not None:
            self._world.ended[job_id] = None
            return
        world = self._world
        due = world.clock.monotonic() + world.settings.requeue_delay
        lease = lost.lease if lost is not None else 0
        self.losses[job_id] = Loss(job_id, lease, due)

    def _result_came(self, entry: Entry, value: str) -> None:
        entry.result = value
        if entry.claim is None:
            self.losses.pop(entry.job.id, None)
            self._world.ended[entry.job.id] = None

    def _decode(self, kv: store.KeyValue) -> Job | None:
        try:
            return Job.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            LOG.error('Job skipped: %s', error)
            return None
