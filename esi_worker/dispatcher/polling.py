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

One call of ``poll`` looks at many jobs that are due; the handler says
which of them go together, and a few calls of a handler run at once. When
a call fails as a whole nobody knows which job is the culprit, so each of
them is looked at by itself next, a few at a time.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import itertools

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.dispatcher import calls, outcomes
from esi_worker.dispatcher.runs import Phase, Run
from esi_worker.handlers import Handler
from esi_worker.model import Job, Outcome

LOG = logging.getLogger(__name__)

#: How many calls of one handler may run at once, and as many for one job
#: each after a call that failed.
_CALLS = 8
#: Seconds after which a job is thought of again that its handler left
#: out of all batches.
_LEFT_OUT = 1.0

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
        """Look at runs that are due.

        :param runs: all that are in progress
        """
        now = self._clock.monotonic()
        due = [run for run in runs if run.due <= now]
        if not due:
            return
        self._poll_singles([run for run in due if run.alone])
        soon = [run for run in runs if run.soon <= now < run.due]
        groups = self._by_handler(due)
        others = self._by_handler(soon)
        for key, group in groups.items():
            self._poll_group(key, group, others.get(key, ()))

    def _poll_singles(self, singles: Sequence[Run]) -> None:
        room = max(0, _CALLS - self._running()[None])
        for run in singles[:room]:
            self._start([run])

    def _poll_group(
        self, key: int, due: Sequence[Run], soon: Sequence[Run]
    ) -> None:
        """Look at runs of one handler, as it shares them out."""
        room = _CALLS - self._running()[key]
        if room <= 0:
            return
        due = sorted(due, key=lambda run: run.due)
        left = {run.job.id: run for run in (*due, *soon)}
        for names in self._batches(due, soon)[:room]:
            batch = [left.pop(name) for name in names if name in left]
            if batch:
                self._start(batch)
                room -= 1
        if room > 0:
            now = self._clock.monotonic()
            for run in due:
                if run.job.id in left:
                    run.wait(now, _LEFT_OUT)

    def _batches(
        self, due: Sequence[Run], soon: Sequence[Run]
    ) -> Sequence[Sequence[str]]:
        """The ids of the jobs that a handler wants to see together."""
        jobs = [run.job for run in due]
        handler = self._handlers[jobs[0].handler]
        try:
            batches = handler.batches(jobs, [run.job for run in soon])
            return [[_id(job) for job in batch] for batch in batches]
        except Exception:
            LOG.exception('%s cannot share out jobs', type(handler).__name__)
            return [[job.id for job in jobs]]

    def _by_handler(self, runs: Sequence[Run]) -> dict[int, list[Run]]:
        groups: dict[int, list[Run]] = {}
        for run in runs:
            if not run.alone:
                groups.setdefault(self._key(run), []).append(run)
        return groups

    def _key(self, run: Run) -> int:
        return id(self._handlers[run.job.handler])

    def _running(self) -> collections.Counter[int | None]:
        """How many calls each handler has; None counts those for one job."""
        firsts = [poll.runs[0] for poll in self._polls.values()]
        return collections.Counter(
            None if run.alone else self._key(run) for run in firsts
        )

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

    def next_due(self, runs: Sequence[Run]) -> float | None:
        """When to look again or to give a call up, as a monotonic time.

        :param runs: all that are in progress; those whose handler has as
            many calls as it may have wait for the end of one
        """
        running = self._running()
        full = {key for key, count in running.items() if count >= _CALLS}
        times = [poll.due for poll in self._polls.values()]
        times += [
            run.due
            for run in runs
            if not full or (None if run.alone else self._key(run)) not in full
        ]
        return min(times, default=None)


def _id(job: object) -> str:
    """The id of what a handler says is a job."""
    if not isinstance(job, Job):
        raise TypeError(f'{type(job).__name__} is no job')
    return job.id
