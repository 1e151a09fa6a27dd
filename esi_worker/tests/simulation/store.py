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

"""The store in memory with everything that may go wrong around it.

Every call of a process may be the last thing it does, may be refused,
may lose its answer, may take long, and may be applied when its answer
was given up already. The driver's own calls always work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Protocol

from esi_worker import exceptions, store
from esi_worker.store import memory, memory_watch
from esi_worker.tests.simulation import kernel as kernels
from esi_worker.tests.simulation import sites

#: Frames between a call of the store and ``sites.here``.
_DEPTH = 3


class Trouble(Protocol):
    """Decides what happens to calls."""

    def meet(
        self, process: kernels.Process, site: str, phase: memory.Phase
    ) -> None:
        """Something may happen here; what is raised, the call raises."""

    def postpones(self, process: kernels.Process) -> float | None:
        """For how many seconds this transaction hangs after its answer
        was given up, None for the usual one that does not."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Late:
    """A transaction that is still on its way."""

    due: float
    process: kernels.Process
    compares: Sequence[store.Compare]
    success: Sequence[store.Put | store.Delete | store.Get]
    failure: Sequence[store.Put | store.Delete | store.Get]


class SimStore(store.MemoryStore):
    """A store whose calls are the points where fibers change."""

    def __init__(
        self,
        kernel: kernels.Kernel,
        trouble: Trouble,
        observe: Callable[
            [kernels.Process | None, Sequence[store.Event]], None
        ],
    ) -> None:
        super().__init__(clock=kernel.clock, interceptor=self._intercept)
        self._kernel = kernel
        self._trouble = trouble
        self._observe = observe
        self._late: list[_Late] = []
        self._writer: kernels.Process | None = None
        self._expiring = False
        self.away = False
        #: Which process has taken a lease.
        self.holders: dict[int, kernels.Process] = {}

    def txn(
        self,
        compares: Sequence[store.Compare],
        success: Sequence[store.Put | store.Delete | store.Get],
        failure: Sequence[store.Put | store.Delete | store.Get] = (),
    ) -> store.TxnResult:
        process = self._kernel.process
        if process is not None and _writes(success):
            delay = self._trouble.postpones(process)
            if delay is not None:
                due = self._kernel.clock.now + delay
                self._late.append(
                    _Late(due, process, compares, success, failure)
                )
                raise exceptions.StoreTimeout('the request is still going')
        return super().txn(compares, success, failure)

    def grant(self, ttl: int) -> memory.MemoryLease:
        lease = super().grant(ttl)
        process = self._kernel.process
        if process is not None:
            self.holders[lease.id] = process
        return lease

    def watch(self, starts: Mapping[str, int]) -> store.Watch:  # type: ignore[override]
        return SimWatch(super().watch(starts), self._kernel)

    def expire_leases(self) -> None:
        if self.away:
            return
        self._expiring = True
        try:
            super().expire_leases()
        finally:
            self._expiring = False

    def go_away(self) -> None:
        """Nobody can reach the store; leases do not run."""
        self.away = True
        self.break_watches()

    def come_back(self) -> None:
        """The store is there again; leases start their time anew."""
        self.away = False
        for lease in self._space.leases.values():
            lease.expires_at = self._kernel.clock.now + lease.ttl

    def next_late(self) -> float | None:
        """When the next late transaction arrives."""
        return min((late.due for late in self._late), default=None)

    def apply_late(self) -> None:
        """Apply the late transactions whose time has come."""
        now = self._kernel.clock.now
        for late in [each for each in self._late if each.due <= now]:
            self._late.remove(late)
            self._writer = late.process
            try:
                super().txn(late.compares, late.success, late.failure)
            except exceptions.StoreError:
                pass
            finally:
                self._writer = None

    def _intercept(self, call: str, phase: memory.Phase) -> None:
        process = self._kernel.process
        if process is None:
            return
        if not process.alive:
            raise kernels.Killed
        self._trouble.meet(process, sites.here(_DEPTH), phase)
        if self.away and phase == 'before':
            raise exceptions.StoreUnavailable

    def _publish(self, events: Sequence[store.Event]) -> None:
        super()._publish(events)
        if not events:
            return
        writer = None
        if not self._expiring:
            writer = self._writer or self._kernel.process
        self._observe(writer, events)


class SimWatch(store.Watch):
    """A watch that waits in the kernel."""

    def __init__(
        self, inner: memory_watch.MemoryWatch, kernel: kernels.Kernel
    ) -> None:
        self._inner = inner
        self._kernel = kernel

    def next(self, timeout: float) -> store.WatchBatch | None:
        self._kernel.wait(self._has_news, timeout)
        return self._inner.next(0)

    def close(self) -> None:
        self._inner.close()

    def _has_news(self) -> bool:
        box = self._inner._mailbox
        return bool(box._batches) or box.ended


def _writes(
    operations: Sequence[store.Put | store.Delete | store.Get],
) -> bool:
    return any(not isinstance(each, store.Get) for each in operations)
