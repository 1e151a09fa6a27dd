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

"""Pools of targets, and one poll of a pool.

A *pool* is all targets to which their poller gives the same pool key;
it is one task of the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import threading

from oslo_log import log as logging

from esi_worker.collector import errors, results
from esi_worker.collector.catalogue import Catalogue, Served
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.results import Result
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How often is polled, and how long a poll may take; in seconds.

    ``jitter`` is the part of the interval by which polls are spread,
    0.1 standing for 95 to 105 percent. ``retry`` is the pause when a
    value could not be published.
    """

    interval: float = 60.0
    timeout: float = 10.0
    retry: float = 5.0
    jitter: float = 0.1

    def spread(self, seconds: float, random: float) -> float:
        """A pause around ``seconds``, for a random number below 1."""
        return seconds * (1 + self.jitter * (random - 0.5))


@dataclasses.dataclass(frozen=True, slots=True)
class PoolKey:
    """Which pool: the name of its poller, and the poller's key."""

    poller: str
    key: str


class Pools:
    """Puts targets into pools and polls them."""

    def __init__(
        self,
        catalogue: Catalogue,
        reporter: Reporter,
        scheduler: Scheduler,
        timing: Timing,
        random: Callable[[], float],
    ) -> None:
        self._catalogue = catalogue
        self._reporter = reporter
        self._scheduler = scheduler
        self._timing = timing
        self._random = random
        self._lock = threading.Lock()
        self._pools: dict[PoolKey, dict[str, Target]] = {}
        self._places: dict[str, PoolKey] = {}

    def add(self, target: Target) -> None:
        """Poll a target from now on, at once for the first time."""
        key = self._key(target)
        with self._lock:
            self._leave(target.id, unless=key)
            self._pools.setdefault(key, {})[target.id] = target
            self._places[target.id] = key
            # Grace: a poller that keeps its timeout is never overdue.
            self._scheduler.add(
                key, lambda: self.poll(key), 2 * self._timing.timeout
            )

    def remove(self, target_id: str) -> None:
        """Poll a target no more; a poll that has begun goes on."""
        with self._lock:
            self._leave(target_id)

    def poll(self, key: PoolKey) -> float:
        """Poll one pool.

        :returns: seconds until the next poll
        """
        targets = self._members(key)
        if not targets:
            return self._timing.interval
        poller = self._poller(key)
        found = self._ask(poller, targets)
        done = True
        for target in targets:
            missing = (
                results.Failure(results.STATUS, 'the poll left it out'),
            )
            result = found.get(target.id, missing)
            done &= self._reporter.report(target, poller.reporter, result)
        pause = self._timing.interval
        if not done:
            pause = min(pause, self._timing.retry)
        return self._timing.spread(pause, self._random())

    def report_overdue(self, key: PoolKey) -> None:
        """Say that a poll hangs: its targets' status is unknown."""
        LOG.warning('A poll hangs; poller=%s pool=%s', key.poller, key.key)
        seconds = f'{2 * self._timing.timeout:g} s'
        failure = results.Failure(
            results.STATUS, f'the poll has not ended within {seconds}'
        )
        reporter = self._poller(key).reporter
        for target in self._members(key):
            self._reporter.report(target, reporter, (failure,))

    def _ask(
        self, poller: Poller, targets: Sequence[Target]
    ) -> Mapping[str, Sequence[Result]]:
        try:
            return poller.poll(targets, self._timing.timeout)
        except Exception as error:
            LOG.exception('A poller has failed; target=%s', targets[0])
            failure = results.Failure(results.STATUS, type(error).__name__)
            return {target.id: (failure,) for target in targets}

    def _members(self, key: PoolKey) -> list[Target]:
        with self._lock:
            return list(self._pools.get(key, {}).values())

    def _leave(self, target_id: str, unless: PoolKey | None = None) -> None:
        key = self._places.get(target_id)
        if key is None or key == unless:
            return
        del self._places[target_id]
        del self._pools[key][target_id]
        if not self._pools[key]:
            del self._pools[key]
            self._scheduler.remove(key)
            self._poller(key).forget(key.key)

    def _served(self, target: Target) -> Served:
        served = self._catalogue.get(target.type)
        if served is None:
            raise errors.InvalidTarget(
                [f'the type "{target.type}" is unknown']
            )
        return served

    def _key(self, target: Target) -> PoolKey:
        served = self._served(target)
        return PoolKey(served.poller_name, served.poller.pool_key(target))

    def _poller(self, key: PoolKey) -> Poller:
        return self._catalogue.poller(key.poller)
