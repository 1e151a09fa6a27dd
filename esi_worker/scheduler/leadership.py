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

"""Standing by, leading, and standing by again.

A candidate waits until the election key is free, wins it on its lease
and leads until it is stopped or the store says that it does not lead any
more. When the store leaves something unclear the leader keeps its
office but builds its mirrors anew.
"""

from __future__ import annotations

from collections.abc import Callable
import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store, templates, version
from esi_worker import health as healths
from esi_worker.model import codec
from esi_worker.scheduler.manager import Manager
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

_WAIT = 1.0
_PAUSE = 1.0


class Candidate:
    """One process that wants to be the manager."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        catalog: templates.TemplateCatalog,
        make_world: Callable[[], World],
        *,
        lease_ttl: int,
        silence_deadline: float,
        clock: clocks.Clock,
    ) -> None:
        """Prepare to stand for election.

        :param make_world: makes empty mirrors for a term
        """
        self._store = target
        self._keys = keys
        self._catalog = catalog
        self._make_world = make_world
        self._lease_ttl = lease_ttl
        self._silence_deadline = silence_deadline
        self._clock = clock
        self._identity = str(uuid.uuid4())
        self._stopping = threading.Event()
        self._followers: set[store.Follower] = set()
        self._keeper: store.LeaseKeeper | None = None
        self._manager: Manager | None = None

    @property
    def identity(self) -> str:
        """What the election key holds while this one leads."""
        return self._identity

    def health(self) -> healths.Health:
        """How the candidate is; from any thread."""
        keeper, manager = self._keeper, self._manager
        if keeper is None:
            return healths.Health(problem='the manager has no lease yet')
        lost = keeper.lost.is_set()
        followers = list(self._followers)
        follower = followers[0] if followers else None
        return healths.Health(
            watching=follower is not None and follower.alive,
            silence=0.0 if follower is None else follower.silence(),
            lease=0.0 if lost else keeper.remaining(),
            leading=manager is not None and not lost,
            problem=_problem(follower),
            numbers={} if manager is None else manager.numbers(),
        )

    def run(self) -> None:
        """Stand for election again and again until ``stop``."""
        while not self._stopping.is_set():
            try:
                self._hold_lease()
            except exceptions.StoreError as error:
                LOG.warning('The manager starts over: %s', error)
                self._stopping.wait(_PAUSE)

    def stop(self) -> None:
        """Give up the office, or the candidacy; from any thread."""
        self._stopping.set()
        for follower in list(self._followers):
            follower.close()

    def _hold_lease(self) -> None:
        keeper = store.LeaseKeeper(
            self._store, self._lease_ttl, clock=self._clock
        )
        keeper.start()
        self._keeper = keeper
        try:
            election = store.Election(
                self._store, self._keys.election, self._identity, keeper.lease
            )
            self._introduce(keeper.lease)
            if self._wait_for_office(election, keeper):
                self._lead(election, keeper)
        finally:
            self._keeper = None
            keeper.stop()

    def _introduce(self, lease: store.Lease) -> None:
        """Show operators which processes stand for election."""
        record = {
            **version.about(),
            'since': clocks.timestamp(self._clock),
        }
        self._store.put(
            self._keys.manager(self._identity),
            codec.dumps(record),
            lease=lease.id,
        )

    def _wait_for_office(
        self, election: store.Election, keeper: store.LeaseKeeper
    ) -> bool:
        LOG.info('Manager %s is standing by', self._identity)
        with self._follow((self._keys.election,)) as follower:
            while not self._stopping.is_set() and not keeper.lost.is_set():
                try:
                    if election.campaign():
                        return True
                except exceptions.StoreUnavailable as error:
                    LOG.debug('Campaign without an answer: %s', error)
                # Whatever happens to the key, or a while: look again.
                follower.poll(_WAIT)
        return False

    def _lead(
        self, election: store.Election, keeper: store.LeaseKeeper
    ) -> None:
        LOG.info('Manager %s is elected', self._identity)
        begins_anew = False
        while not self._stopping.is_set() and not keeper.lost.is_set():
            try:
                if begins_anew:
                    # What was given up must not be applied from now on.
                    election.renew_fence()
                self._serve(election, keeper)
            except exceptions.FenceLost:
                LOG.warning(
                    'Manager %s is not in office any more', self._identity
                )
                return
            except exceptions.StoreError as error:
                LOG.warning('The manager looks at everything anew: %s', error)
                begins_anew = True
                self._stopping.wait(_PAUSE)

    def _serve(
        self, election: store.Election, keeper: store.LeaseKeeper
    ) -> None:
        prefixes = Manager.prefixes(self._keys)
        with self._follow(prefixes) as follower:
            manager = Manager(
                self._make_world(), follower, self._catalog, [election.fence]
            )
            self._manager = manager
            try:
                while not self._stopping.is_set() and not keeper.lost.is_set():
                    manager.step(_WAIT)
            finally:
                self._manager = None

    def _follow(self, prefixes: tuple[str, ...]) -> _Following:
        follower = store.Follower(
            self._store,
            prefixes,
            pulse_key=self._keys.pulse(str(uuid.uuid4())),
            silence_deadline=self._silence_deadline,
            clock=self._clock,
        )
        return _Following(follower, self._followers)


def _problem(follower: store.Follower | None) -> str:
    if follower is None:
        return 'the manager follows nothing at the moment'
    return str(follower.problem or '')


class _Following:
    """A follower that ``stop`` can reach."""

    def __init__(
        self, follower: store.Follower, known: set[store.Follower]
    ) -> None:
        self._follower = follower
        self._known = known

    def __enter__(self) -> store.Follower:
        self._known.add(self._follower)
        return self._follower

    def __exit__(self, *_details: object) -> None:
        self._known.discard(self._follower)
        self._follower.close()
