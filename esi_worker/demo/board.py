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

"""Jobs and who waits for whom, as rows of a table.

``Board`` is fed with the events of the job queue and keeps every job it
has seen, also when its keys are gone. It knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import enum

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.model import Job


class Status(enum.StrEnum):
    """Where a job stands."""

    WAITING = 'waiting'
    READY = 'ready'
    WORKING = 'working'
    DONE = 'done'
    FAILED = 'failed'

    @property
    def is_end(self) -> bool:
        return self in (Status.DONE, Status.FAILED)


@dataclasses.dataclass(slots=True)
class Row:
    """One job.

    ``seen``, ``claimed`` and ``ended`` are readings of the board's
    clock, in seconds.
    """

    job: Job
    name: str
    seen: float
    status: Status = Status.READY
    claimed: float | None = None
    ended: float | None = None

    def seconds(self, now: float) -> float | None:
        """How long it has been worked on; None before that."""
        if self.claimed is None:
            return None
        return (now if self.ended is None else self.ended) - self.claimed


class Board:
    """The jobs in the order in which they were scheduled."""

    def __init__(
        self,
        keys: store.KeyLayout,
        names: Mapping[str, str],
        clock: clocks.Clock,
    ) -> None:
        """:param names: what people call the resources, by their ids"""
        self._keys = keys
        self._names = names
        self._clock = clock
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def now(self) -> float:
        return self._clock.monotonic()

    def apply(self, event: store.Event) -> Row | None:
        """Take an event in.

        :returns: the job whose status has changed
        """
        place, job_id = self._keys.job_place(event.kv.key) or ('', '')
        put = event.type is store.EventType.PUT
        if place == 'all' and put and job_id not in self._rows:
            self._add(event.kv)
            return None
        row = self._rows.get(job_id)
        if row is None or row.status.is_end:
            return None
        if put and place in ('waiting', 'ready'):
            return self._move(row, Status(place))
        if put and place == 'working':
            row.claimed = self.now()
            return self._move(row, Status.WORKING)
        if put and place == 'finished':
            return self._end(row, failed=bool(event.kv.value))
        if place == 'all' and not put:
            # Cancelled: it is gone and was never finished.
            return self._end(row, failed=True)
        return None

    def others(self, row: Row) -> list[str]:
        """What a job waits for, or has waited for."""
        found = [self._rows.get(id_) for id_ in row.job.dependency]
        return [
            other.name
            for other in found
            if other is not None
            and (row.status is not Status.WAITING or not other.status.is_end)
        ]

    def dependencies(self) -> dict[str, set[str]]:
        """For each job by its name, the jobs it was told to wait for."""
        return {
            self.title(row): {
                self.title(self._rows[id_])
                for id_ in row.job.dependency
                if id_ in self._rows
            }
            for row in self.rows
        }

    @staticmethod
    def title(row: Row) -> str:
        """Action, resource and version in words."""
        action = row.job.action.value.removeprefix('logical_')
        return f'{action} {row.name} v{row.job.version}'

    def _add(self, kv: store.KeyValue) -> None:
        job = Job.decode(kv.key, kv.value)
        name = self._names.get(job.resource.id, str(job.resource))
        self._rows[job.id] = Row(job, name, self.now())

    def _move(self, row: Row, status: Status) -> Row:
        row.status = status
        return row

    def _end(self, row: Row, *, failed: bool) -> Row:
        row.ended = self.now()
        return self._move(row, Status.FAILED if failed else Status.DONE)
