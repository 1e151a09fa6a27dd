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

"""One history: everything that happens for one seed.

A history draws its writes and its faults, runs until the writes are
done, lets what stands still come back, and then gives the system time
to settle. What it must look like then is in ``_unsettled``; promises
that hold at any time are the auditor's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
import dataclasses
import hashlib
import math
import random
import shlex

from esi_worker import store
from esi_worker.model import Request
from esi_worker.tests.simulation import (
    audit,
    faults,
    heat,
    operators,
    outsiders,
    processes,
    rest,
    world,
)
from esi_worker.tests.simulation import kernel as kernels
from esi_worker.tests.simulation import store as stores
from esi_worker.tests.simulation.faults import Visit

MANAGERS, WORKERS = 2, 3
#: Seconds to settle in, after the last write and the last fault.
PATIENCE = 400.0
_STEPS = 60_000
_KEPT_LINES = 4000


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What came of a history."""

    seed: int
    visits: tuple[Visit, ...]
    violations: tuple[str, ...]
    faults: tuple[str, ...]
    writes: int
    states: int
    seconds: float
    steps: int
    visited: frozenset[Visit]
    crashed: frozenset[Visit]
    digest: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """How it went, and how to see it again."""
        again = (
            'python -m esi_worker.tests.simulation '
            f'--seeds 1 --first {self.seed}'
        )
        for visit in self.visits:
            again += f' --visit {shlex.quote("/".join(visit))}'
        return '\n'.join(
            (
                f'seed {self.seed}: {self.writes} writes, {self.states} '
                f'states, {self.seconds:.0f} s; again with: {again}',
                *(f'  broken: {text}' for text in self.violations),
                *(f'  fault: {text}' for text in self.faults),
            )
        )


def run(seed: int, visits: Sequence[Visit] = ()) -> Report:
    """Run the history of a seed.

    :param visits: crash also at the first one of each
    """
    return History(seed, visits).run()


