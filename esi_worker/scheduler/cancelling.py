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

"""Which jobs a failure takes along.

All that waited for the failed job, and all that waited for those, are
in vain, with these exceptions: a newer version of what has failed is
there to mend it, what waits for such a version too will find it mended,
and a deletion needs nothing of what could not be made. Whether what
depends on a deletion can be deleted is another matter: a deletion that
failed takes the deletions behind it along. What waits for an older version
of its own resource goes on too, for that one is still to show its state.
"""

from __future__ import annotations

from collections.abc import Collection

from esi_worker.model import Job
from esi_worker.scheduler.jobtable import Entry, JobTable


def in_vain(table: JobTable, failed: Job) -> list[Entry]:
    """The jobs that a failure cancels, oldest first."""
    found: dict[str, Entry] = {}
    todo = [failed]
    while todo:
        job = todo.pop()
        workflow = {entry.job.id for entry in table.workflow(job)}
        for entry in table.dependants(job.id):
            if entry.job.id in found:
                continue
            if entry.job.id in workflow or _in_vain(
                table, entry, job, workflow
            ):
                found[entry.job.id] = entry
                todo.append(entry.job)
    return sorted(found.values(), key=lambda entry: entry.sequence)


def _in_vain(
    table: JobTable, entry: Entry, failed: Job, workflow: Collection[str]
) -> bool:
    """Whether a job of another workflow cannot do without the failed
    one, which belongs to ``workflow``."""
    if entry.job.resource == failed.resource:
        return False
    deletes = table.workflow(entry.job)[-1].job.action.deletes
    if deletes and not failed.action.deletes:
        return False
    others = (each for each in entry.open if each not in workflow)
    return not any(
        each.job.resource in (failed.resource, entry.job.resource)
        for each in map(table.get, others)
        if each is not None
    )
