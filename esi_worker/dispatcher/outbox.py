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

"""Results on their way to the store.

What a run brought stays here until the store has taken it or the claim
is known to be lost. A refusal is never repeated blindly: the claim and
the config are looked at first.
"""

from __future__ import annotations

from collections.abc import Collection
import dataclasses

from oslo_log import log as logging

from esi_worker import exceptions, metrics, store
from esi_worker.dispatcher import publishing
from esi_worker.dispatcher.announcing import Announcer
from esi_worker.dispatcher.runs import Run
from esi_worker.model import Done, Failed, JobState

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class _Item:
    run: Run
    outcome: Done | Failed
    found: publishing.Result | None = None
    recorded: bool = False
    stateless: bool = False


class Outbox:
    """Publishes results in batches."""

    def __init__(self, target: store.Store, keys: store.KeyLayout) -> None:
        self._store = target
        self._keys = keys
        self._items: dict[str, _Item] = {}
        self._over: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, run: Run, outcome: Done | Failed) -> None:
        self._items[run.job.id] = _Item(run, outcome)

    def clear(self) -> None:
        self._items.clear()

    def flush(
        self, announcer: Announcer, starting: Collection[str]
    ) -> list[tuple[str, str]]:
        """Write what can be written.

        :param announcer: what it has to tell is written along
        :param starting: the jobs that are being started
        :returns: the ids of the jobs that are over for this worker, each
            with ``done``, ``failed``, or nothing when it was lost
        :raises StoreError: the rest stays for the next time
        """
        if self._items:
            self._merge()
            self._record()
            self._publish(announcer, starting)
            if any(item.stateless for item in self._items.values()):
                self._publish(announcer, starting)
        over, self._over = self._over, []
        return over

    def _merge(self) -> None:
        for item in self._items.values():
            if item.found is None:
                before = self._state_before(item.run)
                state = publishing.merge(before, item.run, item.outcome)
                item.found = publishing.Result(item.run, item.outcome, state)

    def _state_before(self, run: Run) -> JobState:
        if run.job.is_first:
            return JobState()
        key = self._keys.job_state(run.path)
        kv = self._store.get(key)
        if kv is None:
            return JobState()
        try:
            return JobState.decode(key, kv.value)
        except exceptions.DecodeError as error:
            LOG.error('Job state skipped: %s', error)
            return JobState()

    def _record(self) -> None:
        items = [item for item in self._items.values() if not item.recorded]
        results = store.commit(
            self._store,
            [publishing.result(self._keys, _found(item)) for item in items],
        )
        for item, result in zip(items, results, strict=True):
            item.recorded = result.applied
            if result.error is not None:
                self._too_large(item, result.error)
            elif not result.applied:
                self._lose(item)

    def _publish(
        self, announcer: Announcer, starting: Collection[str]
    ) -> None:
        items = [item for item in self._items.values() if item.recorded]
        if not items:
            return
        news = announcer.news(starting)
        try:
            results = store.commit(
                self._store, [*map(self._last, items), *news]
            )
        except exceptions.CommitInterrupted as interruption:
            for item, result in zip(items, interruption.results, strict=False):
                if isinstance(result, store.Committed) and result.applied:
                    self._over.append(self._done(item))
            raise
        if news and results[-1].applied:
            announcer.confirmed()
        for item, result in zip(items, results, strict=False):
            if result.applied:
                self._over.append(self._done(item))
            elif result.error is not None:
                self._too_large(item, result.error)
            else:
                self._refused(item)

    def _last(self, item: _Item) -> store.Transition:
        build = publishing.end if item.stateless else publishing.publish
        return build(self._keys, _found(item))

    def _refused(self, item: _Item) -> None:
        """Find out why; a gone config means no state, not no end."""
        run = item.run
        claim = self._store.get(self._keys.working(run.job.id))
        if claim is None or claim.create_revision != run.claimed_at:
            self._lose(item)
            return
        LOG.info(
            'The config of %s is gone, its state is not published',
            run.job.resource,
        )
        item.stateless = True

    def _done(self, item: _Item) -> tuple[str, str]:
        job = item.run.job
        del self._items[job.id]
        if isinstance(item.outcome, Failed):
            LOG.warning('Job %s failed: %s', job.id, item.outcome.error)
            return job.id, 'failed'
        LOG.info('Job %s finished', job.id)
        return job.id, 'done'

    def _lose(self, item: _Item) -> None:
        job = item.run.job
        del self._items[job.id]
        LOG.warning('Job %s is not ours any more, nothing is written', job.id)
        metrics.CLAIMS_LOST.inc()
        self._over.append((job.id, ''))

    def _too_large(self, item: _Item, error: exceptions.StoreError) -> None:
        """A result that no store takes fails the job instead."""
        failed = Failed(f'{type(error).__name__}: {error}')
        state = publishing.merge(JobState(), item.run, failed)
        item.outcome = failed
        item.found = publishing.Result(item.run, failed, state)
        item.recorded = False


def _found(item: _Item) -> publishing.Result:
    assert item.found is not None
    return item.found
