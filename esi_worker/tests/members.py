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

"""Managers and workers that are moved step by step.

They treat errors of the store as the loops of the real processes do:
a manager builds its mirrors anew, a worker tries again, and whoever
loses its lease begins with another one.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
import itertools
import random
from typing import TYPE_CHECKING, Any

from esi_worker import (
    dispatcher,
    drivers,
    exceptions,
    handlers,
    scheduler,
    store,
)
from esi_worker.dispatcher import calls
from esi_worker.model import Done, Job, Outcome

if TYPE_CHECKING:
    from esi_worker.tests.cluster import Cluster

_NUMBERS = itertools.count(1)


class Crash(BaseException):
    """A process dies on the spot."""


class Member(abc.ABC):
    """A process with its lease and what it follows."""

    def __init__(
        self, cluster: Cluster, prefixes: Sequence[str], ttl: int
    ) -> None:
        self.cluster = cluster
        self._prefixes = prefixes
        self._ttl = ttl
        self._take_lease()

    def _take_lease(self) -> None:
        self.identity = f'member-{next(_NUMBERS):04}'
        self.keeper = store.LeaseKeeper(
            self.cluster.store, self._ttl, clock=self.cluster.clock
        )
        self.lease = self.keeper.open()
        self._follow()

    def _follow(self) -> None:
        self.follower = store.Follower(
            self.cluster.store,
            self._prefixes,
            pulse_key=None,
            silence_deadline=1e9,
            clock=self.cluster.clock,
            jitter=lambda: 0.0,
        )

    def die(self) -> None:
        """Stop without a word; the lease runs out by itself."""
        self.follower.close()

    @abc.abstractmethod
    def step(self) -> bool:
        """One round.

        :returns: whether anything happened
        """


class ManagerMember(Member):
    """A candidate that leads as soon as it can."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, scheduler.Manager.prefixes(cluster.keys), 10)
        self.manager: scheduler.Manager | None = None
        self.election: store.Election | None = None
        self.world = self._make_world()
        # A stand-by looks at the office as often as time moves.
        self._tried_at = -1.0
        self._begins_anew = False

    def _make_world(self) -> scheduler.World:
        cluster = self.cluster
        return scheduler.World(
            cluster.store,
            cluster.keys,
            drivers.DriverSet(cluster.catalog, cluster.drivers),
            cluster.catalog.types,
            cluster.clock,
            cluster.settings,
        )

    def step(self) -> bool:
        self.keeper.step()
        if self.keeper.lost.is_set():
            return self._start_over()
        try:
            if self.manager is not None:
                return self.manager.step(0)
            return self._campaign()
        except exceptions.FenceLost:
            return self._start_over()
        except exceptions.StoreError:
            self.manager = None
            self._tried_at = -1.0
            self._begins_anew = True
            return False

    def _start_over(self) -> bool:
        self.manager = self.election = None
        self._tried_at = -1.0
        self._begins_anew = False
        self.follower.close()
        self._take_lease()
        return True

    def _campaign(self) -> bool:
        cluster = self.cluster
        if self.election is None:
            self.election = store.Election(
                cluster.store, cluster.keys.election, self.identity, self.lease
            )
        if self._tried_at == cluster.clock.monotonic():
            return False
        self._tried_at = cluster.clock.monotonic()
        if not self.election.campaign():
            return False
        if self._begins_anew:
            self.election.renew_fence()
        self.follower.close()
        self._follow()
        self.world = self._make_world()
        self.manager = scheduler.Manager(
            self.world,
            self.follower,
            cluster.catalog,
            [self.election.fence],
            random.Random(cluster.store.revision),
        )
        return True


class WorkerMember(Member):
    """A worker whose handler calls run on the spot."""

    def __init__(
        self,
        cluster: Cluster,
        offered: Mapping[str, handlers.Handler],
        settings: dispatcher.Settings,
        caller: calls.Caller | None = None,
    ) -> None:
        self._offered = offered
        self._settings = settings
        self._caller = caller or calls.InlineCaller()
        super().__init__(
            cluster, dispatcher.Dispatcher.prefixes(cluster.keys), 30
        )

    def _take_lease(self) -> None:
        super()._take_lease()
        cluster = self.cluster
        self.dispatcher = dispatcher.Dispatcher(
            cluster.store,
            cluster.keys,
            cluster.catalog.types,
            self._offered,
            self.lease,
            self.identity,
            cluster.clock,
            self._settings,
            self._caller,
        )

    def step(self) -> bool:
        self.keeper.step()
        if self.keeper.lost.is_set():
            self.follower.close()
            self._take_lease()
            return True
        busy = False
        while (item := self.follower.poll(0)) is not None:
            self.dispatcher.take(item)
            busy = True
        try:
            self.dispatcher.step()
        except exceptions.StoreError:
            return False
        return busy


class Fault:
    """Lets one request of a member fail, counted from its making."""

    def __init__(
        self, number: int, moment: str, error: Callable[[], BaseException]
    ) -> None:
        """:param moment: ``before`` or ``after`` the request is applied"""
        self._left = number
        self._moment = moment
        self._error = error

    @property
    def struck(self) -> bool:
        return self._left < 0

    def __call__(self, _name: str, moment: str) -> None:
        if moment != self._moment or self.struck:
            return
        self._left -= 1
        if self.struck:
            raise self._error()


class ScriptedHandler(handlers.Handler):
    """Answers as a test says; counts what it is asked.

    ``starts`` and ``polls`` hold the jobs' ids in the order of calls.
    """

    def __init__(self, context: handlers.HandlerContext) -> None:
        super().__init__(context)
        self.on_start: Callable[[Job], object] = lambda job: Done()
        self.on_poll: Callable[[Sequence[Job]], object] = lambda jobs: {
            job.id: Done() for job in jobs
        }
        self.on_batches: Callable[..., Any] = lambda due, soon: [due]
        self.starts: list[str] = []
        self.polls: list[list[str]] = []

    def start(self, job: Job) -> Outcome:
        self.starts.append(job.id)
        return self.on_start(job)  # type: ignore[return-value]

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        self.polls.append([job.id for job in jobs])
        return self.on_poll(jobs)  # type: ignore[return-value]

    def batches(
        self, due: Sequence[Job], soon: Sequence[Job]
    ) -> Iterable[Sequence[Job]]:
        return self.on_batches(due, soon)  # type: ignore[no-any-return]


class HeldCaller:
    """Keeps calls until a test lets them run, or never does."""

    def __init__(self) -> None:
        self.held: list[tuple[object, Callable[[], object], calls.Report]] = []

    def call(
        self,
        token: object,
        function: Callable[[], object],
        report: calls.Report,
    ) -> None:
        self.held.append((token, function, report))

    def run(self) -> None:
        """Let the calls that are held run now."""
        held, self.held = self.held, []
        for token, function, report in held:
            calls.InlineCaller().call(token, function, report)
