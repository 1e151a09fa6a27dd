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

"""A kernel that runs processes one call at a time, on virtual time.

Every thread of the code under test becomes a *fiber*. Only one fiber
runs at any moment; it gives the control back where it waits and at
every call of the store or of Heat. Who goes on next is drawn from a
seeded source by the driver, so a seed replays exactly.

The names ``threading``, ``queue``, ``time``, ``uuid`` and ``random`` of
those modules that wait or draw are replaced (``installed``); what they
do with them stays the real code. Fibers are greenlets, for threads that
hand over to each other are thirty times slower.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
import contextlib
import math
import queue
import random
import types
from typing import Any
from unittest import mock
import uuid

import greenlet  # type: ignore[import-untyped]

from esi_worker.dispatcher import calls, claiming, periodic, worker
from esi_worker.scheduler import leadership, planner
from esi_worker.store import following, leasing


class Killed(BaseException):
    """The process of this fiber is dead; nothing may catch this."""


class SimClock:
    """Time that the driver moves."""

    START = 1_500_000_000.0

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.START + self.now


class Process:
    """What dies together and is frozen together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen_until = 0.0
        self.fibers: list[Fiber] = []
        self.error: Exception | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def over(self) -> bool:
        """Whether it has died or has come to its end."""
        return not self.alive or not self.fibers


class Fiber:
    """One thread of a process; ready when ``ready`` says so or its time
    has come."""

    __slots__ = ('due', 'greenlet', 'process', 'ready')

    def __init__(
        self, process: Process, thread: greenlet.greenlet, due: float
    ) -> None:
        self.process = process
        self.greenlet = thread
        self.ready: Callable[[], object] | None = None
        self.due = due


class Kernel:
    """All fibers of one history."""

    def __init__(self, clock: SimClock, source: random.Random) -> None:
        self.clock = clock
        self.source = source
        self.current: Fiber | None = None
        self.fibers: list[Fiber] = []
        self._hub = greenlet.getcurrent()

    @property
    def process(self) -> Process | None:
        """The process that is running, None for the driver."""
        return None if self.current is None else self.current.process

    def spawn(
        self, process: Process, function: Callable[[], object]
    ) -> Callable[[], bool]:
        """Start a fiber.

        :returns: tells whether it has ended
        """
        fiber = Fiber(process, greenlet.greenlet(), self.clock.now)
        fiber.greenlet = greenlet.greenlet(
            lambda: self._run(fiber, function), self._hub
        )
        self.fibers.append(fiber)
        process.fibers.append(fiber)
        return lambda: fiber not in self.fibers

    def _run(self, fiber: Fiber, function: Callable[[], object]) -> None:
        try:
            function()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the driver reports it
            fiber.process.error = error
        finally:
            self._forget(fiber)

    def _forget(self, fiber: Fiber) -> None:
        self.fibers.remove(fiber)
        fiber.process.fibers.remove(fiber)

    def wait(
        self, ready: Callable[[], object] | None, timeout: float | None
    ) -> bool:
        """Let others run until something holds or time is up.

        :param timeout: seconds, None for ever
        :returns: whether it holds
        """
        fiber = self.current
        if fiber is None:
            return bool(ready and ready())
        if not fiber.process.alive:
            raise Killed
        if ready is not None and ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        self._park(fiber, ready, timeout)
        return bool(ready and ready())

    def switch(self) -> None:
        """Let the driver choose who goes on."""
        if self.current is not None:
            self._park(self.current, None, 0.0)

    def _park(
        self,
        fiber: Fiber,
        ready: Callable[[], object] | None,
        timeout: float | None,
    ) -> None:
        fiber.ready = ready
        fiber.due = math.inf
        if timeout is not None:
            now = self.clock.now
            fiber.due = now + timeout
            if timeout > 0:
                fiber.due = max(fiber.due, math.nextafter(now, math.inf))
        self._hub.switch()
        if not fiber.process.alive:
            raise Killed

    def runnable(self) -> list[Fiber]:
        """The fibers that can go on now."""
        now = self.clock.now
        return [
            fiber
            for fiber in self.fibers
            if fiber.process.frozen_until <= now
            and (fiber.due <= now or (fiber.ready and fiber.ready()))
        ]

    def next_due(self) -> float:
        """When the next fiber goes on by itself."""
        return min(
            (max(each.due, each.process.frozen_until) for each in self.fibers),
            default=math.inf,
        )

    def resume(self, fiber: Fiber) -> None:
        """Let a fiber run until it waits, ends or dies."""
        self.current = fiber
        try:
            fiber.greenlet.switch()
        finally:
            self.current = None
        if not fiber.process.alive:
            self.bury(fiber.process)

    def bury(self, process: Process) -> None:
        """Unwind all fibers of a process that has died."""
        process.alive = False
        for fiber in list(process.fibers):
            self.current = fiber
            try:
                fiber.greenlet.throw(Killed)
            except Killed:
                # It was never started.
                self._forget(fiber)
        self.current = None


