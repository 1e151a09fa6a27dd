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

"""Which unfinished jobs a new workflow waits for.

The rules are sections 4.1 of the reference of the job protocol and 1.3
of that of workflows, and the rule that no two workflows of one resource
run at once. Whatever came first goes first, so there are no cycles.

A reference excludes concurrency: whichever of the two came first is
waited for. What a workflow only goes *after* is waited for in the one
direction, so that work which the workflow itself brings about, such as
the attaching of a server's ports, runs while it does.
"""

from __future__ import annotations

from collections.abc import Collection

from esi_worker.model import Job, ResourceRef, handlers
from esi_worker.scheduler.jobtable import Entry, JobTable


def outer_dependencies(
    table: JobTable,
    ref: ResourceRef,
    jobs: Collection[Job],
    excluded: Collection[str] = (),
    after: Collection[ResourceRef] = (),
) -> tuple[str, ...]:
    """The jobs of other workflows that a new workflow waits for.

    :param jobs: the new workflow's jobs
    :param excluded: ids of jobs that are never waited for
    :param after: resources whose jobs are waited for besides those that
        the jobs refer to
    :returns: job ids, oldest first
    """
    found: dict[str, Entry] = {}
    for target in {*after, *(target for job in jobs for target in job.refs)}:
        for entry in table.of_resource(target):
            if handlers.is_waited_for(entry.job.handler):
                found[entry.job.id] = entry
    for entry in (*table.referring_to(ref), *table.of_resource(ref)):
        found[entry.job.id] = entry
    chosen = [
        entry for entry in found.values() if entry.job.id not in excluded
    ]
    chosen.sort(key=lambda entry: entry.sequence)
    return tuple(entry.job.id for entry in chosen)
