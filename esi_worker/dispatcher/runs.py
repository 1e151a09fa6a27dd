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

"""Claimed jobs on their way through this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import enum
import itertools
import textwrap

from esi_worker import clock as clocks
from esi_worker.dispatcher.calls import Ticket
from esi_worker.model import Job, Retrying

#: So many jobs that are tried again a worker tells of, and so many
#: characters of each reason: its record is read by all other workers.
_TOLD = 50
_SEEN = 300


class Phase(enum.Enum):
    """Where a claimed job stands."""

    #: Inside a handler's ``start``; takes a slot.
    STARTING = enum.auto()
    #: To be started (again) when its time comes.
    WAITING = enum.auto()
    #: Goes on in the backend; to be polled when its time comes.
    IN_PROGRESS = enum.auto()
    #: Inside a handler's ``poll``.
    POLLING = enum.auto()
    #: Finished; what it brought has yet to be written.
    PUBLISHING = enum.auto()


#: What may follow what.
TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.STARTING: frozenset(
        (Phase.IN_PROGRESS, Phase.WAITING, Phase.PUBLISHING)
    ),
    Phase.WAITING: frozenset((Phase.STARTING,)),
    Phase.IN_PROGRESS: frozenset((Phase.POLLING,)),
    Phase.POLLING: frozenset(
        (Phase.IN_PROGRESS, Phase.WAITING, Phase.PUBLISHING)
    ),
    Phase.PUBLISHING: frozenset(),
}


@dataclasses.dataclass(slots=True)
class Run:
    """One claim and what came of it so far.

    ``stored_at`` is the create revision of the job's record,
    ``claimed_at`` that of its claim, the fence of all we write for it.
    ``due`` is the monotonic time of the next call, or of the end of the
    running one's patience, ``soon`` that from which a poll may take it
    along, ``began`` that of the claim; ``calls`` tells the calls of a run
    apart.
    ``reason`` is why it is tried again, ``since`` when that began, as a
    timestamp; both are empty while all is well.
    An ``alone`` run is polled in a call of its own. ``ticket`` is that
    of its latest call of ``start``. ``on_move`` is told the phase before
    whenever the phase has changed.
    """

    job: Job
    path: str
    stored_at: int
    claimed_at: int
    phase: Phase = Phase.WAITING
    due: float = 0.0
    began: float = 0.0
    soon: float = 0.0
    calls: int = 0
    failures: int = 0
    alone: bool = False
    reason: str = ''
    since: str = ''
    ticket: Ticket = dataclasses.field(default_factory=Ticket)
    on_move: Callable[[Run, Phase], None] | None = None

    def move(self, phase: Phase) -> None:
        """Go on to another phase."""
        assert phase in TRANSITIONS[self.phase], (self.phase, phase)
        before, self.phase = self.phase, phase
        if self.on_move is not None:
            self.on_move(self, before)

    def wait(self, now: float, seconds: float) -> None:
        """Be due after a while.

        :param now: monotonic
        """
        self.due = now + seconds
        self.soon = now + seconds / 2

    @property
    def untried(self) -> bool:
        """Claimed, but its handler was not called yet."""
        return self.calls == 0

    @property
    def suspect(self) -> bool:
        """A worker died while it started this job, or one beside it."""
        return self.job.attempt > 0


class Runs(Mapping[str, Run]):
    """All claims of a process, by the ids of their jobs.

    They are kept by their phases too: most of thousands are in progress,
    and every round asks for the few that are not.
    """

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._phases: dict[Phase, dict[str, Run]] = {
            phase: {} for phase in Phase
        }

    def __getitem__(self, job_id: str) -> Run:
        return self._runs[job_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, run: Run) -> None:
        """Take a claim up."""
        self._runs[run.job.id] = run
        self._phases[run.phase][run.job.id] = run
        run.on_move = self._moved

    def drop(self, job_id: str) -> Run | None:
        """Let a claim go, if it is there."""
        run = self._runs.pop(job_id, None)
        if run is not None:
            run.on_move = None
            del self._phases[run.phase][job_id]
        return run

    def numbers(self) -> dict[str, int]:
        """How many runs are in which phase; from any thread."""
        return {
            phase.name.lower(): len(runs)
            for phase, runs in self._phases.items()
        }

    def retrying(self) -> tuple[Retrying, ...]:
        """Those that are tried again, as far as others are to see them."""
        found = sorted(
            (run for run in self._runs.values() if run.reason),
            key=lambda run: (run.since, run.claimed_at),
        )
        return tuple(
            Retrying(
                run.job.id, run.since, textwrap.shorten(run.reason, _SEEN)
            )
            for run in found[:_TOLD]
        )

    def in_phase(self, phase: Phase) -> list[Run]:
        """Those in a phase, in the order in which they came to it."""
        return list(self._phases[phase].values())

    def due(self, phase: Phase) -> list[Run]:
        """Those in a phase whose time has come, oldest claims first."""
        now = self._clock.monotonic()
        due = [run for run in self._phases[phase].values() if run.due <= now]
        return sorted(due, key=lambda run: run.claimed_at)

    def untried(self) -> list[Run]:
        """Those that wait for their first call."""
        return [run for run in self.in_phase(Phase.WAITING) if run.untried]

    def between_calls(self) -> list[Run]:
        """Those that are inside no call and have nothing to write."""
        return [
            *self.in_phase(Phase.WAITING),
            *self.in_phase(Phase.IN_PROGRESS),
        ]

    def starting(self, more: Sequence[str] = ()) -> set[str]:
        """The jobs inside a call of ``start``, or about to be.

        :param more: further ones
        """
        return {*more, *(run.job.id for run in self.begun())}

    def _moved(self, run: Run, before: Phase) -> None:
        del self._phases[before][run.job.id]
        self._phases[run.phase][run.job.id] = run

    def begun(self) -> list[Run]:
        """Those inside a call of ``start``, or about to be."""
        return [*self.in_phase(Phase.STARTING), *self.untried()]


def together(runs: Sequence[Run], begun: Sequence[Run]) -> list[Run]:
    """The first of the runs, as far as they may be started at once.

    A suspect is started alone: if its handler takes the worker down
    again, no other job is to count that as an attempt of its own.
    """
    if any(run.suspect for run in begun):
        return []
    if runs and runs[0].suspect:
        return [] if begun else [runs[0]]
    return list(itertools.takewhile(lambda run: not run.suspect, runs))
