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

"""What goes wrong in a history, and when.

The plan is drawn from the seed before anything runs. A fault becomes
*armed* after so many writes of configs and then strikes at the next
opportunity: some at one of the next calls of a process, some at once.
Crashes at chosen visits of sites come on top, which is how every site is
crashed at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses
import enum
import random
from typing import Protocol

from esi_worker import exceptions
from esi_worker.store import memory
from esi_worker.tests.simulation import kernel as kernels

MANAGER, WORKER = 'manager', 'worker'

#: The site of a call, and ``before`` or ``after``.
Visit = tuple[str, str]


class Kind(enum.StrEnum):
    """The kinds of faults."""

    CRASH = 'crash of a process'
    STOP = 'clean stop of a process'
    FREEZE = 'a process stands still and goes on later'
    LOST_ANSWER = 'answer of a call lost after it was applied'
    REFUSED = 'call not applied'
    LATE = 'transaction applied when its answer was given up'
    SLOW = 'slow call of the store'
    OUTAGE = 'the store is away'
    BREAK = 'all watches break'
    CANCEL = 'all watches are cancelled'
    STALL = 'all watches lose every event from now on'
    REPEAT = 'events delivered twice'
    COMPACT = 'compaction, and all watches break'
    HEAT_AWAY = 'Heat is away'
    HEAT_SLOW = 'slow calls of Heat'
    HEAT_LOST = 'answers of Heat lost'
    HEAT_FAILED = 'a stack fails'


#: Those that strike inside a process at one of its calls.
AT_CALLS = frozenset(
    (
        Kind.CRASH,
        Kind.FREEZE,
        Kind.LOST_ANSWER,
        Kind.REFUSED,
        Kind.LATE,
        Kind.SLOW,
    )
)
_WEIGHTS = {
    Kind.CRASH: 7,
    Kind.STOP: 1,
    Kind.FREEZE: 4,
    Kind.LOST_ANSWER: 4,
    Kind.REFUSED: 2,
    Kind.LATE: 2,
    Kind.SLOW: 2,
    Kind.OUTAGE: 1,
    Kind.BREAK: 1,
    Kind.CANCEL: 1,
    Kind.STALL: 2,
    Kind.REPEAT: 2,
    Kind.COMPACT: 3,
    Kind.HEAT_AWAY: 2,
    Kind.HEAT_SLOW: 2,
    Kind.HEAT_LOST: 2,
    Kind.HEAT_FAILED: 1,
}
_LEAST, _MOST = 7, 11
#: Where a fault strikes, by role: anywhere, or where it hurts.
_PLACES = {
    MANAGER: ('', 'scheduler.agenda', 'scheduler.'),
    WORKER: ('', 'handlers.', 'dispatcher.outbox', 'dispatcher.'),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    ``after`` counts writes of configs. ``calls`` is how many calls of
    the ``role`` at sites that begin with ``place`` go well before it
    strikes; ``seconds`` how long it lasts, ``times`` how often.
    """

    kind: Kind
    after: int
    role: str
    place: str
    calls: int
    phase: memory.Phase
    seconds: float
    times: int


def draw(source: random.Random, writes: int) -> list[Fault]:
    """Make the plan for a history of so many writes."""
    kinds = list(_WEIGHTS)
    weights = [_WEIGHTS[kind] for kind in kinds]
    count = source.randint(_LEAST, _MOST)
    faults = [
        _draw_one(source, kind, writes)
        for kind in source.choices(kinds, weights, k=count)
    ]
    return sorted(faults, key=lambda fault: fault.after)


def _draw_one(source: random.Random, kind: Kind, writes: int) -> Fault:
    # Many short ones, some that outlive a lease.
    seconds = source.choice((0.3, 2.0, 8.0, 15.0, 40.0, 50.0))
    role = source.choice((MANAGER, MANAGER, WORKER, WORKER, WORKER))
    return Fault(
        kind=kind,
        after=source.randrange(writes),
        role=role,
        place=source.choice(_PLACES[role]),
        calls=source.choice((0, 1, 2, 3, 5, 8, 13, 21)),
        phase=source.choice(('before', 'after')),
        seconds=seconds * source.uniform(0.7, 1.3),
        times=source.randint(1, 4),
    )


class Crash(kernels.Killed):
    """The process dies here."""


class Outside(Protocol):
    """Does those faults that do not strike inside a call."""

    def strike(self, fault: Fault) -> None:
        """Let it happen now."""


