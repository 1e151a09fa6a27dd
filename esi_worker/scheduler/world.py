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

"""What an elected manager knows, all in one place.

Everything here mirrors etcd. The leader is the only writer of what lies
under ``/esi-worker/config`` and ``/jobs/all``, so it applies its own
writes when they are committed and does not wait for their echo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
import dataclasses
from typing import TypeVar

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import drivers, exceptions, reader, store
from esi_worker.model import (
    AcceptedConfig,
    Config,
    Pause,
    PublishedState,
    Resource,
    ResourceRef,
    StackRecord,
    TypeRegistry,
)
from esi_worker.scheduler import (
    blocks,
    history,
    jobtable,
    referrers,
    requests,
)

LOG = logging.getLogger(__name__)

T = TypeVar('T')


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """How the manager behaves; seconds unless said otherwise.

    ``requeue_delay`` is how long a claim that vanished may still be
    followed by a result, ``max_attempts`` how many workers a job may
    take down before it is given up. ``resync_interval`` is the length of
    a round of resync, 0 for none. ``paced_requests`` is how many paced
    requests of operators are at work at any time.
    """

    deletion_guard_timeout: float = 300.0
    deletion_retry_interval: float = 300.0
    requeue_delay: float = 0.5
    max_attempts: int = 5
    resync_interval: float = 600.0
    paced_requests: int = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What was read from etcd for one decision."""

    state: PublishedState | None = None
    gone: bool = True


