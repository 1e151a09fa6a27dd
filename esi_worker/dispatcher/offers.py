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

"""Which ready jobs this worker should claim now.

Workers do not race: a hash ring over the live workers that offer a
job's handler names the one to which it is offered first. When that one
does not take it within the offer delay, anyone may.
"""

from __future__ import annotations

from collections.abc import Collection
import dataclasses
import itertools
import operator

from oslo_log import log as logging
from tooz import hashring

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.model import WorkerRecord

LOG = logging.getLogger(__name__)

_MODIFIED = operator.attrgetter('mod_revision')


@dataclasses.dataclass(slots=True)
class ReadyJob:
    """A job in ``/jobs/ready`` and since when we know of it."""

    id: str
    handler: str
    revision: int
    since: float


class OfferBook:
    """The ready jobs and the live workers."""

    def __init__(
        self,
        identity: str,
        handlers: Collection[str],
        clock: clocks.Clock,
        offer_delay: float,
    ) -> None:
        self._identity = identity
        self._handlers = frozenset(handlers)
        self._clock = clock
        self._offer_delay = offer_delay
        # Both in the order in which the jobs became ready.
        self._ours: dict[str, ReadyJob] = {}
        self._others: dict[str, ReadyJob] = {}
        self._sorted = True
        self._workers: dict[str, frozenset[str]] = {}
        self._rings: dict[str, hashring.HashRing] = {}

    def __len__(self) -> int:
        return len(self._ours) + len(self._others)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._ours or job_id in self._others

    def put(self, job_id: str, kv: store.KeyValue) -> None:
        """A job became ready; jobs for other handlers are not ours."""
        self.remove(job_id)
        if kv.value in self._handlers:
            now = self._clock.monotonic()
            self._sort_in(ReadyJob(job_id, kv.value, kv.mod_revision, now))

    def remove(self, job_id: str) -> None:
        """A job is not ready any more."""
        self._ours.pop(job_id, None)
        self._others.pop(job_id, None)

    def take_ready(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in what happened to the ready jobs."""
        start = len(item.prefix)
        if isinstance(item, store.Snapshot):
            self._ours.clear()
            self._others.clear()
            for kv in sorted(item.items, key=_MODIFIED):
                self.put(kv.key[start:], kv)
            return
        for event in item.events:
            if event.type is store.EventType.PUT:
                self.put(event.kv.key[start:], event.kv)
            else:
                self.remove(event.kv.key[start:])

    def take_workers(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in which workers came and went."""
        start = len(item.prefix)
        if isinstance(item, store.Snapshot):
            self._workers.clear()
            self._forget_rings()
            for kv in item.items:
                self.put_worker(kv.key[start:], kv)
            return
        for event in item.events:
            if event.type is store.EventType.PUT:
                self.put_worker(event.kv.key[start:], event.kv)
            else:
                self.remove_worker(event.kv.key[start:])

    def put_worker(self, worker_id: str, kv: store.KeyValue) -> None:
        """A worker is there, or has changed."""
        try:
            record = WorkerRecord.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            LOG.warning('Worker skipped: %s', error)
            return
        handlers = frozenset(record.handlers)
        if self._workers.get(worker_id) != handlers:
            self._workers[worker_id] = handlers
            self._forget_rings()

    def remove_worker(self, worker_id: str) -> None:
        """A worker is gone; its share falls to the others."""
        if self._workers.pop(worker_id, None) is not None:
            self._forget_rings()

    def take(self, limit: int) -> list[ReadyJob]:
        """The jobs to claim now, ours first, then the oldest.

        :param limit: how many at most
        """
        self._sort()
        found = list(itertools.islice(self._ours.values(), limit))
        opened = self._clock.monotonic() - self._offer_delay
        for job in self._others.values():
            if len(found) >= limit or job.since > opened:
                break
            found.append(job)
        return found

    def next_due(self) -> float | None:
        """When a job offered to others opens to all (monotonic).

        One that is open already is taken as soon as a slot is free.
        """
        self._sort()
        first = next(iter(self._others.values()), None)
        if first is None:
            return None
        due = first.since + self._offer_delay
        return due if due > self._clock.monotonic() else None

    def _forget_rings(self) -> None:
        self._rings.clear()
        self._sorted = False

    def _sort(self) -> None:
        """Work out anew whose jobs these are."""
        if self._sorted:
            return
        self._sorted = True
        jobs = [*self._ours.values(), *self._others.values()]
        jobs.sort(key=lambda job: job.since)
        self._ours.clear()
        self._others.clear()
        for job in jobs:
            self._sort_in(job)

    def _sort_in(self, job: ReadyJob) -> None:
        ours = self._owner(job) == self._identity
        (self._ours if ours else self._others)[job.id] = job

    def _owner(self, job: ReadyJob) -> str:
        ring = self._rings.get(job.handler)
        if ring is None:
            nodes = {
                worker_id
                for worker_id, handlers in self._workers.items()
                if job.handler in handlers
            }
            ring = hashring.HashRing(nodes | {self._identity})
            self._rings[job.handler] = ring
        (owner,) = ring.get_nodes(job.id.encode())
        return str(owner)
