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

"""Follows prefixes of the store for as long as a process lives.

A ``Follower`` lists every prefix once, then hands out its changes in
order and without a gap. Whatever happens to the watch (the connection
breaks, the server cancels it or falls silent, the history is compacted)
it goes on from the last revision that it handed out, or lists again
where that is gone. An outage is one line in the log and one when it is
over.

It leaves the threads to its caller: one thread calls ``poll``, any
thread may ask for the health and close it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import random
import threading
import time

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, metrics
from esi_worker.store import backoff, base
from esi_worker.store import pulse as pulses

LOG = logging.getLogger(__name__)

_FIRST_DELAY = 0.1


class Follower:
    """List, watch and resume for several prefixes on one connection."""

    def __init__(
        self,
        store: base.Store,
        prefixes: Sequence[str],
        *,
        pulse_key: str | None,
        silence_deadline: float,
        clock: clocks.Clock,
        page_size: int = 1000,
        max_backoff: float = 2.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare to follow; nothing is asked before ``poll``.

        :param pulse_key: a key of this process alone, or None to never
            find out that a watch is dead
        :param silence_deadline: seconds without a sign of life after
            which the watch is opened anew
        :param max_backoff: longest pause in seconds between two tries
            to reach the store; work goes on so long after its return
        """
        self._store = store
        self._unlisted = list(prefixes)
        self._revisions = dict.fromkeys(prefixes, 0)
        self._page_size = page_size
        self._silence_deadline = silence_deadline
        self._clock = clock
        self._pulse = pulses.Pulse(store, pulse_key, silence_deadline, clock)
        self._backoff = backoff.Backoff(
            first=_FIRST_DELAY, limit=max_backoff, jitter=jitter
        )
        self._retry_at = clock.monotonic()
        self._watch: base.Watch | None = None
        self._problem: exceptions.StoreError | None = None
        self._problem_since = 0.0
        self._closed = threading.Event()

    def poll(self, timeout: float) -> base.Snapshot | base.WatchBatch | None:
        """Wait for the next thing that happened.

        :param timeout: real seconds to wait when nothing is at hand;
            calls to the store may add their own timeout
        :returns: first one snapshot for each prefix, then batches; a
            prefix whose history is gone starts with a snapshot again;
            None when nothing came in time
        """
        deadline = time.monotonic() + timeout
        while not self._closed.is_set():
            left = max(0.0, deadline - time.monotonic())
            item = self._step(left)
            if item is not None or left <= 0:
                return item
        return None

    def relist(self) -> None:
        """Hand out a snapshot for every prefix again.

        Each is then at least as new as everything that was written
        before this call, which a new leader needs to know.
        """
        self._unlisted = list(self._revisions)

    def revision(self, prefix: str) -> int:
        """Everything of the prefix up to here was handed out."""
        return self._revisions[prefix]

    def silence(self) -> float:
        """Seconds since the last proof that the watch is alive."""
        return self._pulse.silence()

    @property
    def alive(self) -> bool:
        """Whether changes would reach us, as far as we know."""
        watching = self._watch is not None and not self._unlisted
        return watching and self.silence() < self._silence_deadline

    @property
    def problem(self) -> exceptions.StoreError | None:
        """Why the watch is not open, None while it is."""
        return self._problem

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """End the watch; a ``poll`` that waits returns None."""
        self._closed.set()
        watch = self._watch
        if watch is not None:
            watch.close()
        self._pulse.close()

    def _step(self, wait: float) -> base.Snapshot | base.WatchBatch | None:
        pause = self._retry_at - self._clock.monotonic()
        if pause > 0:
            self._closed.wait(min(wait, pause))
            return None
        try:
            if self._unlisted:
                return self._list(self._unlisted[0])
            return self._next_batch(wait)
        except exceptions.WatchCompacted as error:
            self._stop_watching()
            self._forget_before(error.compact_revision)
        except exceptions.StoreError as error:
            self._failed(error)
        return None

    def _list(self, prefix: str) -> base.Snapshot:
        # A watch that is open is older than the snapshot will be.
        self._stop_watching()
        snapshot = self._store.range(prefix, page_size=self._page_size)
        self._unlisted.remove(prefix)
        self._revisions[prefix] = snapshot.revision
        self._pulse.seen()
        return snapshot

    def _next_batch(self, wait: float) -> base.WatchBatch | None:
        watch = self._watch or self._open()
        due = self._pulse.due_in()
        batch = watch.next(wait if due is None else min(wait, due))
        while batch is not None:
            self._pulse.seen()
            self._backoff.reset()
            news = self._news(batch)
            if news is not None:
                return news
            batch = watch.next(0)
        self._pulse.check()
        return None

    def _open(self) -> base.Watch:
        starts = {key: rev + 1 for key, rev in self._revisions.items()}
        if self._pulse.key is not None:
            starts.setdefault(self._pulse.key, 0)
        watch = self._store.watch(starts)
        self._watch = watch
        if self._closed.is_set():
            watch.close()
        self._pulse.seen()
        self._recovered()
        return watch

    def _news(self, batch: base.WatchBatch) -> base.WatchBatch | None:
        """The batch without pulses and without what was seen before."""
        known = self._revisions.get(batch.prefix)
        if known is None or batch.revision <= known:
            return None
        self._revisions[batch.prefix] = batch.revision
        events = tuple(
            event
            for event in batch.events
            if event.kv.mod_revision > known
            and event.kv.key != self._pulse.key
        )
        if not events:
            return None
        return base.WatchBatch(batch.prefix, batch.revision, events)

    def _forget_before(self, revision: int) -> None:
        gone = [
            prefix
            for prefix, seen in self._revisions.items()
            if seen + 1 < revision
        ]
        self._unlisted = gone or list(self._revisions)
        LOG.info(
            'etcd compacted the history before revision %d, listing again: %s',
            revision,
            ', '.join(self._unlisted),
        )

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _failed(self, error: exceptions.StoreError) -> None:
        self._stop_watching()
        self._retry_at = self._clock.monotonic() + self._backoff.delay()
        if self._closed.is_set():
            return
        metrics.WATCH_FAILURES.inc()
        if self._problem is None:
            self._problem_since = self._clock.monotonic()
            LOG.warning(
                'The watch of %s has stopped, trying again: %s',
                ', '.join(self._revisions),
                error,
            )
        self._problem = error

    def _recovered(self) -> None:
        if self._problem is not None:
            LOG.info(
                'The watch of %s works again after %.1f s',
                ', '.join(self._revisions),
                self._clock.monotonic() - self._problem_since,
            )
        self._problem = None
