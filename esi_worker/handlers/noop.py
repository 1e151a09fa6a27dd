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

"""A handler that does nothing, for tests and benchmarks.

It publishes what the Heat handler would publish for a stack without
outputs. The field ``noop`` of a resource, an object, makes it misbehave:

``fail``
    the text of a failure; the job ends with it.
``wait``
    so many times the job is still in progress before it ends.
``retry``
    so many times the start is put off first.
``after``
    seconds between those times, 0 by default.
``actions``
    the actions that misbehave, such as ``["create"]``; all by default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import threading

from esi_worker.handlers import base
from esi_worker.model import Done, Failed, InProgress, Job, Outcome, Retry
from esi_worker.model.codec import Json

FIELD = 'noop'
_STATUS = {
    'CREATE': 'CREATE_COMPLETE',
    'MODIFY': 'UPDATE_COMPLETE',
    'DELETE': 'DELETE_COMPLETE',
}


class NoopHandler(base.Handler):
    """The handler ``noop``."""

    def __init__(self, context: base.HandlerContext) -> None:
        super().__init__(context)
        self._lock = threading.Lock()
        self._asked: dict[str, int] = {}

    def start(self, job: Job) -> Outcome:
        return self._next(job)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        return {job.id: self._next(job) for job in jobs}

    def _next(self, job: Job) -> Outcome:
        wishes = _wishes(job)
        after = float(wishes.get('after', 0))
        retries = int(wishes.get('retry', 0))
        times = self._count(job.id)
        if times <= retries:
            return Retry('the resource asks for it', after)
        if times <= retries + int(wishes.get('wait', 0)):
            return InProgress(after)
        with self._lock:
            del self._asked[job.id]
        return _end(job, wishes)

    def _count(self, job_id: str) -> int:
        with self._lock:
            self._asked[job_id] = self._asked.get(job_id, 0) + 1
            return self._asked[job_id]


def _wishes(job: Job) -> Mapping[str, Json]:
    wishes = job.resource_input.get(FIELD)
    if not isinstance(wishes, dict):
        return {}
    actions = wishes.get('actions')
    if actions is not None and job.action.value not in actions:
        return {}
    return wishes


def _end(job: Job, wishes: Mapping[str, Json]) -> Outcome:
    verb = job.action.verb
    if 'fail' in wishes:
        return Failed(
            error=f'NoopFailure: {wishes["fail"]}',
            results=_results(f'{verb}_ERROR'),
        )
    return Done(_results(_STATUS[verb]))


def _results(status: str) -> dict[str, Json]:
    return {'heat_outputs': [], 'orchestration_state': status}
