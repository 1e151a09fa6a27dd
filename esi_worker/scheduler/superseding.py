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
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

from esi_worker import store
from esi_worker.model import Job, ResourceRef
from esi_worker.scheduler.jobtable import Entry, JobTable
from esi_worker.scheduler.world import World

_MAX_DEPENDANTS = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What superseding adds to the transaction of the new workflow."""

    compares: tuple[store.Compare, ...]
    operations: tuple[store.Put | store.Delete, ...]
    gone: tuple[str, ...]
    rewritten: tuple[Job, ...]


def replaceable(table: JobTable, ref: ResourceRef) -> list[Entry]:
    """The jobs of the resource's latest workflow, if none was touched.

    :returns: the jobs to be replaced, oldest first, or an empty list
    """
    entries = table.of_resource(ref)
    if not entries:
        return []
    # Workflows of one resource queue up: the jobs of the latest one
    # stand behind the last job that is some workflow's first.
    start = max(
        (index for index, e in enumerate(entries) if e.job.is_first),
        default=0,
    )
    latest = entries[start:]
    if not latest[0].job.is_first:
        return []
    if not all(entry.untouched for entry in latest):
        return []
    gone = [entry.job.id for entry in latest]
    outside = _outside(table, gone)
    return latest if len(outside) <= _MAX_DEPENDANTS else []


def _outside(table: JobTable, gone: Sequence[str]) -> list[Entry]:
    found = {
        entry.job.id: entry
        for job_id in gone
        for entry in table.dependants(job_id)
        if entry.job.id not in gone
    }
    return list(found.values())


def prepare(
    world: World, jobs: Sequence[Job], replaced: Sequence[Entry]
) -> Change:
    """Work out how to put new jobs in the place of old ones."""
    keys = world.keys
    gone = tuple(entry.job.id for entry in replaced)
    new = tuple(job.id for job in jobs)
    rewritten = tuple(
        _redirected(entry.job, gone, new)
        for entry in _outside(world.table, gone)
    )
    operations: list[store.Put | store.Delete] = [
        store.Put(keys.job(job.id), job.encode()) for job in rewritten
    ]
    compares: list[store.Compare] = []
    for entry in replaced:
        place = keys.ready if entry.ready else keys.waiting
        compares.append(store.Compare.missing(keys.working(entry.job.id)))
        compares.append(store.Compare.exists(place(entry.job.id)))
        operations.append(store.Delete(keys.job(entry.job.id)))
        operations.append(store.Delete(place(entry.job.id)))
    return Change(tuple(compares), tuple(operations), gone, rewritten)


def _redirected(job: Job, gone: Sequence[str], new: Sequence[str]) -> Job:
    kept = tuple(name for name in job.dependency if name not in gone)
    return dataclasses.replace(job, dependency=(*kept, *new))


def apply(world: World, jobs: Sequence[Job], change: Change) -> None:
    """Do in memory what was committed."""
    table = world.table
    for job in jobs:
        table.add(job, ready=not job.dependency)
    new = [job.id for job in jobs]
    for job in change.rewritten:
        entry = table.get(job.id)
        assert entry is not None
        table.replace_dependency(entry, job, change.gone, new)
    for job_id in reversed(change.gone):
        table.remove(job_id)