class Plan:
    """Lets the faults of one history strike."""

    def __init__(
        self,
        faults: list[Fault],
        visits: Sequence[Visit],
        kernel: kernels.Kernel,
        outside: Outside,
        switching: float,
    ) -> None:
        """Prepare the faults.

        :param visits: crash at the first one of each
        :param switching: how often others run between two calls
        """
        self._coming = list(faults)
        self._armed: list[Fault] = []
        #: How many calls still go well, by the identity of the fault.
        self._skips: dict[int, int] = {}
        self._visits = set(visits)
        self._kernel = kernel
        self._outside = outside
        self._switching = switching
        #: Whether a transaction of a manager was late.
        self.late = False
        self.struck: list[str] = []
        self.crashed: set[Visit] = set()
        self.visited: set[Visit] = set()
        self.note: Callable[[str], None] = lambda _text: None

    def arm(self, writes: int) -> None:
        """So many configs were written."""
        while self._coming and self._coming[0].after <= writes:
            fault = self._coming.pop(0)
            if fault.kind in AT_CALLS:
                self._armed.append(fault)
                self._skips[id(fault)] = fault.calls
            else:
                self._strike(fault, 'at once')
                self._outside.strike(fault)

    @property
    def waits(self) -> bool:
        """Whether something is still to strike."""
        return bool(self._armed)

    def hurry(self) -> None:
        """What is armed strikes at the very next opportunity."""
        # There may be no more transactions, but there are other calls.
        self._armed = [
            dataclasses.replace(
                fault,
                place='',
                kind=Kind.LOST_ANSWER
                if fault.kind is Kind.LATE
                else fault.kind,
            )
            for fault in self._armed
        ]
        self._skips = {id(fault): 0 for fault in self._armed}

    def end(self) -> None:
        """Nothing goes wrong any more but the chosen crashes."""
        self._armed.clear()

    def meet(
        self, process: kernels.Process, site: str, phase: memory.Phase
    ) -> None:
        """A process is before or after a call."""
        self.visited.add((site, phase))
        self.note(f'{process} {phase} {site}')
        if (site, phase) in self._visits:
            self._visits.remove((site, phase))
            self._crash(process, site, phase)
        fault = self._due(process, site, phase)
        if fault is not None:
            self._do(fault, process, site)
        elif self._kernel.source.random() < self._switching:
            self._kernel.switch()

    def postpones(self, process: kernels.Process) -> float | None:
        """As ``store.Trouble`` says."""
        for fault in self._armed:
            if fault.kind is Kind.LATE and _fits(fault, process):
                self._armed.remove(fault)
                self._strike(fault, f'in {process}')
                self.late |= fault.role == MANAGER
                return min(fault.seconds, 6.0)
        return None

    def _due(
        self, process: kernels.Process, site: str, phase: memory.Phase
    ) -> Fault | None:
        for fault in self._armed:
            if not _fits(fault, process) or fault.kind is Kind.LATE:
                continue
            if _phase(fault) != phase or not site.startswith(fault.place):
                continue
            left = self._skips[id(fault)]
            self._skips[id(fault)] = left - 1
            if left <= 0:
                self._armed.remove(fault)
                return fault
        return None

    def _do(self, fault: Fault, process: kernels.Process, site: str) -> None:
        if fault.kind is Kind.CRASH:
            self._crash(process, site, fault.phase)
        self._strike(fault, f'{process} at {site}')
        if fault.kind is Kind.FREEZE:
            process.frozen_until = self._kernel.clock.now + fault.seconds
            self._kernel.switch()
        elif fault.kind is Kind.SLOW:
            self._kernel.wait(None, min(fault.seconds, 5.0))
        elif fault.kind is Kind.REFUSED:
            raise exceptions.StoreUnavailable('a fault: nobody answers')
        else:
            raise exceptions.StoreTimeout('a fault: the answer is lost')

    def _crash(
        self, process: kernels.Process, site: str, phase: memory.Phase
    ) -> None:
        self.crashed.add((site, phase))
        self.struck.append(f'{Kind.CRASH}: {process} {phase} {site}')
        self.note(self.struck[-1])
        process.alive = False
        raise Crash

    def _strike(self, fault: Fault, where: str) -> None:
        self.struck.append(
            f'{fault.kind} ({fault.seconds:.1f} s, {fault.times} times): '
            f'{where}'
        )
        self.note(self.struck[-1])


def _fits(fault: Fault, process: kernels.Process) -> bool:
    return process.name.startswith(fault.role)


def _phase(fault: Fault) -> memory.Phase:
    if fault.kind is Kind.LOST_ANSWER:
        return 'after'
    if fault.kind is Kind.REFUSED:
        return 'before'
    return fault.phase
