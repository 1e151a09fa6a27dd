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

"""Shares the targets among all collectors that live.

One thread follows the collectors, the claims and the targets in etcd.
It claims the parts that the ring gives to this collector as soon as
nobody has them, and gives back those that belong to another one when
their polls have ended. ``ownership`` says what all this rests on.

A process that loses its lease stops polling at once and joins again. As
long as it cannot renew the lease nothing is polled: another collector
may have taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses
import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker import health as healths
from esi_worker.collector.claims import Claims
from esi_worker.collector.ownership import Member, Ownership
from esi_worker.collector.polling import PoolKey, Pools
from esi_worker.collector.roster import Roster

LOG = logging.getLogger(__name__)

_WAIT = 0.5
_PAUSE = 1.0


@dataclasses.dataclass(slots=True)
class _Leaving:
    """A part that is given back once these polls have ended."""

    pools: Sequence[PoolKey]
    deadline: float


class Coordinator:
    """This collector as one of several."""

    def __init__(
        self,
        backend: store.Store,
        keys: store.KeyLayout,
        ownership: Ownership,
        roster: Roster,
        pools: Pools,
        clock: clocks.Clock,
        *,
        lease_ttl: int,
        silence_deadline: float,
    ) -> None:
        self._store = backend
        self._keys = keys
        self._ownership = ownership
        self._claims = Claims(backend, keys, ownership)
        self._roster = roster
        self._pools = pools
        self._clock = clock
        self._lease_ttl = lease_ttl
        self._silence_deadline = silence_deadline
        self._identity = str(uuid.uuid4())
        self._member = Member(self._identity, '', '')
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.keeper: store.LeaseKeeper | None = None
        self._follower: store.Follower | None = None
        self._unlisted: set[str] = set()
        self._leaving: dict[str, _Leaving] = {}

    @property
    def identity(self) -> str:
        return self._identity

    def health(self) -> healths.Health:
        """How this collector is; it polls when it is ready."""
        follower, keeper = self._follower, self.keeper
        if follower is None or keeper is None:
            return healths.Health(problem='the collector has not joined yet')
        certain = self._ownership.is_certain()
        return healths.Health(
            # What was never listed is not seen, however alive the watch is.
            watching=follower.alive and not self._unlisted,
            silence=follower.silence(),
            lease=keeper.remaining() if certain else 0.0,
            listed=self._ownership.is_member(),
            problem=str(follower.problem or ''),
        )

    def start(self, url: str, internal_url: str) -> None:
        """Take part from now on, in a thread.

        :param url: where clients reach this collector
        :param internal_url: where other collectors reach it
        """
        self._member = Member(self._identity, url, internal_url)
        self._thread = threading.Thread(
            target=self._run, name='coordinator', daemon=True
        )
        self._thread.start()

    def stop(self, drain: Callable[[], None]) -> None:
        """Poll nothing more, then give everything back.

        :param drain: returns when no poll goes on any more
        """
        self._stopping.set()
        follower = self._follower
        if follower is not None:
            follower.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._roster.poll_only(set())
        drain()
        self.leave()

    def join(self) -> None:
        """Take a lease and begin to follow; ``step`` does the rest.

        :raises StoreError: try again
        """
        keeper = store.LeaseKeeper(
            self._store,
            self._lease_ttl,
            clock=self._clock,
            on_lost=self._ownership.end,
        )
        self._ownership.begin(self._identity, keeper.open())
        self.keeper = keeper
        prefixes = (
            self._keys.collector(''),
            self._keys.partition(''),
            self._keys.target(''),
        )
        self._unlisted = set(prefixes)
        self._follower = store.Follower(
            self._store,
            prefixes,
            pulse_key=self._keys.pulse(self._identity),
            silence_deadline=self._silence_deadline,
            clock=self._clock,
        )
        key, value, lease = self._registration(keeper)
        self._store.put(key, value, lease=lease)
        LOG.info('Collector has joined; id=%s', self._identity)

    def leave(self) -> None:
        """Let go of all targets and of the lease."""
        self._roster.poll_only(set())
        self._leaving.clear()
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        if self.keeper is not None:
            self.keeper.stop()
            self.keeper = None
        self._ownership.end()

    def step(self, wait: float) -> bool:
        """Take in the next thing that happened and act on it.

        :param wait: real seconds to wait when nothing is at hand
        :returns: whether anything had happened
        :raises StoreError: what is unclear shows in a later step
        """
        assert self._follower is not None
        item = self._follower.poll(wait)
        happened = item is not None
        while item is not None:
            self._take(item)
            item = self._follower.poll(0.0)
        if not self._unlisted:
            self._stay_registered()
            self._share()
            self._roster.finish_deletions()
        return happened

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.join()
                self._serve()
            except exceptions.StoreError as error:
                LOG.warning('Collector joins anew: %s', error)
                self._stopping.wait(_PAUSE)
            except Exception:
                LOG.exception('Collector joins anew')
                self._stopping.wait(_PAUSE)
            if not self._stopping.is_set():
                self.leave()

    def _serve(self) -> None:
        assert self.keeper is not None
        self.keeper.start()
        while not (self._stopping.is_set() or self.keeper.lost.is_set()):
            try:
                self.step(_WAIT)
            except exceptions.StoreError as error:
                LOG.warning('Parts cannot be shared for now: %s', error)
                self._stopping.wait(_PAUSE)

    def _take(self, item: store.Snapshot | store.WatchBatch) -> None:
        if item.prefix == self._keys.collector(''):
            self._ownership.take_members(item)
        elif item.prefix == self._keys.partition(''):
            self._ownership.take_claims(item)
        else:
            self._roster.take(item)
        if isinstance(item, store.Snapshot):
            self._unlisted.discard(item.prefix)

    def _stay_registered(self) -> None:
        """Put our key again if somebody has removed it.

        The lease lives on without it, and nobody gives us anything.
        """
        keeper = self.keeper
        if keeper is None or self._ownership.is_member():
            return
        key, value, lease = self._registration(keeper)
        result = self._store.txn(
            [store.Compare.missing(key)], [store.Put(key, value, lease)]
        )
        if result.succeeded:
            LOG.warning('The key of this collector was lost; key=%s', key)

    def _registration(self, keeper: store.LeaseKeeper) -> tuple[str, str, int]:
        """The key that others see us by, its value and its lease."""
        key = self._keys.collector(self._identity)
        return key, self._member.encode(), keeper.lease.id

    def _share(self) -> None:
        """Bring what we have in line with what the ring gives us."""
        wanted, held = self._ownership.wanted(), self._ownership.held()
        for partition in self._leaving.keys() - (held - wanted):
            # It is given away, or has come back before it was.
            del self._leaving[partition]
        for partition in (held - wanted) - self._leaving.keys():
            self._begin_leaving(partition)
        self._give_back()
        if self.keeper is not None:
            self._claims.make(wanted - held, self.keeper.lease)
        self._roster.poll_only(self._ownership.held() & wanted)

    def _begin_leaving(self, partition: str) -> None:
        # A poll that hangs must not keep the part from its owner.
        deadline = self._clock.monotonic() + self._lease_ttl / 2
        pools = self._roster.leave(partition)
        self._leaving[partition] = _Leaving(pools, deadline)

    def _give_back(self) -> None:
        """Let go of the parts whose polls have ended."""
        now = self._clock.monotonic()
        self._claims.remove(
            partition
            for partition, leaving in self._leaving.items()
            if now >= leaving.deadline or not self._is_busy(leaving)
        )

    def _is_busy(self, leaving: _Leaving) -> bool:
        return any(self._pools.is_busy(key) for key in leaving.pools)
