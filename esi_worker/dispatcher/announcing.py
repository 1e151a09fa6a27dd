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

"""What a worker process shows of itself to others.

Its record tells which handlers it offers, which jobs are inside a
handler's ``start``, and which are tried again and why. It hangs on the
process's lease. It is written with each claim and, where it is wrong, with
what is published, else at most once per interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from esi_worker import clock as clocks
from esi_worker import store, version
from esi_worker.model import Retrying, WorkerRecord

#: Seconds between two looks at what is tried again.
_LOOK = 5.0


class Announcer:
    """Keeps one worker's record right, but not at every change."""

    def __init__(
        self,
        target: store.Store,
        key: str,
        lease: store.Lease,
        clock: clocks.Clock,
        handlers: Iterable[str],
        slots: int,
        interval: float,
        retrying: Callable[[], tuple[Retrying, ...]] = tuple,
    ) -> None:
        """Prepare the record of a worker.

        :param interval: seconds between two writes
        :param retrying: the jobs that are tried again at the moment
        """
        self._store = target
        self._key = key
        self._lease = lease
        self._clock = clock
        self._all: tuple[str, ...] = tuple(sorted(handlers))
        self._handlers = self._all
        self._slots = slots
        self._interval = interval
        self._known: WorkerRecord | None = None
        self._offered: WorkerRecord | None = None
        self._due = float('-inf')
        self._find_retrying = retrying
        self._retrying: tuple[Retrying, ...] = ()
        self._look_due = float('-inf')

    def transition(self, starting: Collection[str]) -> store.Transition:
        """The change that shows which jobs are being started.

        Nothing counts as shown until it is ``confirmed``.
        """
        self._known = None
        self._offered = self._record(starting)
        return self._transition(self._offered)

    def news(self, starting: Collection[str]) -> tuple[store.Transition, ...]:
        """The same, when it is not what is shown already."""
        if self._record(starting) == self._known:
            return ()
        return (self.transition(starting),)

    def confirmed(self) -> None:
        """The latest ``transition``, if any, was applied."""
        if self._offered is not None:
            self._known, self._offered = self._offered, None

    def refresh(self, starting: Collection[str]) -> None:
        """Write the record when it is wrong and has been long enough.

        :raises StoreError: it is still to be written
        """
        now = self._clock.monotonic()
        if now < self._due:
            return
        if now >= self._look_due:
            self._look_due = now + _LOOK
            self._retrying = self._find_retrying()
        news = self.news(starting)
        if not news:
            return
        self._due = now + self._interval
        results = store.commit(self._store, news)
        if results[0].applied:
            self.confirmed()

    def withdraw(self) -> None:
        """Offer nothing any more, so that nobody waits for us."""
        self._handlers = ()

    def offer(self) -> None:
        """Offer all handlers again."""
        self._handlers = self._all

    def _transition(self, record: WorkerRecord) -> store.Transition:
        put = store.Put(self._key, record.encode(), self._lease.id)
        return store.Transition((), (put,))

    def _record(self, starting: Collection[str]) -> WorkerRecord:
        return WorkerRecord(
            handlers=self._handlers,
            slots=self._slots,
            free=max(0, self._slots - len(starting)),
            starting=tuple(sorted(starting)),
            retrying=self._retrying,
            extra=version.about(),
        )
