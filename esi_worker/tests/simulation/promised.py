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

"""What operators were promised, followed beside the auditor.

A request is answered once, on its own lease, by the leader. A paused
resource gets no job. A worker that is drained claims nothing more once
it must have heard of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
from typing import Any

from esi_worker import store
from esi_worker.scheduler.forgetting import FORGET
from esi_worker.tests.simulation import kernel as kernels
from esi_worker.tests.simulation import world

_PUT = store.EventType.PUT
#: Seconds until a drained worker knows: a watch may be silent for 20.
_HEARING = 40.0


class OperatorRules:
    """Says which promise a change breaks."""

    def __init__(
        self,
        keys: store.KeyLayout,
        clock: kernels.SimClock,
        broken: Callable[[str], None],
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._break = broken
        #: The requests there are: their leases, and whether answered.
        self._requests: dict[str, tuple[int, bool]] = {}
        self._paused: set[str] = set()
        self._jobs: set[str] = set()
        #: The workers that are drained: their leases, and since when.
        self._drained: dict[str, tuple[int, float]] = {}
        #: The paths of resources whose stacks were left to themselves.
        self.forgotten: set[str] = set()

    def observe(self, events: Sequence[store.Event]) -> None:
        """Take in the events of one revision."""
        keys = self._keys
        follow: tuple[tuple[str, Callable[[str, store.Event], None]], ...] = (
            (keys.job(''), self._follow_job),
            (keys.request(''), self._follow_request),
            (keys.paused(''), self._follow_pause),
            (keys.draining(''), self._follow_draining),
            (keys.working(''), self._follow_claim),
            (keys.configs, self._follow_config),
        )
        for event in events:
            for prefix, take in follow:
                if event.kv.key.startswith(prefix):
                    take(event.kv.key[len(prefix) :], event)

    def heard_nothing(self) -> None:
        """The store was away until now."""
        now = self._clock.now
        for worker, (lease, _) in list(self._drained.items()):
            self._drained[worker] = lease, now

    def _follow_request(self, name: str, event: store.Event) -> None:
        if event.type is not _PUT:
            self._requests.pop(name, None)
            return
        record = json.loads(event.kv.value)
        answered = record.get('answer') is not None
        lease, before = self._requests.get(name, (event.kv.lease, False))
        if before:
            self._break(f'request {name} is written after its answer')
        if not event.kv.lease or event.kv.lease != lease:
            self._break(f'request {name} would stay for ever')
        self._requests[name] = lease, answered
        if answered and record['answer']['outcome'] == 'accepted':
            self._accepted(record)

    def _accepted(self, record: Any) -> None:
        if record['action'] == FORGET:
            ref = record['resource_type'], record['resource_id']
            self.forgotten.add(world.BY_REF[ref].path)

    def _follow_config(self, path: str, event: store.Event) -> None:
        if event.type is _PUT:
            self.forgotten.discard(path)

    def _follow_pause(self, path: str, event: store.Event) -> None:
        if event.type is _PUT:
            self._paused.add(path)
        else:
            self._paused.discard(path)

    def _follow_job(self, job_id: str, event: store.Event) -> None:
        if event.type is not _PUT:
            self._jobs.discard(job_id)
        elif job_id not in self._jobs:
            self._jobs.add(job_id)
            _, _, type_, id_, _ = job_id.split(':', 4)
            if world.BY_REF[type_, id_].path in self._paused:
                self._break(f'{job_id} is made for a paused resource')

    def _follow_draining(self, worker: str, event: store.Event) -> None:
        if event.type is not _PUT:
            self._drained.pop(worker, None)
        elif worker not in self._drained:
            self._drained[worker] = event.kv.lease, self._clock.now

    def _follow_claim(self, job_id: str, event: store.Event) -> None:
        for worker, (lease, since) in self._drained.items():
            late = self._clock.now > since + _HEARING
            if event.type is _PUT and lease == event.kv.lease and late:
                self._break(f'{job_id} is claimed by {worker}, though drained')
