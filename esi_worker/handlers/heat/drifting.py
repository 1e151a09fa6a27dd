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

"""Finds stacks that others have changed or deleted.

Stack records say what we left in Heat. From time to time the stacks of
each tenant are listed once and compared: what is gone, has failed, was
made anew or was changed later than by us has *drifted*. That is shown
under ``/esi-worker/drift``, and, if the operator wants that, the manager
is asked to apply the resource again, a few at a time; not once more
while that still waits for its turn.

Changes are told by Heat's time of the last one, to the second; what is
changed behind Heat's back is not seen. A stack that somebody works on is
left for the next round, and so is a resource with unfinished jobs or
with a newer version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
import contextlib
import dataclasses

from oslo_log import log

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.handlers import base
from esi_worker.handlers.heat import backend, findings, options
from esi_worker.handlers.heat.findings import Finding, Kind, Known
from esi_worker.model import (
    Request,
    ResourceRef,
    StackMark,
    StackRecord,
    codec,
)

LOG = log.getLogger(__name__)

TASK = 'heat-drift'
#: Seconds between two tenants.
PAUSE = 1.0
REPORT = 'report'
REAPPLYING = 'reapply'


class DriftCheck:
    """One round after the other; reads, and says what is to be written."""

    def __init__(
        self, context: base.HandlerContext, stacks: backend.StackBackend
    ) -> None:
        self._context = context
        self._stacks = stacks
        self._group = context.conf[options.GROUP]

    def tasks(self) -> tuple[base.PeriodicTask, ...]:
        """The search as a periodic task, unless it is turned off."""
        interval = self._group.drift_check_interval
        if interval <= 0:
            return ()
        return (base.PeriodicTask(TASK, interval, PAUSE, self.run),)

    def run(self) -> Iterator[base.Upkeep]:
        """Look at the stacks of one tenant after the other."""
        tenants = self._known()
        shown = self._shown()
        remembered = {
            known.path for group in tenants.values() for known in group
        }
        yield self._unshown(shown.keys() - remembered)
        for tenant in sorted(tenants):
            try:
                yield self._look_at(tenant, tenants[tenant], shown)
            except exceptions.TransientError as error:
                LOG.info('No search for drift in %s now: %s', tenant, error)
            except exceptions.TerminalError as error:
                LOG.warning('No search for drift in %s: %s', tenant, error)

    def _known(self) -> dict[str, list[Known]]:
        """The stacks that we left complete, by tenant."""
        context, found = self._context, dict[str, list[Known]]()
        prefix = context.keys.heat_stack('')
        marks = self._marks()
        for kv in context.store.range(prefix).items:
            path = kv.key[len(prefix) :]
            place = context.catalog.types.locate(path)
            try:
                record = StackRecord.decode(kv.key, kv.value)
            except exceptions.DecodeError:
                continue
            if place is None or not findings.is_ours(record):
                continue
            ref = ResourceRef(place[0].name, place[1])
            mark = marks.get((path, kv.mod_revision))
            record = dataclasses.replace(record, mark=mark)
            found.setdefault(record.tenant_id, []).append(
                Known(path, ref, record, kv.mod_revision)
            )
        return found

    def _marks(self) -> dict[tuple[str, int], StackMark]:
        """The marks by path and revision: one that was not written with
        the record belongs to a stack before it."""
        prefix = self._context.keys.stack_mark('')
        found = {}
        for kv in self._context.store.range(prefix).items:
            with contextlib.suppress(exceptions.DecodeError):
                mark = StackMark.decode(kv.key, kv.value)
                found[kv.key[len(prefix) :], kv.mod_revision] = mark
        return found

    def _shown(self) -> dict[str, str]:
        """What earlier rounds have shown: kinds by path."""
        prefix = self._context.keys.drift('')
        found = {}
        for kv in self._context.store.range(prefix).items:
            try:
                kind = codec.loads_object(kv.key, kv.value).get('kind')
            except exceptions.DecodeError:
                kind = ''
            found[kv.key[len(prefix) :]] = str(kind)
        return found

    def _look_at(
        self, tenant: str, group: Iterable[Known], shown: Mapping[str, str]
    ) -> base.Upkeep:
        listed = {
            info.name: info
            for info in self._stacks.tagged(tenant, backend.OWNER_TAG)
        }
        suspects, sound = [], []
        for known in group:
            info = listed.get(known.record.stack_id)
            if info is not None and info.running:
                continue
            finding = findings.compare(known, info)
            if finding is not None:
                suspects.append(finding)
            elif known.path in shown:
                sound.append(known.path)
        found = list(self._confirmed(tenant, suspects))
        return _joined(self._unshown(sound), self._told(found, shown))

    def _confirmed(
        self, tenant: str, suspects: list[Finding]
    ) -> Iterator[Finding]:
        """Leave out what has moved since it was read."""
        if not suspects:
            return
        keys, source = self._context.keys, self._context.store
        paths = [finding.known.path for finding in suspects]
        found = source.get_many(
            [keys.heat_stack(path) for path in paths]
            + [keys.config(path) for path in paths]
            + [keys.accepted(path) for path in paths]
        )
        unfinished = [kv.key for kv in source.range(keys.job('')).items]
        for finding in suspects:
            known = finding.known
            record = found.get(keys.heat_stack(known.path))
            version = findings.settled_version(
                found.get(keys.config(known.path)),
                found.get(keys.accepted(known.path)),
            )
            busy = any(f':{known.ref}:' in key for key in unfinished)
            moved = record is None or record.mod_revision != known.revision
            if moved or busy or version is None:
                continue
            certain = self._certain(tenant, finding)
            if certain is not None:
                yield dataclasses.replace(certain, version=version)

    def _certain(self, tenant: str, finding: Finding) -> Finding | None:
        """A stack that is not listed may only have lost its tags."""
        if finding.kind is not Kind.DELETED:
            return finding
        info = self._stacks.find(tenant, finding.known.record.stack_id)
        if info is None:
            return finding
        if info.running:
            return None
        return findings.compare(finding.known, info) or Finding(
            finding.known, Kind.CHANGED, 'its tags are not ours any more'
        )

    def _told(
        self, found: Sequence[Finding], shown: Mapping[str, str]
    ) -> base.Upkeep:
        keys, puts = self._context.keys, []
        since = clocks.timestamp(self._context.clock)
        for finding in found:
            known = finding.known
            if shown.get(known.path) != finding.kind:
                LOG.warning(
                    'Stack %s of %s has drifted (%s): %s',
                    known.record.stack_id,
                    known.ref,
                    finding.kind.value,
                    finding.reason,
                )
                key = keys.drift(known.path)
                puts.append(store.Put(key, finding.encode(since)))
        return base.Upkeep(
            tuple(self._requests(found, since)),
            tuple(store.Transition((), (p,)) for p in puts),
        )

    def _requests(
        self, found: Sequence[Finding], since: str
    ) -> Iterator[Request]:
        """Ask for what is not asked for yet, if the operator wants that."""
        if not found or self._group.drift_action != REAPPLYING:
            return
        asked = self._asked()
        for finding in found:
            if finding.known.ref not in asked:
                yield findings.request(finding, since)

    def _asked(self) -> set[ResourceRef]:
        """The resources that earlier rounds still wait for."""
        found = set()
        prefix = self._context.keys.request('')
        for kv in self._context.store.range(prefix).items:
            with contextlib.suppress(exceptions.DecodeError):
                request = Request.decode(kv.key, kv.value)
                ours = request.requested_by == findings.WHO
                if ours and request.answer is None:
                    found.add(request.resource)
        return found

    def _unshown(self, paths: Iterable[str]) -> base.Upkeep:
        keys = [self._context.keys.drift(path) for path in sorted(paths)]
        return base.Upkeep(
            transitions=tuple(
                store.Transition((), (store.Delete(key),)) for key in keys
            )
        )


def _joined(one: base.Upkeep, other: base.Upkeep) -> base.Upkeep:
    return base.Upkeep(
        (*one.requests, *other.requests),
        (*one.transitions, *other.transitions),
    )
