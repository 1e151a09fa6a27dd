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

"""The ends of jobs: release, cancel, hand back, give up.

A job is finished when its ``finished`` key exists and its claim is
gone. A success releases the jobs that waited for it. A failure cancels
them and all that wait for those, except what mends things or would
work all the same (see ``cancelling``).

The mirrors are changed here at once: what is written depends on nothing
but the fence. ``all`` and ``finished`` of the job go last, and what is
told about cancelled jobs goes before these are dropped, so that a
leader that dies half way leaves its successor the rest. A transaction
that the store applies late, when its answer was given up long ago, must
do no harm: what it touches is compared to be there still.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

from oslo_log import log as logging

from esi_worker import store
from esi_worker.model import (
    Action,
    Job,
    JobState,
    OnFailure,
    PublishedState,
    records,
)
from esi_worker.model.handlers import is_replaced
from esi_worker.scheduler import cancelling
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

Operations = list[store.Put | store.Delete]


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """What is to be written about a job's end, and what ends with it.

    ``error`` is None for a success, ``cancelled`` are the jobs that a
    failure takes along.
    """

    job: Job
    error: str | None
    transitions: tuple[store.Transition, ...]
    cancelled: tuple[Job, ...] = ()


class Finisher:
    """Builds the transitions for ended jobs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys = world.keys

    def prefetch(self, entries: Sequence[Entry]) -> None:
        """Read at once what finishing these jobs needs."""
        refs = {entry.job.resource for entry in entries}
        paths = (self._world.types.path(ref) for ref in refs)
        self._world.history.prefetch(
            [path for path in paths if path is not None]
        )

    def finish(self, entry: Entry) -> End:
        """Take a finished job out of the queue."""
        job = entry.job
        key = self._keys.finished(job.id)
        error = records.decode_finished(key, entry.result or '')
        cancelled: list[Entry] = []
        if error is not None:
            LOG.warning('Job %s has failed: %s', job.id, error)
            if job.on_failure is OnFailure.FAIL:
                cancelled = cancelling.in_vain(self._world.table, job)
        transitions = self._cancel(job, error or '', cancelled)
        freed = self._world.table.remove(job.id)
        transitions += [self.release(each) for each in freed]
        transitions.append(self._remove(job, error))
        return End(
            job,
            error,
            tuple(transitions),
            tuple(each.job for each in cancelled),
        )

    def release(self, entry: Entry) -> store.Transition:
        """Let a job start that waits for nothing any more."""
        entry.ready = True
        job = entry.job
        return store.Transition(
            (
                store.Compare.exists(self._keys.job(job.id)),
                store.Compare.missing(self._keys.working(job.id)),
            ),
            (
                store.Put(self._keys.ready(job.id), job.handler),
                store.Delete(self._keys.waiting(job.id)),
            ),
        )

    def requeue(self, entry: Entry, *, counts: bool) -> store.Transition:
        """Make a job ready again whose worker is gone.

        :param counts: the worker died while it started this very job
        """
        job = entry.job
        operations: Operations = [
            store.Put(self._keys.ready(job.id), job.handler)
        ]
        if counts:
            job = dataclasses.replace(job, attempt=job.attempt + 1)
            entry.job = job
            operations.append(store.Put(self._keys.job(job.id), job.encode()))
        LOG.warning('Job %s lost its worker and is ready again', job.id)
        return store.Transition(
            (
                store.Compare.exists(self._keys.job(job.id)),
                store.Compare.missing(self._keys.working(job.id)),
                store.Compare.missing(self._keys.finished(job.id)),
            ),
            tuple(operations),
        )

    def give_up(self, entry: Entry) -> End:
        """End a job that took down every worker which started it."""
        job = entry.job
        error = (
            f'JobGivenUp: {job.attempt + 1} workers died while they started '
            'this job'
        )
        entry.result = records.encode_finished(error)
        ends_all = job.is_last or job.on_failure is OnFailure.FAIL
        told = self.tell(entry, error) if ends_all else []
        end = self.finish(entry)
        return dataclasses.replace(end, transitions=(*told, *end.transitions))

    # --- failures ---------------------------------------------------------

    def _cancel(
        self, failed: Job, error: str, cancelled: Sequence[Entry]
    ) -> list[store.Transition]:
        if not cancelled:
            return []
        names = ', '.join(entry.job.id for entry in cancelled)
        LOG.warning('Cancelled with %s: %s', failed.id, names)
        text = f'Cancelled: job {failed.id} has failed: {error}'
        transitions: list[store.Transition] = []
        table = self._world.table
        told = {entry.job.id for entry in table.workflow(failed)}
        for entry in cancelled:
            if entry.job.id not in told and self.failed_in(entry) is None:
                told.update(each.job.id for each in table.workflow(entry.job))
                transitions += self.tell(entry, text)
        transitions += [self._drop(entry) for entry in cancelled]
        for entry in reversed(cancelled):
            for freed in self._world.table.remove(entry.job.id):
                transitions.append(self.release(freed))
        return transitions

    def _drop(self, entry: Entry) -> store.Transition:
        job_id = entry.job.id
        operations: Operations = [
            store.Delete(self._keys.job(job_id)),
            store.Delete(self._keys.waiting(job_id)),
        ]
        if entry.result is not None:
            # It was called off while it waited.
            operations.append(store.Delete(self._keys.finished(job_id)))
        return store.Transition((), tuple(operations))

    def failed_in(self, entry: Entry) -> Entry | None:
        """The job of the same workflow that has failed and is still to be
        acted on; its error is the workflow's and is told already."""
        for each in self._world.table.workflow(entry.job):
            job = each.job
            if job.on_failure is OnFailure.IGNORE and not job.is_last:
                continue
            key = self._keys.finished(job.id)
            if records.decode_finished(key, each.result or '') is not None:
                return each
        return None

    def tell(self, entry: Entry, error: str) -> list[store.Transition]:
        """Publish a failure of a workflow, unless the config that the job
        was made from is gone."""
        job = entry.job
        path = self._world.types.path(job.resource)
        if path is None or job.version <= 0:
            return []
        state = PublishedState.failed(
            self._action(job), job.version, JobState(), error
        )
        config = self._keys.config(path)
        return [
            store.Transition(
                (
                    store.Compare.exists(self._keys.job(job.id)),
                    store.Compare.exists(config),
                    store.Compare.created_before(config, entry.stored_at),
                ),
                (
                    store.Put(
                        self._keys.state(path),
                        state.encode(self._keys.state_shape),
                    ),
                    store.Delete(self._keys.job_state(path)),
                ),
            )
        ]

    def _action(self, job: Job) -> Action:
        """What the whole workflow of a job was to do.

        A modification begins by taking monitoring away, which is no
        deletion of the resource.
        """
        jobs = [each.job for each in self._world.table.workflow(job)]
        for each in jobs:
            if not is_replaced(each.handler):
                return each.action
        return jobs[-1].action if jobs else job.action

    def _remove(self, job: Job, error: str | None) -> store.Transition:
        operations: Operations = [
            store.Delete(self._keys.job(job.id)),
            store.Delete(self._keys.ready(job.id)),
            store.Delete(self._keys.finished(job.id)),
        ]
        path = self._world.types.path(job.resource)
        if path is not None:
            operations.append(self._world.history.put(path, job, error))
        return store.Transition((), tuple(operations))
