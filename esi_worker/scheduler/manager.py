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

"""The elected manager: from events to changes of the queue.

One thread drives it with ``step``. Config events are planned one by one
in their order, so that a lookup sees what was there when the event
happened; what can share a transaction does. Whatever the store refuses
or leaves unclear is settled by looking again, never by repeating
blindly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import random

from oslo_log import log as logging

from esi_worker import store, templates
from esi_worker.scheduler.agenda import CHUNK, Agenda
from esi_worker.scheduler.answering import RequestKeeper
from esi_worker.scheduler.ending import EndKeeper
from esi_worker.scheduler.intake import ConfigIntake
from esi_worker.scheduler.planner import Planner
from esi_worker.scheduler.queueing import QueueFollower
from esi_worker.scheduler.resyncing import Resync
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

_DRAIN = 100


class Manager:
    """The scheduler of one term of leadership."""

    def __init__(
        self,
        world: World,
        follower: store.Follower,
        catalog: templates.TemplateCatalog,
        fence: Sequence[store.Compare],
        source: random.Random | None = None,
    ) -> None:
        """Prepare a term.

        :param follower: follows ``prefixes``, from listings that are
            newer than the election
        :param fence: holds while this term lasts
        :param source: of the random part of job ids
        """
        self._world = world
        self._keys = world.keys
        self._follower = follower
        self._fence = tuple(fence)
        self._intake = ConfigIntake(world, catalog)
        self._queue = QueueFollower(world)
        self._ends = EndKeeper(world, self._queue)
        self._agenda = Agenda(world, Planner(world, source), self._commit)
        self._requests = RequestKeeper(world, self._commit)
        self._resync = Resync(world, self._queue)
        self._unlisted = set(self.prefixes(world.keys))
        self._own: set[int] = set()
        self._events: list[store.Event] = []

    @staticmethod
    def prefixes(keys: store.KeyLayout) -> tuple[str, ...]:
        """What a manager has to follow."""
        return (keys.configs, keys.jobs, keys.request(''), keys.worker(''))

    @property
    def caught_up(self) -> bool:
        """Whether everything was listed; nothing is written before."""
        return not self._unlisted

    def numbers(self) -> dict[str, int]:
        """How much there is of what; from any thread."""
        world = self._world
        return {
            'configs': len(world.cache),
            'jobs': len(world.table),
            'blocked': len(world.blocks),
        }

    def step(self, timeout: float) -> bool:
        """Wait for what happens next and act on it.

        :param timeout: seconds to wait at most
        :returns: whether anything happened
        :raises FenceLost: this term is over
        :raises StoreUnavailable: the mirrors may be wrong; build new
            ones when the store is back
        """
        # Nothing is written until all that is at hand was taken in, but
        # for listings, which are taken in before anything is asked for
        # again: one must be newer than what we have written ourselves.
        taken = 0
        item = self._follower.poll(self._patience(timeout))
        while item is not None:
            self._take(item)
            taken += 1
            item = self._follower.poll(0) if taken < _DRAIN else None
        if taken:
            self._agenda.look_again()
            self._requests.look_again()
        if not self.caught_up:
            return taken > 0
        self._settle()
        now = self._world.clock.monotonic()
        happened = taken > 0 or self._busy
        if happened and not self._resync.is_late(now):
            return True
        return self._repair(now) or happened

    def _repair(self, now: float) -> bool:
        """Do what a resync has found.

        :returns: whether one was due
        """
        found = self._resync.next(now)
        if found is None:
            return False
        self._commit(found.transitions)
        self._events += found.events
        self._agenda.want(found.refs)
        self._settle()
        return True

    def _patience(self, timeout: float) -> float:
        """How long nothing can be due."""
        if self._busy:
            return 0.0
        now = self._world.clock.monotonic()
        for due in (
            self._queue.next_due(),
            self._world.blocks.next_due(),
            self._resync.next_due(),
        ):
            if due is not None:
                timeout = min(timeout, due - now)
        return max(0.0, timeout)

    # --- what comes in ----------------------------------------------------

    def _take(self, item: store.Snapshot | store.WatchBatch) -> None:
        if isinstance(item, store.Snapshot):
            self._take_snapshot(item)
        elif item.prefix == self._keys.configs:
            self._events += item.events
        elif item.prefix == self._keys.jobs:
            self._take_jobs(item)
        elif item.prefix == self._keys.request(''):
            for event in item.events:
                self._world.requests.event(event)
        else:
            self._queue.workers(
                event.kv
                for event in item.events
                if event.type is store.EventType.PUT
            )

    def _take_snapshot(self, item: store.Snapshot) -> None:
        for event in self._events:
            self._intake.take(event)
        self._events.clear()
        if item.prefix == self._keys.configs:
            self._intake.take_all(item.items)
        elif item.prefix == self._keys.jobs:
            self._queue.load(item.items)
        elif item.prefix == self._keys.request(''):
            self._world.requests.load(item.items)
        else:
            self._queue.workers(item.items)
            self._queue.forget_workers(kv.lease for kv in item.items)
        listed_first = item.prefix in self._unlisted
        self._unlisted.discard(item.prefix)
        if not self.caught_up:
            return
        if listed_first:
            self._begin()
        else:
            self._look_at_all()

    def _begin(self) -> None:
        """Take over: everything is listed."""
        world = self._world
        world.load_records()
        world.load_blocks()
        self._look_at_all()
        stale = [ref for ref in world.shown if world.blocks.get(ref) is None]
        self._commit(
            store.Transition(
                (), (store.Delete(self._keys.blocked(world.path(ref))),)
            )
            for ref in stale
        )
        world.shown.clear()
        self._resync.start()
        LOG.info(
            'Manager has taken over: %d configs, %d unfinished jobs, '
            '%d blocked resources',
            len(world.cache),
            len(world.table),
            len(world.blocks),
        )

    def _look_at_all(self) -> None:
        self._commit(self._ends.release_forgotten())
        self._agenda.want(self._world.unsettled())
        self._agenda.wake_templates()
        self._settle()

    def _plan_configs(self) -> None:
        """Plan each event in its order, the latest one per resource."""
        events, self._events = self._events, []
        for start in range(0, len(events), CHUNK):
            self._plan_events(events[start : start + CHUNK])

    def _plan_events(self, events: Sequence[store.Event]) -> None:
        agenda = self._agenda
        last = {event.kv.key: index for index, event in enumerate(events)}
        refs = {self._intake.locate(event.kv.key) for event in events}
        facts = self._world.facts(ref for ref in refs if ref is not None)
        for index, event in enumerate(events):
            ref = self._intake.take(event)
            if self._intake.is_template(event):
                agenda.wake_templates()
            if ref is None:
                continue
            agenda.wake(ref)
            if last[event.kv.key] == index:
                agenda.plan(ref, facts)
        agenda.flush()

    def _take_jobs(self, batch: store.WatchBatch) -> None:
        for event in batch.events:
            if event.kv.mod_revision not in self._own:
                self._queue.event(event)
        self._own = {each for each in self._own if each > batch.revision}

    # --- what follows from it ---------------------------------------------

    def _settle(self) -> None:
        """Do everything that is due."""
        self._commit(self._ends.requeue())
        self._commit(self._ends.finish())
        self._plan_configs()
        self._agenda.want(self._ends.take_unsettled())
        now = self._world.clock.monotonic()
        self._agenda.want(self._world.blocks.due(now))
        self._agenda.work_off()
        self._serve()
        self._commit(self._ends.release())

    def _serve(self) -> None:
        """Do some of what operators ask for; the next step goes on."""
        refs = self._requests.serve()
        for ref in refs:
            self._agenda.wake(ref)
        self._agenda.want_asked()
        self._agenda.want(refs)
        self._agenda.work_off()

    @property
    def _busy(self) -> bool:
        """Whether operators have asked for more than was done so far."""
        return self._requests.busy or self._agenda.busy

    def _commit(
        self, transitions: Iterable[store.Transition]
    ) -> list[store.Committed]:
        results = store.commit(
            self._world.store, list(transitions), fence=self._fence
        )
        self._own.update(each.revision for each in results if each.applied)
        return results
