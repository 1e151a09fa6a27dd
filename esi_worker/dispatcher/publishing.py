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

"""What a worker writes for a job: claim, result, publication, return.

All of it is fenced by the create revision of the claim, so a worker
that lost it writes nothing. The order of what becomes visible is that of
section 2.1 of the reference of the job protocol: stack record and job
state first, then the published state together with the end of the job.
"""

from __future__ import annotations

import dataclasses

from esi_worker import store
from esi_worker.dispatcher.runs import Run
from esi_worker.model import (
    Done,
    Failed,
    JobState,
    OnFailure,
    PublishedState,
    StackRecord,
    records,
)
from esi_worker.model.codec import Json

Operations = list[store.Put | store.Delete]


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What a finished run brought, merged with what was there."""

    run: Run
    outcome: Done | Failed
    state: JobState

    @property
    def error(self) -> str | None:
        return self.outcome.error if isinstance(self.outcome, Failed) else None

    @property
    def stops(self) -> bool:
        """Whether it is the end of the whole workflow."""
        job = self.run.job
        failed = self.error is not None
        return job.is_last or (failed and job.on_failure is OnFailure.FAIL)


def merge(before: JobState, run: Run, outcome: Done | Failed) -> JobState:
    """Add what a job brought to what its workflow has brought so far."""
    if isinstance(outcome, Done):
        return before.merged(outcome.results)
    if run.job.on_failure is OnFailure.IGNORE and not run.job.is_last:
        # The workflow goes on as if this job had brought nothing.
        return before
    failure: dict[str, Json] = {
        'heat_outputs': [],
        **before.values,
        'orchestration_state': f'{run.job.action.verb}_ERROR',
        **outcome.results,
    }
    return JobState(failure)


def claim(
    keys: store.KeyLayout, run: Run, ready_at: int, token: str, lease: int
) -> store.Transition:
    """Take a job: only while it is ready, and only once."""
    job_id = run.job.id
    operations: Operations = [
        store.Put(keys.working(job_id), token, lease),
        store.Delete(keys.ready(job_id)),
    ]
    if run.job.is_first:
        state = JobState()
        operations.append(store.Put(keys.job_state(run.path), state.encode()))
    return store.Transition(
        (
            store.Compare.modified_at(keys.ready(job_id), ready_at),
            store.Compare.missing(keys.working(job_id)),
            store.Compare.created_at(keys.job(job_id), run.stored_at),
        ),
        tuple(operations),
    )


def result(keys: store.KeyLayout, found: Result) -> store.Transition:
    """Write the stack's record and the job state."""
    path = found.run.path
    operations: Operations = []
    stack = found.outcome.stack
    if stack is not None:
        operations += _stack(keys, path, stack)
    operations.append(store.Put(keys.job_state(path), found.state.encode()))
    return store.Transition((_fence(keys, found.run),), tuple(operations))


def _stack(keys: store.KeyLayout, path: str, stack: StackRecord) -> Operations:
    """Write a stack's record; its mark is always that of the record."""
    record = store.Put(keys.heat_stack(path), stack.encode())
    key = keys.stack_mark(path)
    if stack.mark is None:
        return [record, store.Delete(key)]
    return [record, store.Put(key, stack.mark.encode())]


def publish(keys: store.KeyLayout, found: Result) -> store.Transition:
    """End a job, with its state if it is the workflow's last.

    The config must still be the one that the job was made from: not
    gone, and not another incarnation of the same id.
    """
    run = found.run
    if not found.stops or run.job.version <= 0:
        return end(keys, found)
    config = keys.config(run.path)
    transition = end(keys, found)
    value = _published(found).encode(keys.state_shape)
    state = store.Put(keys.state(run.path), value)
    return store.Transition(
        (
            *transition.compares,
            store.Compare.exists(config),
            store.Compare.created_before(config, run.stored_at),
        ),
        (state, *transition.operations),
    )


def end(keys: store.KeyLayout, found: Result) -> store.Transition:
    """End a job without a state."""
    job_id = found.run.job.id
    operations: Operations = [
        store.Put(keys.finished(job_id), records.encode_finished(found.error)),
        store.Delete(keys.working(job_id)),
    ]
    if found.stops:
        operations.append(store.Delete(keys.job_state(found.run.path)))
    return store.Transition((_fence(keys, found.run),), tuple(operations))


def hand_over(keys: store.KeyLayout, run: Run) -> store.Transition:
    """Give a job back so that another worker takes it at once."""
    job = run.job
    return store.Transition(
        (_fence(keys, run),),
        (
            store.Delete(keys.working(job.id)),
            store.Put(keys.ready(job.id), job.handler),
        ),
    )


def _published(found: Result) -> PublishedState:
    job, error = found.run.job, found.error
    if error is None:
        return PublishedState.completed(job.action, job.version, found.state)
    return PublishedState.failed(job.action, job.version, found.state, error)


def _fence(keys: store.KeyLayout, run: Run) -> store.Compare:
    return store.Compare.created_at(keys.working(run.job.id), run.claimed_at)
