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

"""Running handler calls so that one that hangs costs only its job.

Each call has a daemon thread of its own. A pool would lose a thread to
every call that never comes back, and would not let the process end.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
import contextvars
import dataclasses
import threading
from typing import Protocol, TypeVar

T = TypeVar('T')


class Ticket:
    """Whether what a call does still counts.

    A call that was given up may go on running; it must change nothing
    any more.
    """

    def __init__(self) -> None:
        self._valid = True

    def cancel(self) -> None:
        self._valid = False

    def bind(self, function: Callable[[], T]) -> Callable[[], T]:
        """Let a function, and what it calls, run under this ticket."""

        def run() -> T:
            token = _ticket.set(self)
            try:
                return function()
            finally:
                _ticket.reset(token)

        return run

    @property
    def valid(self) -> bool:
        return self._valid


_ticket: contextvars.ContextVar[Ticket | None] = contextvars.ContextVar(
    'ticket', default=None
)


def is_given_up() -> bool:
    """Whether the call that this code runs in does not count any more."""
    ticket = _ticket.get()
    return ticket is not None and not ticket.valid


@dataclasses.dataclass(frozen=True, slots=True)
class Returned:
    """A call came back, with a value or with an exception."""

    token: object
    value: object = None
    error: BaseException | None = None


#: Takes what a call brought.
Report = Callable[[Returned], None]


class Reports:
    """What calls have brought, until the worker's thread takes it."""

    def __init__(self) -> None:
        self._items: collections.deque[Returned] = collections.deque()
        self._changed = threading.Event()

    def put(self, returned: Returned) -> None:
        """Add a report; from any thread."""
        self._items.append(returned)
        self._changed.set()

    def get(self, timeout: float) -> Returned | None:
        """Take the oldest one.

        :param timeout: real seconds to wait for one
        """
        if not self._items and timeout > 0:
            self._changed = threading.Event()
            # One that came before this line has set the former event.
            if not self._items:
                self._changed.wait(timeout)
        return self._items.popleft() if self._items else None


class Caller(Protocol):
    """Runs calls somewhere and reports what they brought."""

    def call(
        self, token: object, function: Callable[[], object], report: Report
    ) -> None:
        """Run ``function``; ``report`` gets its result with the token."""


class ThreadCaller:
    """One daemon thread for each call."""

    def call(
        self, token: object, function: Callable[[], object], report: Report
    ) -> None:
        context = contextvars.copy_context()
        threading.Thread(
            target=lambda: context.run(_run, token, function, report),
            name=f'call-{token}',
            daemon=True,
        ).start()


class InlineCaller:
    """Runs a call on the spot; for tests and simulations."""

    def call(
        self, token: object, function: Callable[[], object], report: Report
    ) -> None:
        _run(token, function, report)


def _run(
    token: object, function: Callable[[], object], report: Report
) -> None:
    try:
        returned = Returned(token, function())
    except Exception as error:  # noqa: BLE001 - plugins raise anything
        returned = Returned(token, error=error)
    report(returned)