class History:
    """A cluster, its REST server, its Heat and its bad luck."""

    def __init__(self, seed: int, visits: Sequence[Visit]) -> None:
        self._seed = seed
        self._visits = tuple(visits)
        self._random = random.Random(seed)
        self._clock = kernels.SimClock()
        self._kernel = kernels.Kernel(self._clock, self._random)
        self._keys = store.KeyLayout()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._digest = hashlib.sha256()
        writes = self._random.randint(32, 42)
        self._plan = faults.Plan(
            faults.draw(self._random, writes),
            visits,
            self._kernel,
            self,
            self._random.choice((0.02, 0.1, 0.3)),
        )
        self._plan.note = self._note
        self.store = stores.SimStore(self._kernel, self._plan, self._observe)
        self._auditor = audit.Auditor(
            self._keys,
            self.store.holders,
            self._clock,
            processes.DELETION_GUARD,
        )
        self.heat = heat.SimHeat(self._kernel, self._auditor.may_change)
        self.rest = rest.RestServer(
            self.store, self._keys, self._random, writes
        )
        self._operator = operators.Operator(
            self.store, self._keys, self._random, self.rest.rows
        )
        names: tuple[str, ...] = ('heat_worker',)
        if self._random.random() < 0.25:
            names = ('heat_worker', 'monitoring')
        self._catalog = world.catalog(names)
        # Without rounds of resync nothing else makes up for what is lost.
        self._resync = self._random.choice((0.0, 0.0, 15.0))
        # Only where it is searched for, what others do is mended.
        self._drift = self._random.choice((0.0, 0.0, 0.0, 10.0))
        self._outsider = outsiders.Outsider(
            self.store, self._keys, self.heat, self._random
        )
        self._processes: dict[str, kernels.Process] = {}
        self._restarts: dict[str, float] = {}
        self._next_write = 0.0
        self._back_at = math.inf
        self._steps = 0

    def run(self) -> Report:
        with kernels.active(self._kernel):
            self._start_all()
            self._disturb()
            self._settle()
            for process in self._processes.values():
                self._kernel.bury(process)
        return Report(
            seed=self._seed,
            visits=self._visits,
            violations=tuple(self._auditor.violations),
            faults=tuple(self._plan.struck),
            writes=self.rest.writes,
            states=self._auditor.states,
            seconds=self._clock.now,
            steps=self._steps,
            visited=frozenset(self._plan.visited),
            crashed=frozenset(self._plan.crashed),
            digest=self._digest.hexdigest(),
            lines=tuple(self._lines),
        )

    # --- the two parts ----------------------------------------------------

    def _disturb(self) -> None:
        """Writes and faults."""
        while self.rest.busy and self._step(1.0):
            self._plan.arm(self.rest.writes)
            due = self._next_write <= self._clock.now
            if due or self._random.random() < 0.01:
                self.rest.act()
                pause = self._random.choice((0, 0, 0, 0.2, 0.5, 1.0, 4.0))
                self._next_write = self._clock.now + pause
            elif self._random.random() < 0.05:
                self.rest.react()
            elif self._random.random() < 0.02:
                self._operator.act()
            elif self._drift and self._random.random() < 0.02:
                self._outsider.act()
        # What is armed strikes while the last writes are acted on.
        self._plan.hurry()
        started = self._clock.now
        while self._plan.waits or self._clock.now < started + 5.0:
            if self._clock.now > started + 40.0 or not self._step(1.0):
                break
        self._plan.end()
        self.heat.recover()

    def _settle(self) -> None:
        """Nothing goes wrong any more; everything must come right."""
        until = self._clock.now + PATIENCE
        last_deeds = 2 if self._drift else 0
        while self._clock.now < until and not self._auditor.violations:
            look_at = self._clock.now + 2.0
            while self._clock.now < look_at:
                if not self._step(2.0):
                    return
            self.rest.react()
            self.rest.tidy()
            self._operator.let_go_on()
            if next(self._unsettled(), None) is None:
                if not last_deeds:
                    return
                # Nothing but the search for drift mends this.
                last_deeds -= 1
                self._outsider.act()
        if self._auditor.violations:
            return
        self._auditor.violations.extend(
            f'after {PATIENCE:.0f} s: {text}' for text in self._unsettled()
        )

    def _step(self, longest: float) -> bool:
        """Let one fiber go on, or time pass when none can.

        :returns: whether the history may go on
        """
        self._steps += 1
        if self._steps > _STEPS:
            self._auditor.violations.append('it runs and runs')
            return False
        fibers = self._kernel.runnable()
        if not fibers:
            self._pass_time(longest)
            return True
        self._kernel.resume(self._random.choice(fibers))
        self._look_after()
        if self._random.random() < 0.01:
            self._move_to(self._clock.now + self._random.choice((0.1, 1.0)))
        return not self._auditor.violations

    def _pass_time(self, longest: float) -> None:
        now = self._clock.now
        late = self.store.next_late()
        times = [
            self._kernel.next_due(),
            now + longest,
            self._back_at,
            math.inf if late is None else late,
            *self._restarts.values(),
        ]
        if self.rest.busy:
            times.append(max(now, self._next_write))
        self._move_to(max(now, min(times)))

    def _move_to(self, time: float) -> None:
        self._clock.now = time
        if self._back_at <= time:
            self._back_at = math.inf
            self.store.come_back()
            self._auditor.operators.heard_nothing()
        self.store.expire_leases()
        self.store.apply_late()
        for name, due in list(self._restarts.items()):
            if due <= time:
                del self._restarts[name]
                self._start(name)

    # --- processes --------------------------------------------------------

    def _start_all(self) -> None:
        for number in range(MANAGERS):
            self._start(f'{faults.MANAGER}-{number}')
        for number in range(WORKERS):
            self._start(f'{faults.WORKER}-{number}')

    def _start(self, name: str) -> None:
        self._note(f'{name} starts')
        if name.startswith(faults.MANAGER):
            self._processes[name] = processes.ManagerProcess(
                name, self._kernel, self.store, self._catalog, self._resync
            )
        else:
            self._processes[name] = processes.WorkerProcess(
                name,
                self._kernel,
                self.store,
                self._catalog,
                self.heat,
                self._drift,
            )

    def _look_after(self) -> None:
        """Start processes again that are over."""
        for name, process in self._processes.items():
            if process.error is not None:
                error = process.error
                self._auditor.violations.append(
                    f'{name} ends with {type(error).__name__}: {error}'
                )
                process.error = None
            if process.over and name not in self._restarts:
                pause = self._random.choice((0.0, 1.0, 5.0, 20.0))
                self._restarts[name] = self._clock.now + pause

    # --- faults from outside ----------------------------------------------

    def strike(self, fault: faults.Fault) -> None:
        """As ``faults.Outside`` says."""
        now = self._clock.now
        kind = fault.kind
        if kind is faults.Kind.STOP:
            self._stop(fault)
        elif kind is faults.Kind.OUTAGE:
            self._back_at = now + fault.seconds
            self.store.go_away()
        elif kind is faults.Kind.HEAT_AWAY:
            self.heat.away_until = now + fault.seconds
        elif kind is faults.Kind.HEAT_SLOW:
            self.heat.slow_calls = 3 * fault.times
            self.heat.slow_seconds = fault.seconds
        elif kind is faults.Kind.HEAT_LOST:
            self.heat.lost_answers += fault.times
        elif kind is faults.Kind.HEAT_FAILED:
            self.heat.failures += 1
        else:
            self._strike_watches(fault)

    def _strike_watches(self, fault: faults.Fault) -> None:
        if fault.kind is faults.Kind.BREAK:
            self.store.break_watches()
        elif fault.kind is faults.Kind.CANCEL:
            self.store.cancel_watches()
        elif fault.kind is faults.Kind.STALL:
            self.store.stall_watches()
        elif fault.kind is faults.Kind.REPEAT:
            self.store.repeat_batches(3 * fault.times)
        elif fault.kind is faults.Kind.COMPACT:
            self.store.break_watches()
            if self.store.revision > self.store._space.compacted:
                self.store.compact(self.store.revision)

    def _stop(self, fault: faults.Fault) -> None:
        chosen = [
            process
            for name, process in self._processes.items()
            if name.startswith(fault.role) and not process.over
        ]
        for process in chosen[:1]:
            self._note(f'{process} is stopped')
            assert isinstance(
                process, processes.ManagerProcess | processes.WorkerProcess
            )
            process.stop()

    # --- what it must look like in the end --------------------------------

    def _unsettled(self) -> Iterator[str]:
        """What is not as it has to be once everything has settled."""
        prefixes = [self._keys.jobs, self._keys.drift('')]
        if not self._plan.late:
            # A note for operators that comes late stays until the next
            # change of leaders.
            prefixes.append(self._keys.blocked(''))
        for prefix in prefixes:
            for kv in self.store.range(prefix).items:
                yield f'{kv.key} is still there: {kv.value[:300]}'
        for kv in self.store.range(self._keys.request('')).items:
            if Request.decode(kv.key, kv.value).answer is None:
                yield f'{kv.key} has no answer: {kv.value}'
        for place in world.PLACES:
            row = self.rest.rows.get(place.path)
            if row is None:
                yield from self._left_over(place)
            else:
                yield from self._unfinished(row)
        yield from self._unfit_stacks()

    def _left_over(self, place: world.Place) -> Iterator[str]:
        keys, path = self._keys, place.path
        for key in (
            keys.state(path),
            keys.accepted(path),
            keys.previous(path),
            keys.heat_stack(path),
            keys.stack_mark(path),
            keys.job_state(path),
            keys.paused(path),
            keys.drift(path),
            keys.history(path),
        ):
            if self.store.get(key) is not None:
                yield f'{path} is gone, but {key} is there'

    def _unfinished(self, row: rest.Row) -> Iterator[str]:
        path, state = row.place.path, self.rest.state(row.place)
        if row.marked:
            yield f'{path} is still to be deleted, its state is {state}'
        elif state is None:
            yield f'{path} has version {row.version} and no state'
        elif state['version'] != row.version or state['error']:
            yield f'{path} has version {row.version}, its state is {state}'
        kv = self.store.get(self._keys.job_state(path))
        if kv is not None:
            yield f'{kv.key} is left over: {kv.value}'

    def _unfit_stacks(self) -> Iterator[str]:
        live = self.heat.live()
        for place in world.PLACES:
            row = self.rest.rows.get(place.path)
            if row is None and not self._is_kept(place.stack):
                continue
            sizes = [
                stack.request.parameters['size']
                for stack in live
                if stack.name == place.stack
            ]
            wanted = [row.size] if row and place.workable else []
            if sizes != wanted:
                yield f'{place.stack} has sizes {sizes}, not {wanted}'
        for stack in live:
            if stack.status == 'FAILED' and self._is_kept(stack.name):
                yield f'{stack.name} is {stack.action}_FAILED'

    def _is_kept(self, stack: str) -> bool:
        path = world.BY_STACK[stack].path
        return path not in self._auditor.operators.forgotten

    # --- the record -------------------------------------------------------

    def _observe(
        self, process: kernels.Process | None, events: object
    ) -> None:
        assert isinstance(events, list)
        for event in events:
            self._note(f'{process} {event.type} {event.kv.key}')
        self._auditor.observe(process, events)

    def _note(self, text: str) -> None:
        line = f'{self._clock.now:9.3f} {text}'
        self._lines.append(line)
        self._digest.update(line.encode())
