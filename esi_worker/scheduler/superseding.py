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

"""A newer version takes the place of a workflow that has not started.

The jobs that waited for the old workflow wait for the new one instead.
Their records are rewritten in the same transaction, for ``dependency``
is what a next leader rebuilds the waiting from. A workflow with so many
dependants that one transaction cannot hold them is left alone; the
newer version then follows it.

A workflow whose transaction was refused is a *phantom*: it is in the
table but not in etcd. Jobs that were stored as waiting for it keep
waiting until the resource is planned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import dataclasses

from esi_worker import store
from esi_worker.model import Job, ResourceRef
from esi_worker.model.codec import Json
from esi_worker.scheduler.jobtable import Entry, JobTable
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import World

_MAX_DEPENDANTS = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """The unfinished jobs of a resource, oldest first.

    ``replaced`` are those of the stored ones whose place a newer
    version takes, ``phantoms`` those that are not in etcd.
    """

    stored: tuple[Entry, ...]
    replaced: tuple[Entry, ...]
    phantoms: tuple[Entry, ...]

    @property
    def gone(self) -> tuple[Entry, ...]:
        """What a newer version takes the place of."""
        return (*self.replaced, *self.phantoms)

    @property
    def started(self) -> bool:
        """Whether some jobs cannot be superseded any more."""
        return len(self.stored) > len(self.replaced)

    @property
    def deleting(self) -> bool:
        """Whether the last of the jobs deletes the resource."""
        return bool(self.stored) and self.stored[-1].job.action.deletes


def standing(table: JobTable, ref: ResourceRef) -> Standing:
    """How things stand with a resource."""
    entries = table.of_resource(ref)
    stored = [entry for entry in entries if entry.stored_at]
    phantoms = [entry for entry in entries if not entry.stored_at]
    return Standing(
        tuple(stored), tuple(_replaceable(table, stored)), tuple(phantoms)
    )


def options(standing: Standing) -> dict[str, Json]:
    """What operators were promised of the jobs that are replaced."""
    found: dict[str, Json] = {}
    for entry in standing.replaced:
        promised = entry.job.extra.get('options')
        if isinstance(promised, dict):
            found |= promised
    return found


def _replaceable(table: JobTable, stored: Sequence[Entry]) -> list[Entry]:
    """The jobs of the latest workflow, if none was touched."""
    # Workflows of one resource queue up: the jobs of the latest one
    # stand behind the last job that is some workflow's first.
    firsts = [index for index, e in enumerate(stored) if e.job.is_first]
    if not firsts:
        return []
    latest = list(stored[firsts[-1] :])
    if not all(entry.untouched for entry in latest):
        return []
    outside = _outside(table, [entry.job.id for entry in latest])
    return latest if len(outside) <= _MAX_DEPENDANTS else []


def _outside(table: JobTable, gone: Sequence[str]) -> list[Entry]:
    found = {
        entry.job.id: entry
        for job_id in gone
        for entry in table.dependants(job_id)
        if entry.job.id not in gone
    }
    return list(found.values())


def replace(
    world: World, step: Step, jobs: Sequence[Job], gone: Sequence[Entry]
) -> Step:
    """Let a step also put new jobs in the place of old ones.

    :param step: writes the new jobs; there may be none
    """
    names = tuple(entry.job.id for entry in gone)
    new = tuple(job.id for job in jobs)
    rewritten = tuple(
        (entry, _redirected(entry.job, names, new))
        for entry in _outside(world.table, names)
    )
    compares, operations = _removal(world.keys, gone)
    operations += [
        store.Put(world.keys.job(job.id), job.encode())
        for entry, job in rewritten
        if entry.stored_at
    ]

    def apply(revision: int) -> None:
        for job in jobs:
            world.table.add(job, ready=not job.dependency, stored_at=revision)
        for entry, job in rewritten:
            world.table.replace_dependency(entry, job, names, new)
        drop(world, gone, (entry for entry, _ in rewritten))
        step.on_applied(revision)

    return dataclasses.replace(
        step,
        transition=store.Transition(
            (*step.transition.compares, *compares),
            (*step.transition.operations, *operations),
        ),
        on_applied=apply,
        alone=True,
    )


def drop(
    world: World, gone: Sequence[Entry], followers: Iterable[Entry] = ()
) -> None:
    """Take jobs out of the table and note whom that frees.

    :param followers: jobs that waited for them until just now
    """
    freed = list(followers)
    for entry in reversed(gone):
        freed += world.table.remove(entry.job.id)
    for entry in freed:
        world.freed[entry.job.id] = None


def _removal(
    keys: store.KeyLayout, gone: Sequence[Entry]
) -> tuple[list[store.Compare], list[store.Put | store.Delete]]:
    compares: list[store.Compare] = []
    operations: list[store.Put | store.Delete] = []
    for entry in gone:
        if not entry.stored_at:
            continue
        job_id = entry.job.id
        place = (keys.ready if entry.ready else keys.waiting)(job_id)
        compares.append(store.Compare.missing(keys.working(job_id)))
        compares.append(store.Compare.exists(place))
        operations.append(store.Delete(keys.job(job_id)))
        operations.append(store.Delete(place))
    return compares, operations


def _redirected(job: Job, gone: Sequence[str], new: Sequence[str]) -> Job:
    kept = tuple(name for name in job.dependency if name not in gone)
    return dataclasses.replace(job, dependency=(*kept, *new))
