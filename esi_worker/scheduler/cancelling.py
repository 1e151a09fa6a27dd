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
failed takes the deletions behind it along.
"""

from __future__ import annotations

from esi_worker.model import Job
from esi_worker.scheduler.jobtable import Entry, JobTable


def in_vain(table: JobTable, failed: Job) -> list[Entry]:
    """The jobs that a failure cancels, oldest first."""
    found: dict[str, Entry] = {}
    todo = [failed]
    while todo:
        job = todo.pop()
        for entry in table.dependants(job.id):
            if entry.job.id in found or _goes_on(table, entry, job):
                continue
            found[entry.job.id] = entry
            todo.append(entry.job)
    return sorted(found.values(), key=lambda entry: entry.sequence)


def _goes_on(table: JobTable, entry: Entry, failed: Job) -> bool:
    if entry.job.resource == failed.resource:
        return entry.job.name != failed.name
    if _is_deletion(table, entry.job) and not failed.action.deletes:
        return True
    return any(
        each.job.resource == failed.resource and each.job.name != failed.name
        for each in map(table.get, entry.open)
        if each is not None
    )


def _is_deletion(table: JobTable, job: Job) -> bool:
    """Whether a job's workflow deletes the resource; the deletion of
    its monitoring may also be the beginning of a modification."""
    workflow = [
        entry.job
        for entry in table.of_resource(job.resource)
        if entry.job.name == job.name
    ]
    return workflow[-1].action.deletes
