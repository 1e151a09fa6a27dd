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

"""Shows that a quiet watch is quiet and not dead.

etcd says nothing on a watch while nothing changes, and a connection
whose other end is gone says nothing either. So a process that has heard
nothing for half of its deadline writes a key of its own, which it
watches on the same connection, and must see the change by the deadline.

The key hangs on a lease of its own, so that it vanishes after the
process.
"""

from __future__ import annotations

import contextlib

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import base

#: The shortest life of the key after its last pulse.
_MIN_TTL = 60


class Pulse:
    """Decides when to write the key, and when silence means death."""

    def __init__(
        self,
        store: base.Store,
        key: str | None,
        deadline: float,
        clock: clocks.Clock,
    ) -> None:
        self.key = key
        self._store = store
        self._half = deadline / 2
        self._clock = clock
        self._seen_at = clock.monotonic()
        self._sent_at: float | None = None
        self._problem: exceptions.StoreError | None = None
        self._lease: base.Lease | None = None
        self._ttl = max(_MIN_TTL, int(deadline * 3))

    def seen(self) -> None:
        """Something arrived."""
        self._seen_at = self._clock.monotonic()
        self._sent_at = None

    def silence(self) -> float:
        """Seconds since something arrived."""
        return self._clock.monotonic() - self._seen_at

    def due_in(self) -> float | None:
        """Seconds until ``check`` has something to do."""
        if self.key is None:
            return None
        since = self._seen_at if self._sent_at is None else self._sent_at
        return max(0.0, since + self._half - self._clock.monotonic())

    def check(self) -> None:
        """Send a pulse when it is time.

        Call it only when everything that has arrived was looked at, for
        a consumer that was busy must not take the watch for dead.

        :raises WatchSilent: a pulse did not come back in time
        """
        if self.key is None or self.due_in():
            return
        if self._sent_at is not None:
            raise exceptions.WatchSilent(self._silent(self.key))
        self._sent_at = self._clock.monotonic()
        self._problem = None
        try:
            self._send(self.key)
        except exceptions.StoreError as error:
            # No proof of death: the deadline decides.
            self._problem = error

    def close(self) -> None:
        """Remove the key, as far as that is possible."""
        if self._lease is not None:
            with contextlib.suppress(exceptions.StoreError):
                self._lease.revoke()
        self._lease = None

    def _silent(self, key: str) -> str:
        text = f'nothing arrived for {self.silence():.0f} s'
        if self._problem is not None:
            return f'{text}, and {key} could not be written: {self._problem}'
        return f'{text}, not even a change of {key}'

    def _send(self, key: str) -> None:
        try:
            lease = self._renewed()
        except exceptions.LeaseLost:
            self._lease = None
            lease = self._renewed()
        self._store.put(key, f'{self._clock.time():.3f}', lease=lease.id)

    def _renewed(self) -> base.Lease:
        # Whoever closes this meanwhile takes the lease away.
        lease = self._lease
        if lease is None:
            lease = self._lease = self._store.grant(self._ttl)
        else:
            lease.renew()
        return lease
