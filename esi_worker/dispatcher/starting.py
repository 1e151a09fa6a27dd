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

"""Calling ``start``, and how many jobs are claimed for that at once.

Calls that take their time bound the claims: no more jobs are held for
them than there are slots. Calls that come back at once do not, and then
a transaction for a slot's worth of jobs is a waste: the window of the
claims doubles with each round whose calls were all quick, and falls back
to the slots with the first that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esi_worker import clock as clocks
from esi_worker.dispatcher.calls import Ticket
from esi_worker.dispatcher.runs import Phase, Run, Runs, together
from esi_worker.dispatcher.settings import Settings
from esi_worker.handlers import Handler

#: A round of so many jobs already spends little on its transactions.
_LARGEST = 96

#: Runs a call somewhere; its report comes back with the token.
Call = Callable[[object, Callable[[], object]], None]


class Starter:
    """Starts runs within the slots."""

    def __init__(
        self,
        runs: Runs,
        handlers: Mapping[str, Handler],
        clock: clocks.Clock,
        settings: Settings,
        call: Call,
    ) -> None:
        self._runs = runs
        self._handlers = handlers
        self._clock = clock
        self._settings = settings
        self._call = call
        self._window = settings.slots

    def __len__(self) -> int:
        """How many calls of ``start`` are running."""
        return len(self._runs.in_phase(Phase.STARTING))

    @property
    def free(self) -> int:
        """How many calls may be started now."""
        return max(0, self._settings.slots - len(self))

    @property
    def room(self) -> int:
        """How many jobs may be claimed now."""
        pending = len(self) + len(self._runs.untried())
        room = self._settings.max_in_progress - len(self._runs)
        return max(0, min(self._window - pending, room))

    def start_due(self) -> int:
        """Call ``start`` for what is due.

        :returns: how many calls that were
        """
        runs = together(
            self._runs.due(Phase.WAITING)[: self.free],
            self._runs.in_phase(Phase.STARTING),
        )
        for run in runs:
            self._start(run)
        return len(runs)

    def were_quick(self) -> None:
        """All calls of a round have come back at once."""
        larger = min(self._window * 2, _LARGEST)
        self._window = max(self._settings.slots, larger)

    def were_slow(self) -> None:
        """A call takes its time."""
        self._window = self._settings.slots

    def _start(self, run: Run) -> None:
        run.move(Phase.STARTING)
        run.calls += 1
        run.due = self._clock.monotonic() + self._settings.call_timeout
        handler, job = self._handlers[run.job.handler], run.job
        run.ticket = Ticket()
        self._call(
            (job.id, run.calls), run.ticket.bind(lambda: handler.start(job))
        )
