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

"""Keeps a lease alive.

A ``LeaseKeeper`` renews one lease every third of its time to live, in a
thread that does nothing else, so that no slow work can cost a process
its claims. While the store is away it keeps trying: etcd counts no
lease down without a leader, so the lease may well survive. Only the
store's word that the lease is gone makes it lost, and then for good: a
process that goes on takes a new keeper.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import threading

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base

LOG = logging.getLogger(__name__)

#: Longest pause in seconds before a failed renewal is tried again.
_RETRY = 1.0


class LeaseKeeper:
    """One lease and the thread that renews it."""

    def __init__(
        self,
        store: base.Store,
        ttl: int,
        *,
        clock: clocks.Clock,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """Prepare a lease; ``start`` or ``open`` takes it.

        :param ttl: seconds that the lease outlives this process
        :param on_lost: called once, in the keeper's thread, when the
            store says that the lease is gone
        """
        self.lost = threading.Event()
        self._store = store
        self._ttl = ttl
        self._clock = clock
        self._on_lost = on_lost
        self._lease: base.Lease | None = None
        self._due_at = 0.0
        self._failing = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def lease(self) -> base.Lease:
        """The lease, once it was taken."""
        if self._lease is None:
            raise exceptions.LeaseLost('the lease was not taken yet')
        return self._lease

    def remaining(self) -> float:
        """Seconds that the lease lives for certain."""
        return 0.0 if self._lease is None else self._lease.remaining()

    def open(self) -> base.Lease:
        """Take the lease, without a thread.

        :raises StoreError: there is no lease, try again
        """
        if self._lease is None:
            self._lease = self._store.grant(self._ttl)
            self._due_at = self._clock.monotonic() + self._interval
        return self._lease

    def start(self) -> None:
        """Take the lease and keep it.

        :raises StoreError: there is no lease and no thread, try again
        """
        self.open()
        self._thread = threading.Thread(
            target=self._run, name='lease-keeper', daemon=True
        )
        self._thread.start()

    def stop(self, revoke: bool = True) -> None:
        """Stop renewing.

        :param revoke: end the lease at once instead of letting it run
            out; a store that is away does not keep us
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if revoke and self._lease is not None:
            with contextlib.suppress(exceptions.StoreError):
                self._lease.revoke()

    def step(self) -> float:
        """Renew the lease when it is time.

        :returns: seconds until the next step is due
        """
        now = self._clock.monotonic()
        if not self.lost.is_set() and now >= self._due_at:
            self._due_at = now + self._renew()
        return max(0.0, self._due_at - self._clock.monotonic())

    @property
    def _interval(self) -> float:
        return self.lease.ttl / 3

    def _run(self) -> None:
        pause = self._interval
        while not self._stopping.wait(pause) and not self.lost.is_set():
            pause = self.step()

    def _renew(self) -> float:
        """Renew once.

        :returns: seconds until the next try
        """
        try:
            self.lease.renew()
        except exceptions.LeaseLost:
            self._lose()
        except exceptions.StoreError as error:
            self._note_failure(error)
            return min(_RETRY, self._interval / 4)
        else:
            if self._failing:
                LOG.info('The lease %x is renewed again', self.lease.id)
            self._failing = False
        return self._interval

    def _note_failure(self, error: exceptions.StoreError) -> None:
        if not self._failing:
            LOG.warning(
                'The lease %x cannot be renewed, %.0f s are left: %s',
                self.lease.id,
                self.remaining(),
                error,
            )
        self._failing = True

    def _lose(self) -> None:
        LOG.warning('The lease %x is lost', self.lease.id)
        self.lost.set()
        if self._on_lost is not None:
            self._on_lost()
