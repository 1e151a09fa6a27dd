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
them and all that wait for those, except newer versions of the same
resource, which are there to mend things.

The mirrors are changed here at once: what is written depends on nothing
but the fence. ``all`` and ``finished`` of the job go last, so that a
leader that dies half way leaves its successor the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

from oslo_log import log as logging

from esi_worker import store
from esi_worker.model import Job, JobState, OnFailure, PublishedState, records
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

Operations = list[store.Put | store.Delete]


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

    def finish(self, entry: Entry) -> list[store.Transition]:
        """Take a finished job out of the queue."""
        job = entry.job
        key = self._keys.finished(job.id)
        error = records.decode_finished(key, entry.result or '')
        transitions: list[store.Transition] = []
        if error is not None:
            LOG.warning('Job %s has failed: %s', job.id, error)
        if error is not None and job.on_failure is OnFailure.FAIL:
            transitions += self._cancel(job, error)
        freed = self._world.table.remove(job.id)
        transitions += [self.release(each) for each in freed]
        transitions.append(self._remove(job, error))
        return transitions

    def release(self, entry: Entry) -> store.Transition:
        """Let a job start that waits for nothing any more."""
        entry.ready = True
        job = entry.job
        return store.Transition(
            (),
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
        entry.claim = None
        LOG.warning('Job %s lost its worker and is ready again', job.id)
        return store.Transition(
            (
                store.Compare.missing(self._keys.working(job.id)),
                store.Compare.missing(self._keys.finished(job.id)),
            ),
            tuple(operations),
        )

    def give_up(self, entry: Entry) -> list[store.Transition]:
        """End a job that took down every worker which started it."""
        job = entry.job
        error = (
            f'JobGivenUp: {job.attempt + 1} workers died while they started '
            'this job'
        )
        entry.claim = None
        entry.result = records.encode_finished(error)
        state = self._failed_state(job, error)
        return [*([state] if state else []), *self.finish(entry)]

    # --- failures ---------------------------------------------------------

    def _cancel(self, failed: Job, error: str) -> list[store.Transition]:
        cancelled = self._waiting_in_vain(failed)
        if not cancelled:
            return []
        LOG.warning(
            'Cancelled with %s: %s',
            failed.id,
            ', '.join(entry.job.id for entry in cancelled),
        )
        transitions: list[store.Transition] = []
        told = {failed.name}
        for entry in cancelled:
            job = entry.job
            transitions.append(self._drop(job))
            if job.name not in told:
                told.add(job.name)
                transitions += self._tell(job, failed, error)
        for entry in reversed(cancelled):
            for freed in self._world.table.remove(entry.job.id):
                transitions.append(self.release(freed))
        return transitions

    def _waiting_in_vain(self, failed: Job) -> list[Entry]:
        found: dict[str, Entry] = {}
        todo = [failed]
        while todo:
            job = todo.pop()
            for entry in self._world.table.dependants(job.id):
                if entry.job.id in found or _mends(entry.job, job):
                    continue
                found[entry.job.id] = entry
                todo.append(entry.job)
        return sorted(found.values(), key=lambda entry: entry.sequence)

    def _drop(self, job: Job) -> store.Transition:
        return store.Transition(
            (),
            (
                store.Delete(self._keys.job(job.id)),
                store.Delete(self._keys.waiting(job.id)),
            ),
        )

    def _tell(
        self, job: Job, failed: Job, error: str
    ) -> list[store.Transition]:
        text = f'Cancelled: {failed.resource} has failed: {error}'
        state = self._failed_state(job, text)
        return [state] if state else []

    def _failed_state(self, job: Job, error: str) -> store.Transition | None:
        """Publish a failure, unless the config is gone."""
        resource = self._world.cache.get(job.resource)
        if resource is None or job.version <= 0:
            return None
        path = resource.path
        state = PublishedState.failed(
            job.action, job.version, JobState(), error
        )
        return store.Transition(
            (
                store.Compare.created_at(
                    self._keys.config(path), resource.create_revision
                ),
            ),
            (
                store.Put(self._keys.state(path), state.encode()),
                store.Delete(self._keys.job_state(path)),
            ),
        )

    def _remove(self, job: Job, error: str | None) -> store.Transition:
        operations: Operations = [
            store.Delete(self._keys.job(job.id)),
            store.Delete(self._keys.finished(job.id)),
        ]
        path = self._world.types.path(job.resource)
        if path is not None:
            operations.append(self._world.history.put(path, job, error))
        return store.Transition((), tuple(operations))


def _mends(job: Job, failed: Job) -> bool:
    """Whether a job is another version of what has failed."""
    return job.resource == failed.resource and job.name != failed.name
