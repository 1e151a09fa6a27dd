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

A claim that brought no answer, or a refusal, is looked at the next time:
the store may apply a request long after it was given up, and what hangs
on our lease is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
import uuid

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.dispatcher import publishing
from esi_worker.dispatcher.announcing import Announcer
from esi_worker.dispatcher.offers import OfferBook, ReadyJob
from esi_worker.dispatcher.runs import Run, Runs, together
from esi_worker.model import Job, TypeRegistry

LOG = logging.getLogger(__name__)


class Claimer:
    """Turns offers into runs."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        types: TypeRegistry,
        handlers: Collection[str],
        offers: OfferBook,
        lease: store.Lease,
    ) -> None:
        self._store = target
        self._keys = keys
        self._types = types
        self._handlers = handlers
        self._offers = offers
        self._lease = lease
        self._unclear: list[Run] = []

    def claim(
        self, limit: int, announcer: Announcer, known: Runs
    ) -> list[Run]:
        """Claim up to ``limit`` jobs, and tell which are being started.

        :param known: all claims so far
        :returns: the runs that are ours now; one whose earlier answer
            was lost may be among them
        :raises StoreError: what is unclear is settled the next time
        """
        settled = self._settle()
        pairs = self._read(self._offers.take(limit - len(settled)))
        runs = together([run for _, run in pairs], [*known.begun(), *settled])
        if not runs:
            return settled
        pairs = pairs[: len(runs)]
        names = [run.job.id for run in (*settled, *runs)]
        transitions = [announcer.transition(known.starting(names))]
        for offer, run in pairs:
            transitions.append(
                publishing.claim(
                    self._keys,
                    run,
                    offer.revision,
                    str(uuid.uuid4()),
                    self._lease.id,
                )
            )
            self._offers.remove(offer.id)
        claimed = {run.job.id for run in runs}
        hanging = [r for r in self._unclear if r.job.id not in claimed]
        self._unclear = [*hanging, *settled, *runs]
        announced, *results = store.commit(self._store, transitions)
        self._unclear = hanging
        if announced.applied:
            announcer.confirmed()
        for run, result in zip(runs, results, strict=True):
            run.claimed_at = result.revision
            if not result.applied:
                self._unclear.append(run)
        return settled + [run for run in runs if run.claimed_at]

    def give_back(self, runs: Sequence[Run]) -> None:
        """Make claimed jobs ready again, and what turns out to be ours.

        :raises StoreError: which of them are still ours is settled with
            the next claim, or when jobs are given back again
        """
        if self._unclear:
            # These are looked at too: they must not be lost from sight.
            self._unclear += runs
            runs = self._settle()
        if not runs:
            return
        self._unclear += runs
        store.commit(
            self._store,
            [publishing.hand_over(self._keys, run) for run in runs],
        )
        given = {run.job.id for run in runs}
        self._unclear = [
            run for run in self._unclear if run.job.id not in given
        ]

    def _settle(self) -> list[Run]:
        """Find out about claims that brought no answer or a refusal."""
        unclear, keys = self._unclear, self._keys
        if not unclear:
            return []
        found = self._store.get_many(
            [
                place(run.job.id)
                for run in unclear
                for place in (keys.working, keys.ready)
            ]
        )
        self._unclear = []
        ours = []
        for run in unclear:
            claim = found.get(keys.working(run.job.id))
            ready = found.get(keys.ready(run.job.id))
            if claim is not None and claim.lease == self._lease.id:
                run.claimed_at = claim.create_revision
                ours.append(run)
            elif claim is None and ready is not None:
                # Our request may still arrive; look again until somebody
                # has the job.
                self._unclear.append(run)
                if run.job.id not in self._offers:
                    self._offers.put(run.job.id, ready)
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
        if job.handler not in self._handlers:
            LOG.error(
                'Job skipped: %s is for the handler "%s", but its ready key '
                'names another one',
                kv.key,
                job.handler,
            )
            return None
        return Run(job, path, kv.create_revision, claimed_at=0)
