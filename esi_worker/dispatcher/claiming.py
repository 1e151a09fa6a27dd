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

"""Taking ready jobs, a batch at a time.

A claim whose answer was lost is looked up by its token, which is made
anew for each reservation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses
import uuid

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.dispatcher import publishing
from esi_worker.dispatcher.offers import OfferBook, ReadyJob
from esi_worker.dispatcher.runs import Run
from esi_worker.model import Job, TypeRegistry

LOG = logging.getLogger(__name__)

#: Gives the transition that tells others which jobs are being started.
Announce = Callable[[Sequence[str]], store.Transition]


@dataclasses.dataclass(frozen=True, slots=True)
class _Attempt:
    run: Run
    token: str


class Claimer:
    """Turns offers into runs."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        types: TypeRegistry,
        offers: OfferBook,
    ) -> None:
        self._store = target
        self._keys = keys
        self._types = types
        self._offers = offers
        self._unclear: list[_Attempt] = []

    def clear(self) -> None:
        self._unclear.clear()

    def claim(self, limit: int, lease: int, announce: Announce) -> list[Run]:
        """Claim up to ``limit`` jobs.

        :returns: the runs that are ours now
        :raises StoreError: what is unclear is settled the next time
        """
        settled = self._settle()
        offered = self._offers.take(limit - len(settled))
        pairs = self._read(offered)
        if not pairs:
            return settled
        attempts = [_Attempt(run, str(uuid.uuid4())) for _, run in pairs]
        transitions = [announce([run.job.id for _, run in pairs])]
        for (offer, run), attempt in zip(pairs, attempts, strict=True):
            transitions.append(
                publishing.claim(
                    self._keys, run, offer.revision, attempt.token, lease
                )
            )
            self._offers.remove(offer.id)
        self._unclear = attempts
        results = store.commit(self._store, transitions)[1:]
        self._unclear = []
        return settled + _claimed(attempts, results)

    def _settle(self) -> list[Run]:
        """Find out about claims whose answer was lost."""
        attempts, keys = self._unclear, self._keys
        if not attempts:
            return []
        found = self._store.get_many(
            [
                place(attempt.run.job.id)
                for attempt in attempts
                for place in (keys.working, keys.ready)
            ]
        )
        self._unclear = []
        ours = []
        for attempt in attempts:
            job_id = attempt.run.job.id
            claim = found.get(keys.working(job_id))
            ready = found.get(keys.ready(job_id))
            if claim is not None and claim.value == attempt.token:
                attempt.run.claimed_at = claim.create_revision
                ours.append(attempt.run)
            elif ready is not None:
                self._offers.put(job_id, ready)
        return ours

    def _read(self, offered: Sequence[ReadyJob]) -> list[tuple[ReadyJob, Run]]:
        if not offered:
            return []
        found = self._store.get_many(
            [self._keys.job(offer.id) for offer in offered]
        )
        pairs = []
        for offer in offered:
            run = self._run(found.get(self._keys.job(offer.id)))
            if run is None:
                self._offers.remove(offer.id)
            else:
                pairs.append((offer, run))
        return pairs

    def _run(self, kv: store.KeyValue | None) -> Run | None:
        if kv is None:
            return None
        try:
            job = Job.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            LOG.error('Job skipped: %s', error)
            return None
        path = self._types.path(job.resource)
        if path is None:
            LOG.error(
                'Job skipped: %s: "%s" is no known resource type; add its '
                'schema or its driver.yaml',
                kv.key,
                job.resource.type,
            )
            return None
        return Run(job, path, kv.create_revision, claimed_at=0)


def _claimed(
    attempts: Sequence[_Attempt], results: Sequence[store.Committed]
) -> list[Run]:
    ours = []
    for attempt, result in zip(attempts, results, strict=True):
        if result.applied:
            attempt.run.claimed_at = result.revision
            ours.append(attempt.run)
    return ours