# --- what the code under test gets in place of the standard library ------


_kernels: list[Kernel] = []


def _kernel() -> Kernel:
    return _kernels[-1]


class SimEvent:
    """``threading.Event``."""

    def __init__(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True

    def wait(self, timeout: float | None = None) -> bool:
        return _kernel().wait(self.is_set, timeout)


class SimThread:
    """``threading.Thread``: a fiber of the process that starts it."""

    def __init__(
        self,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        name: str = '',
        daemon: bool = False,
    ) -> None:
        self._function = lambda: target(*args)
        self._ended: Callable[[], bool] = lambda: True

    def start(self) -> None:
        process = _kernel().process
        assert process is not None
        self._ended = _kernel().spawn(process, self._function)

    def join(self, timeout: float | None = None) -> None:
        _kernel().wait(self._ended, timeout)


class SimQueue:
    """``queue.SimpleQueue``."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._items.append(item)

    def empty(self) -> bool:
        return not self._items

    def get(self, timeout: float | None = None) -> Any:
        _kernel().wait(lambda: bool(self._items), timeout)
        return self.get_nowait()

    def get_nowait(self) -> Any:
        if not self._items:
            raise queue.Empty
        return self._items.popleft()


_threading = types.SimpleNamespace(Event=SimEvent, Thread=SimThread)
_queue = types.SimpleNamespace(SimpleQueue=SimQueue, Empty=queue.Empty)
_time = types.SimpleNamespace(monotonic=lambda: _kernel().clock.now)
_uuid = types.SimpleNamespace(
    uuid4=lambda: uuid.UUID(int=_kernel().source.getrandbits(128), version=4)
)
_random = types.SimpleNamespace(
    SystemRandom=lambda: random.Random(_kernel().source.random())
)
_REPLACED = (
    (leadership, 'threading', _threading),
    (leadership, 'uuid', _uuid),
    (planner, 'random', _random),
    (worker, 'threading', _threading),
    (worker, 'queue', _queue),
    (worker, 'uuid', _uuid),
    (calls, 'threading', _threading),
    (claiming, 'uuid', _uuid),
    (periodic, 'threading', _threading),
    (periodic, 'uuid', _uuid),
    (leasing, 'threading', _threading),
    (following, 'threading', _threading),
    (following, 'time', _time),
)


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Make the code under test wait and draw in the kernel."""
    with contextlib.ExitStack() as stack:
        for module, name, replacement in _REPLACED:
            stack.enter_context(mock.patch.object(module, name, replacement))
        yield


@contextlib.contextmanager
def active(kernel: Kernel) -> Iterator[None]:
    """Let a kernel serve what ``installed`` has replaced."""
    state = random.getstate()
    # Jitter and pauses come from the module's own generator.
    random.seed(kernel.source.random())
    _kernels.append(kernel)
    try:
        yield
    finally:
        _kernels.pop()
        random.setstate(state)
