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


"""Which stacks are looked at together.

A request asks about stacks of one tenant, and costs the same for one as
for many, so it takes along those that are due soon. A stack that was seen
to have ended is no matter of looks any more: what follows are requests
about it alone, which get a call of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from esi_worker.handlers.heat import backend
from esi_worker.handlers.heat.journeys import Journey, Journeys
from esi_worker.model import Job

#: So many stacks that have ended come before each look at others.
_ENDED_PER_LOOK = 3


def share_out(
    due: Iterable[Job], soon: Iterable[Job], journeys: Journeys
) -> Iterator[Sequence[Job]]:
    """The batches, each for one call, the most urgent first.

    :param due: jobs that have to be looked at, most overdue first
    :param soon: jobs that may be
    """
    ended, groups = _sorted(due, journeys)
    _, others = _sorted(soon, journeys)
    chunks: list[Sequence[Job]] = []
    for tenant, jobs in groups.items():
        room = -len(jobs) % backend.MAX_IDS
        chunks += _chunks([*jobs, *others.get(tenant, [])[:room]])
    return _interleaved([[job] for job in ended], chunks)


def by_tenant(known: Iterable[Journey]) -> dict[str, list[Journey]]:
    """The journeys of each tenant, those not looked at for longest first:
    a slow Heat leaves no time for all of them in one call."""
    groups: dict[str, list[Journey]] = {}
    for journey in sorted(known, key=lambda each: each.watch.seen_at):
        groups.setdefault(journey.tenant, []).append(journey)
    return groups


def _sorted(
    jobs: Iterable[Job], journeys: Journeys
) -> tuple[list[Job], dict[str, list[Job]]]:
    """Those that were seen to have ended; the others by tenant."""
    ended: list[Job] = []
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        journey = journeys.get(job.id)
        if journey is not None and journey.found is not None:
            ended.append(job)
        else:
            tenant = journey.tenant if journey else ''
            groups.setdefault(tenant, []).append(job)
    return ended, groups


def _chunks(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    for first in range(0, len(jobs), backend.MAX_IDS):
        yield jobs[first : first + backend.MAX_IDS]


def _interleaved(
    ended: Sequence[Sequence[Job]], chunks: Sequence[Sequence[Job]]
) -> Iterator[Sequence[Job]]:
    """Neither may keep the other waiting for ever."""
    for number in range(max(len(chunks), -(-len(ended) // _ENDED_PER_LOOK))):
        first = number * _ENDED_PER_LOOK
        yield from ended[first : first + _ENDED_PER_LOOK]
        yield from chunks[number : number + 1]