class World:
    """The mirrors, and the questions they answer together."""

    def __init__(
        self,
        source: store.Store,
        keys: store.KeyLayout,
        driver_set: drivers.DriverSet,
        types: TypeRegistry,
        clock: clocks.Clock,
        settings: Settings,
    ) -> None:
        self.store = source
        self.keys = keys
        self.drivers = driver_set
        self.types = types
        self.clock = clock
        self.settings = settings
        self.cache = reader.ConfigCache(types, keys)
        self.table = jobtable.JobTable()
        self.blocks = blocks.BlockList()
        self.history = history.History(source, keys, clock)
        self.requests = requests.RequestBook(keys, settings.paced_requests)
        self.accepted: dict[ResourceRef, reader.Accepted] = {}
        #: The revisions of accepted records that cannot be read.
        self.unreadable: dict[ResourceRef, int] = {}
        self.previous: dict[ResourceRef, AcceptedConfig] = {}
        self.paused: dict[ResourceRef, Pause] = {}
        #: Jobs that may wait for nothing any more, by their ids.
        self.freed: dict[str, None] = {}
        #: Jobs that have ended and are to be taken out, by their ids.
        self.ended: dict[str, None] = {}
        #: What earlier leaders have shown of blocks: see ``Block.shown``.
        self.shown: dict[ResourceRef, blocks.Shown | None] = {}
        self.referrers = referrers.ReferrerIndex(
            lambda: self.cache.refs() | self.accepted.keys(), self.needs_of
        )

    def path(self, ref: ResourceRef) -> str:
        """The path of a resource of a known type."""
        path = self.types.path(ref)
        if path is None:
            raise exceptions.TerminalError(
                f'"{ref.type}" is no known resource type'
            )
        return path

    def needs_of(self, ref: ResourceRef) -> frozenset[ResourceRef]:
        """The resources that must outlive this one; it may itself have
        vanished without its deletion being done."""
        resource = self.cache.get(ref)
        if resource is None and ref in self.accepted:
            record = self.accepted[ref].config
            resource = self.as_resource(ref, record.as_config())
        if resource is None:
            return frozenset()
        plan = self.lenient_plan(resource)
        return frozenset() if plan is None else plan.needs

    def as_resource(self, ref: ResourceRef, config: Config) -> Resource:
        """A version of a resource that is not in the cache."""
        type_ = self.types.get(ref.type)
        assert type_ is not None
        return Resource(type_, ref.id, config)

    def lenient_plan(self, resource: Resource) -> drivers.Plan | None:
        """A plan that may have gaps, or None when none can be made."""
        try:
            return self.drivers.plan(resource, self.cache, lenient=True)
        except Exception as error:  # noqa: BLE001 - plugins raise anything
            LOG.info('No plan can be made for %s: %s', resource.ref, error)
            return None

    def is_unsettled(self, ref: ResourceRef) -> bool:
        """Whether the latest config is neither acted on nor blocked."""
        resource = self.cache.get(ref)
        if resource is None or self.blocks.get(ref) is not None:
            return False
        return not reader.is_settled(resource, self.accepted.get(ref))

    def load_records(self) -> None:
        """Read what earlier leaders have accepted."""
        for ref, kv in self._records(self.keys.accepted('')):
            self._load_accepted(ref, kv)
        for ref, kv in self._records(self.keys.previous('')):
            config = _decode(AcceptedConfig.decode, kv)
            if config is not None:
                self.previous[ref] = config
        for ref, kv in self._records(self.keys.paused('')):
            # Whatever is written there, it is there to pause.
            pause = _decode(Pause.decode, kv)
            self.paused[ref] = pause or Pause('', 'an unknown time')

    def refresh_accepted(self, ref: ResourceRef) -> bool:
        """Read one record again.

        :returns: whether it differs from what was known
        """
        known = self.accepted_revision(ref)
        kv = self.store.get(self.keys.accepted(self.path(ref)))
        self.accepted.pop(ref, None)
        self.unreadable.pop(ref, None)
        if kv is not None:
            self._load_accepted(ref, kv)
        return known != self.accepted_revision(ref)

    def accepted_revision(self, ref: ResourceRef) -> int:
        """The revision of the record, 0 when there is none."""
        accepted = self.accepted.get(ref)
        if accepted is not None:
            return accepted.mod_revision
        return self.unreadable.get(ref, 0)

    def _load_accepted(self, ref: ResourceRef, kv: store.KeyValue) -> None:
        config = _decode(AcceptedConfig.decode, kv)
        if config is None:
            self.unreadable[ref] = kv.mod_revision
        else:
            self.accepted[ref] = reader.Accepted(config, kv.mod_revision)

    def unsettled(self) -> list[ResourceRef]:
        """All resources that may need something, in event order."""
        changed = [
            resource
            for resource in self.cache
            if not reader.is_settled(resource, self.accepted.get(resource.ref))
        ]
        changed.sort(key=lambda resource: resource.mod_revision)
        known = self.cache.refs()
        return [
            *(resource.ref for resource in changed),
            *(ref for ref in known if self.cache.broken(ref)),
            *(ref for ref in self.accepted if ref not in known),
            *(ref for ref in self.paused if self.blocks.get(ref) is None),
        ]

    def load_blocks(self) -> None:
        """Read which blocks earlier leaders have shown."""
        for ref, kv in self._records(self.keys.blocked('')):
            self.shown[ref] = blocks.shown(kv.key, kv.value)

    def _records(
        self, prefix: str
    ) -> Iterable[tuple[ResourceRef, store.KeyValue]]:
        for kv in self.store.range(prefix).items:
            place = self.types.locate(kv.key[len(prefix) :])
            if place is not None:
                yield ResourceRef(place[0].name, place[1]), kv

    def facts(self, refs: Iterable[ResourceRef]) -> dict[ResourceRef, Facts]:
        """Read what decisions about these resources need, and, in the
        same request, the histories that their jobs will be added to."""
        paths = {ref: self.path(ref) for ref in refs}
        histories = self.history.unread(paths.values())
        found = self.store.get_many(
            [self.keys.state(path) for path in paths.values()]
            + [self.keys.heat_stack(path) for path in paths.values()]
            + histories
        )
        self.history.take(histories, found)
        return {
            ref: Facts(
                _read_state(found.get(self.keys.state(path))),
                _is_gone(found.get(self.keys.heat_stack(path))),
            )
            for ref, path in paths.items()
        }


def _read_state(kv: store.KeyValue | None) -> PublishedState | None:
    if kv is None:
        return None
    try:
        return PublishedState.decode(kv.key, kv.value)
    except exceptions.DecodeError as error:
        # It counts as a state of no version: the resource is not new.
        LOG.warning('State cannot be read: %s', error)
        return PublishedState(-1, {})


def _is_gone(kv: store.KeyValue | None) -> bool:
    if kv is None:
        return True
    record = _decode(StackRecord.decode, kv)
    return record is not None and record.stack_status == 'DELETE_COMPLETE'


def _decode(decoder: Callable[[str, str], T], kv: store.KeyValue) -> T | None:
    try:
        return decoder(kv.key, kv.value)
    except exceptions.DecodeError as error:
        LOG.error('Record skipped: %s', error)
        return None
