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

"""All unfinished jobs in memory, indexed for the questions asked.

The table mirrors ``/jobs``. It answers "which jobs concern a resource",
"which jobs refer to it" and "who waits for this job" without looking at
all jobs, so that a new job costs the same among ten as among a hundred
thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import dataclasses

from esi_worker import store
from esi_worker.model import Job, ResourceRef


@dataclasses.dataclass(slots=True)
class Entry:
    """One unfinished job and where it stands.

    ``open`` are the unfinished jobs it waits for. ``claim`` is its
    ``/jobs/working`` key while a worker holds it, ``result`` the value
    of its ``/jobs/finished`` key once that exists. ``stored_at`` is the
    create revision of its record, 0 while that is not in etcd.
    """

    job: Job
    sequence: int
    open: set[str]
    ready: bool
    stored_at: int = 0
    claim: store.KeyValue | None = None
    result: str | None = None

    @property
    def untouched(self) -> bool:
        """No worker has taken it yet."""
        return self.claim is None and self.result is None

    @property
    def forgotten(self) -> bool:
        """It waits for nothing and was never made ready."""
        return (
            not self.open
            and not self.ready
            and self.untouched
            and self.stored_at > 0
        )


class JobTable:
    """Mirror of the queue; knows nothing of etcd."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._by_resource: dict[ResourceRef, set[str]] = {}
        self._by_ref: dict[ResourceRef, set[str]] = {}
        self._dependants: dict[str, set[str]] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def clear(self) -> None:
        """Forget all jobs."""
        self._entries.clear()
        self._by_resource.clear()
        self._by_ref.clear()
        self._dependants.clear()

    def get(self, job_id: str) -> Entry | None:
        return self._entries.get(job_id)

    def add(self, job: Job, *, ready: bool, stored_at: int = 0) -> Entry:
        """Take a job in; it waits for those of its dependencies that
        are in the table."""
        entry = self._take(job, ready, stored_at)
        self._bind(entry)
        return entry

    def load(self, jobs: Iterable[tuple[Job, int]]) -> list[Entry]:
        """Take in the jobs of a listing, each with its create revision.

        A job may wait for one that was made later: superseding hands
        the dependants of an old job to a new one.
        """
        entries = [self._take(job, False, stored) for job, stored in jobs]
        for entry in entries:
            self._bind(entry)
        return entries

    def _take(self, job: Job, ready: bool, stored_at: int) -> Entry:
        self._sequence += 1
        entry = Entry(job, self._sequence, set(), ready, stored_at)
        self._entries[job.id] = entry
        self._by_resource.setdefault(job.resource, set()).add(job.id)
        for ref in job.refs:
            self._by_ref.setdefault(ref, set()).add(job.id)
        return entry

    def _bind(self, entry: Entry) -> None:
        job = entry.job
        entry.open = {name for name in job.dependency if name in self._entries}
        for name in entry.open:
            self._dependants.setdefault(name, set()).add(job.id)

    def remove(self, job_id: str) -> list[Entry]:
        """Take a job out.

        :returns: the jobs that wait for nothing any more, oldest first
        """
        entry = self._entries.pop(job_id, None)
        if entry is None:
            return []
        _discard(self._by_resource, entry.job.resource, job_id)
        for ref in entry.job.refs:
            _discard(self._by_ref, ref, job_id)
        for name in entry.open:
            _discard(self._dependants, name, job_id)
        return self._free(job_id)

    def _free(self, job_id: str) -> list[Entry]:
        freed = []
        for entry in self.dependants(job_id):
            entry.open.discard(job_id)
            if not entry.open and not entry.ready and entry.untouched:
                freed.append(entry)
        self._dependants.pop(job_id, None)
        return freed

    def replace_dependency(
        self, entry: Entry, job: Job, gone: Iterable[str], new: Iterable[str]
    ) -> None:
        """Make a waiting job wait for other jobs.

        :param job: the job's new record
        """
        entry.job = job
        for name in gone:
            entry.open.discard(name)
            _discard(self._dependants, name, job.id)
        for name in new:
            entry.open.add(name)
            self._dependants.setdefault(name, set()).add(job.id)

    def of_resource(self, ref: ResourceRef) -> list[Entry]:
        """The jobs of a resource, oldest first."""
        return self._sorted(self._by_resource.get(ref, ()))

    def workflow(self, job: Job) -> list[Entry]:
        """The unfinished jobs of a job's workflow, oldest first.

        A name does not tell workflows apart, for a resource that was
        removed and made anew begins with version 1 again.
        """
        found: list[Entry] = []
        for entry in self.of_resource(job.resource):
            if entry.job.is_first:
                if any(each.job.id == job.id for each in found):
                    break
                found = []
            found.append(entry)
        return found

    def referring_to(self, ref: ResourceRef) -> list[Entry]:
        """The jobs whose parameters refer to a resource, oldest first."""
        return self._sorted(self._by_ref.get(ref, ()))

    def dependants(self, job_id: str) -> list[Entry]:
        """The jobs that wait for a job, oldest first."""
        return self._sorted(self._dependants.get(job_id, ()))

    def all_dependants(self, job_ids: Iterable[str]) -> list[Entry]:
        """Everything that waits for these jobs, directly or not."""
        seen: set[str] = set()
        todo = list(job_ids)
        while todo:
            fresh = self._dependants.get(todo.pop(), set()) - seen
            seen |= fresh
            todo.extend(fresh)
        return self._sorted(seen)

    def _sorted(self, job_ids: Iterable[str]) -> list[Entry]:
        entries = [self._entries[name] for name in job_ids]
        return sorted(entries, key=lambda entry: entry.sequence)


def _discard(
    index: dict[ResourceRef, set[str]] | dict[str, set[str]],
    key: ResourceRef | str,
    job_id: str,
) -> None:
    members = index.get(key)  # type: ignore[arg-type]
    if members is None:
        return
    members.discard(job_id)
    if not members:
        del index[key]  # type: ignore[arg-type]
