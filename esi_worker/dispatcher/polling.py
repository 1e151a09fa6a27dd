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

"""Looking at jobs that go on in their backend, many at a time.

One call of ``poll`` looks at all jobs of a handler that are due. When a
call fails as a whole nobody knows which job is the culprit, so each of
them is looked at by itself next, a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import itertools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.dispatcher import calls, outcomes
from esi_worker.dispatcher.runs import Phase, Run
from esi_worker.handlers import Handler
from esi_worker.model import Outcome

#: How many calls for one job each may run at once.
_SINGLES = 8

#: Starts a call; its report comes back with the token.
Call = Callable[[int, Callable[[], object]], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Poll:
    """A running call of ``poll``."""

    runs: tuple[Run, ...]
    due: float
    ticket: calls.Ticket


class Poller:
    """The running calls of ``poll``."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        clock: clocks.Clock,
        timeout: float,
        call: Call,
    ) -> None:
        """:param timeout: seconds until a call is given up"""
        self._handlers = handlers
        self._clock = clock
        self._timeout = timeout
        self._call = call
        self._polls: dict[int, _Poll] = {}
        self._tokens = itertools.count()

    def poll(self, runs: Sequence[Run]) -> None:
        """Look at runs that are due."""
        groups: dict[int, list[Run]] = {}
        singles: list[Run] = []
        for run in runs:
            if run.alone:
                singles.append(run)
            else:
                handler = self._handlers[run.job.handler]
                groups.setdefault(id(handler), []).append(run)
        for group in groups.values():
            self._start(group)
        running = sum(poll.runs[0].alone for poll in self._polls.values())
        for run in singles[: max(0, _SINGLES - running)]:
            self._start([run])

    def _start(self, runs: Sequence[Run]) -> None:
        token = next(self._tokens)
        for run in runs:
            run.move(Phase.POLLING)
        due = self._clock.monotonic() + self._timeout
        ticket = calls.Ticket()
        self._polls[token] = _Poll(tuple(runs), due, ticket)
        handler = self._handlers[runs[0].job.handler]
        jobs = [run.job for run in runs]
        self._call(token, ticket.bind(lambda: handler.poll(jobs)))

    def returned(
        self, returned: calls.Returned
    ) -> Iterator[tuple[Run, Outcome]]:
        """Take in what a call brought.

        :returns: the outcomes; runs that have to be looked at alone are
            left out
        """
        assert isinstance(returned.token, int)
        poll = self._polls.pop(returned.token, None)
        if poll is None:
            return
        answers = outcomes.read_many(
            returned, [run.job.id for run in poll.runs]
        )
        if outcomes.is_shared_failure(answers, returned):
            for run in poll.runs:
                run.move(Phase.IN_PROGRESS)
                run.alone = True
                run.due = self._clock.monotonic()
            return
        for run in poll.runs:
            run.alone = False
            yield run, answers[run.job.id]

    def late(self) -> list[calls.Returned]:
        """What to take in for calls that do not come back."""
        now = self._clock.monotonic()
        error = exceptions.TerminalError(
            outcomes.timeout_text('poll', self._timeout)
        )
        late = [
            token for token, poll in self._polls.items() if poll.due <= now
        ]
        for token in late:
            self._polls[token].ticket.cancel()
        return [calls.Returned(token, error=error) for token in late]

    def next_due(self) -> float | None:
        """When the next call is given up, as a monotonic time."""
        return min((poll.due for poll in self._polls.values()), default=None)
