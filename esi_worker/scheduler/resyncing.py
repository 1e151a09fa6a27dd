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

"""Looking for what the watch has missed.

In every interval each part of what the manager follows is listed once
and compared with the mirrors: the configs of each type, the templates,
the queue, the requests of operators. What differs is treated like a
change that the watch brought. What is shown of blocked resources is put
right, for a transaction that was given up may have been applied late.
Resources whose latest config was never acted on, or that are blocked,
are planned again on this occasion.

Fresh changes go first. A part is looked at when nothing else is to be
done, or when it is late by a whole interval, and what is found is handed
out in small portions with a pause after each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
import dataclasses
import itertools
from typing import TypeVar

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store, templates
from esi_worker.model import Config, ResourceRef
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.queueing import QueueFollower
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: How much is handed out at a time.
PORTION = 50
_PAUSE = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Changes of configs, resources that are to be planned, and what
    is to be written."""

    events: tuple[store.Event, ...] = ()
    refs: tuple[ResourceRef, ...] = ()
    transitions: tuple[store.Transition, ...] = ()


class Resync:
    """The rounds of one manager; writes nothing itself."""

    def __init__(self, world: World, queue: QueueFollower) -> None:
        self._world = world
        self._queue = queue
        self._interval = world.settings.resync_interval
        self._templates_prefix = world.keys.config(
            f'{templates.HEAT_TEMPLATES_PATH}/'
        )
        self._templates: dict[str, int] = {}
        self._parts: Iterator[str] = iter(())
        self._events: deque[store.Event] = deque()
        self._refs: deque[ResourceRef] = deque()
        self._transitions: deque[store.Transition] = deque()
        self._due: float | None = None
        self._part_due = 0.0

    def start(self) -> None:
        """Everything was listed just now."""
        if self._interval > 0:
            self._parts = itertools.cycle(self._all_parts())
            self._part_due = self._world.clock.monotonic() + self._step
            self._due = self._part_due

    def next_due(self) -> float | None:
        """When there is something to do, as a monotonic time."""
        return self._due

    def is_late(self, now: float) -> bool:
        """Whether it has to go on in spite of fresh changes."""
        return self._due is not None and self._due + self._interval <= now

    def next(self, now: float) -> Found | None:
        """Do the next bit.

        A part that cannot be listed now is left for the next round.

        :returns: what is to be done, or None when nothing is due
        """
        if self._due is None or now < self._due:
            return None
        if not self._events and not self._refs:
            self._part_due = max(now, self._part_due + self._step)
            try:
                self._look_at(next(self._parts))
            except exceptions.StoreUnavailable as error:
                LOG.info('A part of a resync is left out: %s', error)
        found = Found(
            tuple(_portion(self._events)),
            tuple(_portion(self._refs)),
            tuple(_portion(self._transitions)),
        )
        more = self._events or self._refs
        self._due = now + _PAUSE if more else self._part_due
        return found

    @property
    def _step(self) -> float:
        return self._interval / len(self._all_parts())

    def _all_parts(self) -> list[str]:
        keys = self._world.keys
        paths = [type_.prefix[1:] for type_ in self._world.types]
        configs = {keys.config(f'{path}/') for path in paths}
        return [
            *sorted(configs | {self._templates_prefix}),
            keys.jobs,
            keys.request(''),
            keys.blocked(''),
        ]

    def _look_at(self, part: str) -> None:
        snapshot = self._world.store.range(part)
        if part == self._world.keys.jobs:
            missed = list(self._missed_jobs(snapshot))
            for event in missed:
                self._queue.event(event)
        elif part == self._world.keys.request(''):
            missed = self._world.requests.missed(snapshot)
            for event in missed:
                self._world.requests.event(event)
        elif part == self._world.keys.blocked(''):
            missed = []
            mended = self._mend_blocks(snapshot)
            # The rest has a whole round to change; it waits for the next.
            self._transitions.extend(itertools.islice(mended, PORTION))
        elif part == self._templates_prefix:
            missed = list(self._missed_templates(snapshot))
            self._events.extend(missed)
        else:
            missed = list(self._missed_configs(snapshot))
            self._events.extend(missed)
            self._refs.extend(self._left_over(part))
        if missed:
            LOG.info('Resync found %d changes under %s', len(missed), part)

    # --- configs ----------------------------------------------------------

    def _missed_configs(
        self, snapshot: store.Snapshot
    ) -> Iterator[store.Event]:
        world, seen = self._world, set()
        for kv in snapshot.items:
            ref = self._locate(kv.key)
            if ref is None:
                continue
            seen.add(ref)
            if self._is_news(ref, kv):
                yield store.Event(store.EventType.PUT, kv)
        for ref in world.cache.refs() - seen:
            key = world.keys.config(world.path(ref))
            if key.startswith(snapshot.prefix):
                yield _deletion(key, snapshot.revision)

    def _locate(self, key: str) -> ResourceRef | None:
        path = self._world.keys.config_path(key)
        if path is None or templates.is_template_path(path) is not None:
            return None
        place = self._world.types.locate(path)
        return None if place is None else ResourceRef(place[0].name, place[1])

    def _is_news(self, ref: ResourceRef, kv: store.KeyValue) -> bool:
        cache = self._world.cache
        if cache.broken(ref) is not None:
            return _is_readable(kv)
        known = cache.get(ref)
        return known is None or known.mod_revision < kv.mod_revision

    def _left_over(self, part: str) -> list[ResourceRef]:
        """The resources of a part that nobody sees to at present."""
        world = self._world
        return [
            ref
            for ref in dict.fromkeys(world.unsettled())
            if world.keys.config(world.path(ref)).startswith(part)
            and not self._is_seen_to(ref)
        ]

    def _is_seen_to(self, ref: ResourceRef) -> bool:
        block = self._world.blocks.get(ref)
        if block is not None:
            return block.until is not None
        return bool(self._world.table.of_resource(ref))

    def _missed_templates(
        self, snapshot: store.Snapshot
    ) -> Iterator[store.Event]:
        known, self._templates = (
            self._templates,
            {kv.key: kv.mod_revision for kv in snapshot.items},
        )
        for kv in snapshot.items:
            if known.get(kv.key) != kv.mod_revision:
                yield store.Event(store.EventType.PUT, kv)
        for key in known.keys() - self._templates.keys():
            yield _deletion(key, snapshot.revision)

    def _mend_blocks(
        self, snapshot: store.Snapshot
    ) -> Iterator[store.Transition]:
        """Show all blocks, and nothing that is none."""
        world = self._world
        shown = {kv.key: kv for kv in snapshot.items}
        since = clocks.timestamp(world.clock)
        for block in world.blocks:
            key = world.keys.blocked(world.path(block.ref))
            if shown.pop(key, None) is None:
                yield store.Transition(
                    (), (store.Put(key, block.encode(since)),)
                )
        for key, kv in shown.items():
            path = key.removeprefix(snapshot.prefix)
            if world.types.locate(path) is not None:
                yield store.Transition(
                    (store.Compare.modified_at(key, kv.mod_revision),),
                    (store.Delete(key),),
                )

    # --- jobs -------------------------------------------------------------

    def _missed_jobs(self, snapshot: store.Snapshot) -> Iterator[store.Event]:
        keys, table = self._world.keys, self._world.table
        there = {kv.key for kv in snapshot.items}
        for kv in snapshot.items:
            kind, job_id = keys.job_place(kv.key) or ('', '')
            if _is_unknown(kind, table.get(job_id), kv):
                yield store.Event(store.EventType.PUT, kv)
        for entry in list(table):
            if not entry.stored_at:
                continue
            job_id = entry.job.id
            if keys.job(job_id) not in there:
                yield _deletion(keys.job(job_id), snapshot.revision)
            elif self._is_without_claim(entry, there):
                yield _deletion(keys.working(job_id), snapshot.revision)

    def _is_without_claim(self, entry: Entry, there: set[str]) -> bool:
        """Its claim is gone, or it is in no place at all although it
        could run."""
        keys, job_id = self._world.keys, entry.job.id
        if keys.working(job_id) in there:
            return False
        places = (keys.ready, keys.waiting, keys.finished)
        nowhere = there.isdisjoint(place(job_id) for place in places)
        return entry.claim is not None or (entry.ready and nowhere)


def _is_unknown(kind: str, entry: Entry | None, kv: store.KeyValue) -> bool:
    if kind == 'all':
        return entry is None or not entry.stored_at
    if entry is None:
        return False
    if kind == 'working':
        claim = entry.claim
        return claim is None or claim.mod_revision < kv.mod_revision
    if kind == 'finished':
        return entry.result is None
    return kind == 'ready' and not entry.ready


def _is_readable(kv: store.KeyValue) -> bool:
    try:
        Config.decode(kv.key, kv.value)
    except exceptions.DecodeError:
        return False
    return True


def _deletion(key: str, revision: int) -> store.Event:
    return store.Event(
        store.EventType.DELETE, store.KeyValue(key, '', 0, revision, 0)
    )


def _portion(items: deque[T]) -> list[T]:
    return [items.popleft() for _ in range(min(PORTION, len(items)))]
