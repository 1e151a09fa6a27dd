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
it is one task of the scheduler. A poll that failed for every target of
its pool is a failed run: the pool is polled more and more rarely, and
apart from those that answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import threading

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker.collector import believing, errors, metrics, results
from esi_worker.collector.catalogue import Catalogue, Served
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.results import Failure, Result
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.target_types import TargetType
from esi_worker.collector.targets import Target
from esi_worker.collector.timetable import Pace, Verdict

LOG = logging.getLogger(__name__)

_FORGET = Pace(interval=60.0, limit=60.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How often is polled, and how long a poll may take; in seconds.

    ``intervals`` are those of single types. ``jitter`` is the part of
    the interval by which polls are spread, 0.1 standing for 5 percent
    earlier to 5 percent later. ``retry`` is the pause when it is not
    certain that we may poll. ``backoff`` is the most intervals between
    two polls of something that does not answer.
    """

    interval: float = 60.0
    timeout: float = 10.0
    retry: float = 5.0
    jitter: float = 0.1
    backoff: int = 4
    intervals: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def interval_of(self, row: TargetType) -> float:
        return self.intervals.get(row.name) or row.interval or self.interval

    def timeout_of(self, row: TargetType) -> float:
        return min(row.timeout or self.timeout, self.interval_of(row))


@dataclasses.dataclass(frozen=True, slots=True)
class PoolKey:
    """Which pool: the name of its poller, and the poller's key."""

    poller: str
    key: str


@dataclasses.dataclass(slots=True)
class _Pool:
    targets: dict[str, Target] = dataclasses.field(default_factory=dict)
    timeout: float = 0.0


class Pools:
    """Puts targets into pools and polls them."""

    def __init__(
        self,
        catalogue: Catalogue,
        reporter: Reporter,
        scheduler: Scheduler,
        timing: Timing,
        clock: clocks.Clock,
        may_poll: Callable[[], bool],
        background: Scheduler,
    ) -> None:
        """:param may_poll: whether we are certain that nobody else polls
        :param background: runs what is no poll
        """
        self._background = background
        self._catalogue = catalogue
        self._reporter = reporter
        self._scheduler = scheduler
        self._timing = timing
        self._clock = clock
        self._may_poll = may_poll
        self._lock = threading.Lock()
        self._pools: dict[PoolKey, _Pool] = {}
        self._places: dict[str, PoolKey] = {}

    def add(self, target: Target, within: float = 0.0) -> PoolKey:
        """Poll a target from now on, at once for the first time.

        :param within: seconds over which first polls are spread, when
            there are many
        """
        key = self._key(target)
        with self._lock:
            self._leave(target.id, unless=key)
            pool = self._pools.setdefault(key, _Pool())
            pool.targets[target.id] = target
            self._places[target.id] = key
            pace = self._pace(pool)
            self._scheduler.add(key, lambda: self.poll(key), pace, within)
        return key

    def remove(self, target_id: str) -> PoolKey | None:
        """Poll a target no more; a poll that has begun goes on.

        :returns: its pool
        """
        with self._lock:
            key = self._places.get(target_id)
            self._leave(target_id)
            return key

    def is_busy(self, key: PoolKey) -> bool:
        """Whether a poll of this pool is going on."""
        return self._scheduler.is_running(key)

    def poll(self, key: PoolKey) -> Verdict:
        """Poll one pool."""
        targets, timeout = self._members(key)
        if not targets:
            return Verdict(once=True)
        if not self._may_poll():
            return Verdict(retry=self._timing.retry)
        poller = self._catalogue.poller(key.poller)
        began = self._clock.monotonic()
        found = self._ask(poller, targets, timeout)
        taken = self._clock.monotonic() - began
        if taken > _limit(timeout):
            # What comes that late was true when it was asked, at best.
            found = self._failed(targets, f'the answer took {taken:.0f} s')
        failed = self._report(poller, targets, found)
        outcome = 'failed' if failed else 'ok'
        metrics.POLLS.labels(key.poller, outcome).inc()
        return Verdict(failed=failed)

    def report_overdue(self, key: PoolKey) -> None:
        """Say that a poll hangs: its targets' status is unknown."""
        targets, timeout = self._members(key)
        if not targets or not self._may_poll():
            return
        LOG.warning(
            'A poll is overdue; poller=%s target=%s', key.poller, targets[0]
        )
        reason = f'the poll has not ended within {_limit(timeout):g} s'
        poller = self._catalogue.poller(key.poller)
        self._report(poller, targets, self._failed(targets, reason))

    def _report(
        self,
        poller: Poller,
        targets: Sequence[Target],
        found: Mapping[str, Sequence[Result]],
    ) -> bool:
        """:returns: whether nothing was seen of any target"""
        failed = True
        for target in targets:
            row = self._served(target).type
            result = believing.usable(found.get(target.id), row)
            failed &= all(isinstance(each, Failure) for each in result)
            self._reporter.report(target, poller.reporter, result)
        return failed

    def _ask(
        self, poller: Poller, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        try:
            found = poller.poll(targets, timeout)
        except Exception as error:
            LOG.exception('A poller has failed; target=%s', targets[0])
            return self._failed(targets, type(error).__name__)
        # It is a plugin: what it returns is not checked before.
        return found if isinstance(found, Mapping) else {}

    def _failed(
        self, targets: Sequence[Target], reason: str
    ) -> dict[str, Sequence[Result]]:
        return {
            target.id: self._failures(target, reason) for target in targets
        }

    def _failures(self, target: Target, reason: str) -> Sequence[Result]:
        names = self._served(target).type.results or (results.STATUS,)
        return tuple(Failure(name, reason) for name in names)

    def _members(self, key: PoolKey) -> tuple[list[Target], float]:
        with self._lock:
            pool = self._pools.get(key)
            if pool is None:
                return [], 0.0
            return list(pool.targets.values()), pool.timeout

    def _pace(self, pool: _Pool) -> Pace:
        """That of its most impatient target."""
        rows = {
            self._served(target).type.name: self._served(target).type
            for target in pool.targets.values()
        }.values()
        interval = min(self._timing.interval_of(row) for row in rows)
        patience = max(self._timing.timeout_of(row) for row in rows)
        pool.timeout = min(patience, interval)
        return Pace(
            interval,
            limit=_limit(pool.timeout),
            jitter=self._timing.jitter,
            backoff=self._timing.backoff,
        )

    def _leave(self, target_id: str, unless: PoolKey | None = None) -> None:
        key = self._places.get(target_id)
        if key is None or key == unless:
            return
        del self._places[target_id]
        del self._pools[key].targets[target_id]
        if not self._pools[key].targets:
            del self._pools[key]
            self._scheduler.remove(key)
            # It may take its time to say goodbye to a device.
            self._background.add(
                ('forget', key), lambda: self._forget(key), _FORGET
            )

    def _forget(self, key: PoolKey) -> Verdict:
        with self._lock:
            is_back = key in self._pools
        if not is_back:
            self._catalogue.poller(key.poller).forget(key.key)
        return Verdict(once=True)

    def _served(self, target: Target) -> Served:
        served = self._catalogue.get(target.type)
        if served is None:
            raise errors.InvalidTarget(
                [f'the type "{target.type}" is unknown to this collector']
            )
        return served

    def _key(self, target: Target) -> PoolKey:
        served = self._served(target)
        return PoolKey(served.poller_name, served.poller.pool_key(target))


def _limit(timeout: float) -> float:
    """When a poll is overdue: a poller that keeps its timeout never is."""
    return 2 * timeout
