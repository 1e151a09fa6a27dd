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

"""The worker's engine: from ready jobs to published results.

One thread drives it with ``step``; handler calls run elsewhere and
report back through a queue. A job that goes on in its backend takes no
slot and no thread: slots bound the calls of ``start`` that run at once.
Calls that come back at once share transactions with others (``starting``).
Whatever a handler does wrong costs its own job only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import metrics, store
from esi_worker.dispatcher import calls, outcomes
from esi_worker.dispatcher.announcing import Announcer
from esi_worker.dispatcher.claiming import Claimer
from esi_worker.dispatcher.offers import OfferBook
from esi_worker.dispatcher.outbox import Outbox
from esi_worker.dispatcher.polling import Poller
from esi_worker.dispatcher.runs import Phase, Run, Runs
from esi_worker.dispatcher.settings import Settings
from esi_worker.dispatcher.starting import Starter
from esi_worker.handlers import Handler
from esi_worker.model import InProgress, Outcome, Retry, TypeRegistry

LOG = logging.getLogger(__name__)

#: Real seconds in which a call that is quick comes back, and how long the
#: calls of one round are waited for at most.
_QUICK = 0.005
_LONGEST = 0.05


class Dispatcher:
    """All claims of one worker process."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        types: TypeRegistry,
        handlers: Mapping[str, Handler],
        lease: store.Lease,
        identity: str,
        clock: clocks.Clock,
        settings: Settings,
        caller: calls.Caller | None = None,
    ) -> None:
        """Prepare a worker.

        :param handlers: by the names of the jobs they take
        :param lease: carries the claims; kept alive by others
        """
        self._store = target
        self._keys = keys
        self._handlers = handlers
        self._clock = clock
        self._settings = settings
        self._caller = caller or calls.ThreadCaller()
        self._offers = OfferBook(
            identity, handlers, clock, settings.offer_delay
        )
        self._claimer = Claimer(
            target, keys, types, handlers, self._offers, lease
        )
        self._runs = Runs(clock)
        self._announcer = Announcer(
            target,
            keys.worker(identity),
            lease,
            clock,
            handlers,
            settings.slots,
            settings.announce_interval,
            self._runs.retrying,
        )
        self._poller = Poller(
            handlers, clock, settings.call_timeout, self._call
        )
        self._outbox = Outbox(target, keys)
        self._starter = Starter(
            self._runs, handlers, clock, settings, self._call
        )
        self._reports = calls.Reports()
        self._draining = False
        self._resting = False
        self._rest_key = keys.draining(identity)
        #: Called when there is a report for ``step`` to look at.
        self.wake = _ignore

    @staticmethod
    def prefixes(keys: store.KeyLayout) -> tuple[str, ...]:
        """What a dispatcher has to follow."""
        return (keys.ready(''), keys.worker(''), keys.draining(''))

    def __len__(self) -> int:
        """How many jobs are claimed."""
        return len(self._runs)

    @property
    def starting(self) -> int:
        """How many calls of ``start`` are running."""
        return len(self._starter)

    def numbers(self) -> dict[str, int]:
        """How many claimed jobs are in which phase; from any thread."""
        return self._runs.numbers()

    @property
    def busy(self) -> bool:
        """Whether a call of ``start`` runs or a result is unwritten."""
        return self.starting > 0 or len(self._outbox) > 0

    def take(self, item: store.Snapshot | store.WatchBatch) -> None:
        """Take in what was followed."""
        if item.prefix == self._keys.worker(''):
            self._offers.take_workers(item)
        elif item.prefix == self._keys.draining(''):
            self._take_draining(item)
        else:
            self._offers.take_ready(item)

    def _take_draining(self, item: store.Snapshot | store.WatchBatch) -> None:
        """See whether an operator wants this worker to rest."""
        if isinstance(item, store.Snapshot):
            self._resting = any(kv.key == self._rest_key for kv in item.items)
        else:
            for event in item.events:
                if event.kv.key == self._rest_key:
                    self._resting = event.type is store.EventType.PUT
        if self._resting or self._draining:
            self._announcer.withdraw()
        else:
            self._announcer.offer()

    # --- one round --------------------------------------------------------

    def step(self) -> None:
        """Do everything that is due now.

        :raises StoreError: something could not be written and stays for
            the next round
        """
        self._take_reports()
        self._end_patience()
        self._publish()
        if self._resting and not self._draining:
            self._give_back(self._runs.between_calls())
        elif not self._draining:
            self._claim()
            self._begin()
        self._poller.poll(self._runs.in_phase(Phase.IN_PROGRESS))
        # What ran on the spot, or came back quickly.
        self._take_reports()
        self._publish()
        self._announcer.refresh(self._runs.starting())

    def next_due(self) -> float | None:
        """When the next step is due by itself, as a monotonic time."""
        timed = {Phase.STARTING}
        if self._starter.free and not self._idle:
            timed.add(Phase.WAITING)
        times = [
            run.due for phase in timed for run in self._runs.in_phase(phase)
        ]
        poll = self._poller.next_due(self._runs.in_phase(Phase.IN_PROGRESS))
        if poll is not None:
            times.append(poll)
        offer = self._offers.next_due()
        if offer is not None and not self._idle:
            times.append(offer)
        return min(times, default=None)

    # --- calls ------------------------------------------------------------

    def _call(self, token: object, function: Callable[[], object]) -> None:
        self._caller.call(token, function, self._report)

    def _report(self, returned: calls.Returned) -> None:
        self._reports.put(returned)
        self.wake()

    def _take_reports(self) -> None:
        while self._take_report(0):
            pass

    def _take_report(self, timeout: float) -> bool:
        """Take in what one call brought.

        :param timeout: real seconds to wait for it
        :returns: whether there was one
        """
        returned = self._reports.get(timeout)
        if returned is None:
            return False
        if isinstance(returned.token, int):
            self._poll_returned(returned)
        else:
            self._start_returned(returned)
        return True

    def _claim(self) -> None:
        runs = self._claimer.claim(
            self._starter.room, self._announcer, self._runs
        )
        for run in runs:
            known = self._runs.get(run.job.id)
            if known is not None:
                # Given back late, when we had taken it for ours again.
                known.claimed_at = run.claimed_at
                continue
            LOG.info('Job %s claimed', run.job.id)
            run.began = self._clock.monotonic()
            metrics.CLAIMS.labels(run.job.handler).inc()
            self._runs.add(run)

    def _begin(self) -> None:
        """Start what is due, and give quick calls the time to return,
        so that they make room and their results are written together."""
        deadline = self._clock.monotonic() + _LONGEST
        if not self._starter.start_due():
            return
        while self.starting:
            left = min(_QUICK, deadline - self._clock.monotonic())
            if not self._take_report(left):
                self._starter.were_slow()
                # Others may take what no slot is free for.
                if not self._starter.free:
                    self._give_back(self._runs.untried())
                return
            self._starter.start_due()
        self._starter.were_quick()

    def _start_returned(self, returned: calls.Returned) -> None:
        assert isinstance(returned.token, tuple)
        job_id, number = returned.token
        run = self._runs.get(job_id)
        if run is None or run.calls != number:
            return
        if run.phase is Phase.STARTING:
            self._settle(run, outcomes.read(returned))

    def _poll_returned(self, returned: calls.Returned) -> None:
        for run, outcome in self._poller.returned(returned):
            if self._runs.get(run.job.id) is run:
                self._settle(run, outcome)

    def _end_patience(self) -> None:
        """Give up on calls that take too long."""
        limit = self._settings.call_timeout
        for run in self._runs.due(Phase.STARTING):
            run.calls += 1
            run.ticket.cancel()
            self._settle(run, outcomes.timed_out('start', limit))
        for returned in self._poller.late():
            self._poll_returned(returned)

    # --- outcomes ---------------------------------------------------------

    def _settle(self, run: Run, outcome: Outcome) -> None:
        if isinstance(outcome, InProgress):
            outcomes.go_on(run, outcome, self._clock)
        elif isinstance(outcome, Retry):
            outcomes.put_off(run, outcome, self._clock)
        else:
            run.move(Phase.PUBLISHING)
            self._outbox.add(run, outcome)

    def _publish(self) -> None:
        starting = self._runs.starting()
        for job_id, outcome in self._outbox.flush(self._announcer, starting):
            run = self._runs.drop(job_id)
            if run is not None and outcome:
                seconds = self._clock.monotonic() - run.began
                metrics.JOB_RUN.labels(run.job.handler, outcome).observe(
                    seconds
                )

    @property
    def _idle(self) -> bool:
        """Whether nothing is claimed and started any more."""
        return self._draining or self._resting

    # --- the end ----------------------------------------------------------

    def drain(self) -> None:
        """Claim and start nothing any more."""
        self._draining = True
        self._announcer.withdraw()

    def hand_over(self) -> None:
        """Give all jobs back that are not being finished.

        :raises StoreError: some stay ours until the lease ends
        """
        runs = [
            run
            for run in self._runs.values()
            if run.phase is not Phase.PUBLISHING
        ]
        self._give_back(runs)

    def _give_back(self, runs: Sequence[Run]) -> None:
        for run in runs:
            run.ticket.cancel()
            self._runs.drop(run.job.id)
        self._claimer.give_back(runs)
        for run in runs:
            LOG.info('Job %s handed over', run.job.id)


def _ignore() -> None:
    return None
