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

"""Watches every change and says which promise it breaks.

The auditor sees the events of the store with the process that caused
them, and keeps its own idea of who leads, who holds which claim and
which job has to wait for which: that idea follows the rules of the
references and uses none of the scheduler's code.
"""

from __future__ import annotations

import collections
from collections.abc import Collection, Mapping, Sequence
import dataclasses
import json
from typing import Any

from esi_worker import store
from esi_worker.handlers.heat import drifting
from esi_worker.tests.simulation import kernel as kernels
from esi_worker.tests.simulation import promised, world

Ref = tuple[str, str]
_PUT = store.EventType.PUT


class Violation(AssertionError):
    """A promise is broken."""


@dataclasses.dataclass(slots=True)
class _Job:
    ref: Ref
    refs: frozenset[Ref]
    #: Ids of the jobs that have to be over before this one is claimed.
    waits: set[str]
    is_last: bool


@dataclasses.dataclass(slots=True)
class _Config:
    created: int
    version: int
    marked: bool
    #: The version that was published last for this incarnation.
    published: int = 0


class Auditor:
    """Checks promises while a history runs."""

    def __init__(
        self,
        keys: store.KeyLayout,
        holders: Mapping[int, kernels.Process],
        clock: kernels.SimClock,
        guard: float,
    ) -> None:
        """Prepare to watch.

        :param holders: which process has taken a lease
        :param guard: seconds that a deletion waits for what is built on
            its resource
        """
        self._clock = clock
        self._guard = guard
        #: When the deletion of a resource was asked for, and in which
        #: revision.
        self._doomed: dict[str, tuple[float, int]] = {}
        self._keys = keys
        self._holders = holders
        self._leader: kernels.Process | None = None
        #: Who searches for drift.
        self._searcher: kernels.Process | None = None
        self._claims: dict[str, kernels.Process] = {}
        self._jobs: dict[str, _Job] = {}
        self._finished: set[str] = set()
        self._configs: dict[str, _Config] = {}
        #: How often versions are to be published once more.
        self._asked: collections.Counter[tuple[str, int]] = (
            collections.Counter()
        )
        #: The jobs that were made for requests.
        self._counted: set[str] = set()
        self.violations: list[str] = []
        self.operators = promised.OperatorRules(keys, clock, self._break)
        self.states = 0

    def observe(
        self,
        process: kernels.Process | None,
        events: Sequence[store.Event],
    ) -> None:
        """Take in the events of one revision.

        :param process: who caused them, None for the driver and for
            leases that ran out
        """
        if process is not None:
            held = self._held_during(process, events)
            for event in events:
                self._may_write(process, event, held)
        self._follow_jobs(events)
        for event in events:
            self._follow(event)
        self.operators.observe(events)

    def may_change(
        self,
        process: kernels.Process,
        action: str,
        stack: str,
        live: Collection[str],
    ) -> None:
        """A process is about to change a stack."""
        place = world.BY_STACK[stack]
        if action == 'DELETE' and place.path in self._doomed:
            self._may_go(place, live)
        if (place.type.name, place.id) not in self._held(process):
            self._break(f'{process} does {action} of {stack} without a claim')

    def _may_go(self, place: world.Place, live: Collection[str]) -> None:
        """Whether nothing that stays is built on a stack."""
        since, revision = self._doomed[place.path]
        if self._clock.now >= since + self._guard:
            return
        for child in world.PLACES:
            config = self._configs.get(child.path)
            if (
                place.path in child.parents()
                and child.stack in live
                and config is not None
                and not config.marked
                and config.created < revision
            ):
                self._break(f'{place.stack} goes while {child.stack} stays')

    # --- who writes -------------------------------------------------------

    def _may_write(
        self, process: kernels.Process, event: store.Event, held: set[Ref]
    ) -> None:
        """Whether this process may make this change at this moment."""
        keys, key = self._keys, event.kv.key
        led = (
            keys.accepted(''),
            keys.previous(''),
            keys.job(''),
        )
        shared = (
            keys.state(''),
            keys.heat_stack(''),
            keys.stack_mark(''),
            keys.job_state(''),
        )
        if key.startswith((keys.request(''), keys.drift(''))):
            if process not in (self._leader, self._searcher):
                self._break(f'{process} writes {key} and is not elected')
            return
        if key.startswith((*led, keys.waiting(''))):
            if process is not self._leader:
                self._break(f'{process} writes {key} and does not lead')
            return
        for prefix in shared:
            if key.startswith(prefix):
                place = world.BY_PATH[key[len(prefix) :]]
                ref = (place.type.name, place.id)
                if process is not self._leader and ref not in held:
                    self._break(f'{process} writes {key} without a claim')
                if prefix == keys.state(''):
                    self._published(place.path, event)

    def _held(self, process: kernels.Process) -> set[Ref]:
        return {
            _ref(job_id)
            for job_id, holder in self._claims.items()
            if holder is process
        }

    def _held_during(
        self, process: kernels.Process, events: Sequence[store.Event]
    ) -> set[Ref]:
        """What it holds before a transaction, or takes with it."""
        prefix = self._keys.working('')
        taken = {
            _ref(event.kv.key[len(prefix) :])
            for event in events
            if event.kv.key.startswith(prefix) and event.type is _PUT
        }
        return self._held(process) | taken

    # --- what is published ------------------------------------------------

    def _published(self, path: str, event: store.Event) -> None:
        if event.type is not _PUT:
            return
        self.states += 1
        version = json.loads(event.kv.value)['version']
        config = self._configs.get(path)
        if config is None:
            self._break(f'a state of {path} is written without a config')
        elif version > config.version:
            self._break(
                f'{path} shows version {version}, its config has '
                f'{config.version}'
            )
        elif version == config.published and self._was_asked(path, version):
            return
        elif version <= config.published:
            self._break(
                f'{path} shows version {version} after {config.published}'
            )
        else:
            config.published = version

    def _was_asked(self, path: str, version: int) -> bool:
        """Whether an operator has asked for a version once more."""
        self._asked[path, version] -= 1
        return self._asked[path, version] >= 0

    def _follow_request(self, event: store.Event) -> None:
        """What is accepted is done once more, and once for all who have
        asked until then."""
        if event.type is not _PUT:
            return
        answer = json.loads(event.kv.value).get('answer') or {'jobs': []}
        for job_id in set(answer['jobs']) - self._counted:
            self._counted.add(job_id)
            path = world.BY_REF[_ref(job_id)].path
            if self._jobs[job_id].is_last:
                self._asked[path, int(job_id.split(':')[4])] += 1

    # --- what waits for what ----------------------------------------------

    def _follow_jobs(self, events: Sequence[store.Event]) -> None:
        prefix = self._keys.job('')
        mine = [e for e in events if e.kv.key.startswith(prefix)]
        gone = {
            e.kv.key[len(prefix) :]: self._jobs.pop(e.kv.key[len(prefix) :])
            for e in mine
            if e.type is not _PUT and e.kv.key[len(prefix) :] in self._jobs
        }
        made: list[str] = []
        for event in mine:
            job_id = event.kv.key[len(prefix) :]
            if event.type is _PUT and job_id not in self._jobs:
                self._jobs[job_id] = self._job(_fields(event))
                made.append(job_id)
        self._inherit(gone, made)
        for event in mine:
            if event.type is _PUT:
                self._hand_over(event, made)

    def _job(self, fields: Mapping[str, Any]) -> _Job:
        """A new job waits for whatever concerns its resource, whatever
        it refers to and whatever refers to it."""
        ref = (fields['resource_type'], fields['resource_id'])
        refs = frozenset(
            (each['resource_type'], each['resource_id'])
            for param in fields['params']
            for each in param['resources']
        )
        waits = {
            job_id
            for job_id, job in self._jobs.items()
            if job.ref == ref
            or ref in job.refs
            or (job.ref in refs and not _is_monitoring(job_id))
        }
        return _Job(ref, refs, waits, fields['is_last'])

    def _inherit(self, gone: Mapping[str, _Job], made: list[str]) -> None:
        """Who waited for a job whose place is taken waits for the new
        one, which never waits for them."""
        for old_id, old in gone.items():
            heirs = {new for new in made if self._jobs[new].ref == old.ref}
            for job_id, job in self._jobs.items():
                if old_id in job.waits and job_id not in heirs:
                    job.waits |= heirs
                    for heir in heirs:
                        self._jobs[heir].waits.discard(job_id)

    def _hand_over(self, event: store.Event, made: list[str]) -> None:
        """A job that was stored to wait for one that never came is
        rewritten to wait for what takes that one's place."""
        fields = _fields(event)
        job_id = fields['id']
        behind = {job_id} | {
            other for other, job in self._jobs.items() if job_id in job.waits
        }
        for heir in set(fields['dependency']) & set(made):
            self._jobs[job_id].waits.add(heir)
            self._jobs[heir].waits -= behind

    # --- what is there ----------------------------------------------------

    def _follow(self, event: store.Event) -> None:
        keys, key = self._keys, event.kv.key
        if key == keys.election:
            put = event.type is _PUT
            self._leader = self._holders[event.kv.lease] if put else None
        elif key == keys.periodic(drifting.TASK):
            put = event.type is _PUT
            self._searcher = self._holders[event.kv.lease] if put else None
        elif key.startswith(keys.working('')):
            self._follow_claim(key[len(keys.working('')) :], event)
        elif key.startswith(keys.finished('')) and event.type is _PUT:
            # Its record may outlive it for a moment.
            self._finished.add(key[len(keys.finished('')) :])
        elif key.startswith(keys.request('')):
            self._follow_request(event)
        elif key.startswith(keys.configs):
            self._follow_config(key[len(keys.configs) :], event)

    def _follow_claim(self, job_id: str, event: store.Event) -> None:
        if event.type is not _PUT:
            self._claims.pop(job_id, None)
            return
        ref = _ref(job_id)
        for other in self._claims:
            if _ref(other) == ref:
                self._break(f'{job_id} is claimed beside {other}')
        job = self._jobs.get(job_id)
        if job is None:
            self._break(f'{job_id} is claimed and has no record')
        else:
            early = job.waits & self._jobs.keys() - self._finished
            if early:
                self._break(f'{job_id} is claimed before {sorted(early)} end')
        self._claims[job_id] = self._holders[event.kv.lease]

    def _follow_config(self, path: str, event: store.Event) -> None:
        if event.type is not _PUT:
            self._configs.pop(path, None)
            self._doom(path, event.kv.mod_revision)
            return
        value = json.loads(event.kv.value)
        version, marked = value['version'], value['marked_for_deletion']
        if marked:
            self._doom(path, event.kv.mod_revision)
        else:
            self._doomed.pop(path, None)
        known = self._configs.get(path)
        if known is None:
            created = event.kv.create_revision
            self._configs[path] = _Config(created, version, marked)
        else:
            known.version, known.marked = version, marked

    def _doom(self, path: str, revision: int) -> None:
        self._doomed.setdefault(path, (self._clock.now, revision))

    def _break(self, text: str) -> None:
        self.violations.append(text)


def _fields(event: store.Event) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = json.loads(event.kv.value)[1]
    return fields


def _ref(job_id: str) -> Ref:
    _, _, type_, id_, _ = job_id.split(':', 4)
    return type_, id_


def _is_monitoring(job_id: str) -> bool:
    return job_id.split(':', 2)[1] == 'monitoring'
