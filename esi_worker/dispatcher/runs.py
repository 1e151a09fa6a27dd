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

"""A claimed job on its way through this process."""

from __future__ import annotations

import dataclasses
import enum

from esi_worker.model import Job


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
    running one's patience; ``calls`` tells the calls of a run apart.
    An ``alone`` run is polled in a call of its own.
    """

    job: Job
    path: str
    stored_at: int
    claimed_at: int
    phase: Phase = Phase.WAITING
    due: float = 0.0
    calls: int = 0
    failures: int = 0
    alone: bool = False
    reason: str = ''

    def move(self, phase: Phase) -> None:
        """Go on to another phase."""
        assert phase in TRANSITIONS[self.phase], (self.phase, phase)
        self.phase = phase
