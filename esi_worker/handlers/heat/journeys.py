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

"""What is remembered of each job between two looks at its stack.

Nothing here has to survive a crash: a job that is started again looks at
its stack first and goes on from what it finds.
"""

from __future__ import annotations

import dataclasses
import enum
import threading

from esi_worker import clock as clocks
from esi_worker.handlers.heat import backend
from esi_worker.model import Job
from esi_worker.store import backoff

#: A job that nobody asks about for so many seconds has left us.
FORGET_AFTER = 3600.0
_SWEEP_EVERY = 60.0


class Stage(enum.StrEnum):
    """What a job waits for."""

    #: Nothing is under way; look at the stack and decide.
    NEW = 'new'
    #: The end of something that this job has not begun.
    WAITING = 'waiting'
    #: The end of our creation or update.
    APPLYING = 'applying'
    #: That the stack is gone.
    DELETING = 'deleting'


class Stopwatch:
    """Seconds that a backend has had, without those it was away.

    ``seen_at`` is the monotonic time when it was asked last.
    """

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self.restart()

    def restart(self, spent: float = 0.0) -> None:
        """:param spent: seconds that are over already"""
        self._spent = spent
        self.seen_at = self._clock.monotonic()

    def tick(self) -> float:
        """The backend has answered.

        :returns: the seconds spent so far
        """
        now = self._clock.monotonic()
        self._spent += now - self.seen_at
        self.seen_at = now
        return self._spent

    def skip(self) -> None:
        """The backend was away since the last answer."""
        self.seen_at = self._clock.monotonic()


@dataclasses.dataclass(slots=True)
class Efforts:
    """What a job has tried so far, over all its starts in this process.

    ``calls`` counts the changes that Heat has accepted. ``doubt_until``
    is the monotonic time until which a creation without an answer may
    still take effect. ``renewed``: an update has already taken the place
    of something that never ended. ``mended`` counts what was asked for
    again after an error of Heat itself, ``forbidden`` the refusals without
    a reason since Heat has accepted a change.
    """

    started: bool = False
    calls: int = 0
    doubt_until: float = 0.0
    renewed: bool = False
    mended: int = 0
    forbidden: int = 0


@dataclasses.dataclass(slots=True)
class Journey:
    """One job on its way.

    ``request`` is None for a deletion. ``limit`` is how many seconds Heat
    may take. ``expects`` is the action that answers our call. ``found``
    is a look at the stack that has yet to be acted upon. ``change`` is
    the action and the request id of the last change that was asked for.
    """

    job: Job
    tenant: str
    name: str
    request: backend.StackRequest | None
    limit: float
    secrets: frozenset[str] = dataclasses.field(repr=False)
    pace: backoff.Backoff
    watch: Stopwatch
    efforts: Efforts = dataclasses.field(default_factory=Efforts)
    found: backend.StackInfo | None = None
    stage: Stage = Stage.NEW
    stack_id: str = ''
    expects: str = ''
    change: tuple[str, str] | None = None

    @property
    def verb(self) -> str:
        return self.job.action.verb

    @property
    def digest(self) -> str:
        """The tag of what the stack shall be; empty for a deletion."""
        return self.request.tags[-1] if self.request else ''

    @property
    def wanted_digest(self) -> str:
        """The tag of a stack that needs no change; none has an empty one.

        A forced job makes one change whatever it finds.
        """
        forced = self.request is not None and self.request.observe
        return '' if forced and not self.efforts.calls else self.digest

    def enter(
        self,
        stage: Stage,
        stack_id: str,
        expects: str = '',
        age: float | None = None,
    ) -> None:
        """Wait for the end of something.

        :param age: seconds since Heat has accepted it; None if that is not
            known, and then its time starts now
        """
        self.stage = stage
        self.stack_id = stack_id
        self.expects = expects
        self.found = None
        self.watch.restart(age or 0.0)
        self.pace.reset()

    def is_answer(self, info: backend.StackInfo) -> bool:
        """Whether a status answers our own creation or update."""
        return info.action == self.expects and self.digest in info.tags

    @property
    def overdue(self) -> bool:
        """Whether Heat has had more time than it gets."""
        return self.watch.tick() > self.limit


class Journeys:
    """The journeys of this process, by job id."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Journey, float]] = {}
        self._swept = clock.monotonic()

    def get(self, job_id: str) -> Journey | None:
        with self._lock:
            known = self._known.get(job_id)
            return known[0] if known else None

    def keep(self, journey: Journey) -> None:
        """Remember a journey, and forget those nobody asks about."""
        now = self._clock.monotonic()
        with self._lock:
            self._known[journey.job.id] = (journey, now)
            if now - self._swept > _SWEEP_EVERY:
                self._sweep(now)

    def drop(self, job_id: str) -> None:
        with self._lock:
            self._known.pop(job_id, None)

    def _sweep(self, now: float) -> None:
        self._swept = now
        for job_id, (_, seen) in list(self._known.items()):
            if now - seen > FORGET_AFTER:
                del self._known[job_id]
