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

"""Resources for which no job can be made yet, and why.

A blocked resource is planned again when something it waits for changes:
its own config, a resource that its reference needs, a template, or the
time. Blocks live in memory and, for operators, under
``/esi-worker/blocked``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import dataclasses

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.model import ResourceRef, codec

LOG = logging.getLogger(__name__)

#: Seconds until one that is due comes again, when what was planned for
#: it has been refused and no news says why.
_AGAIN = 1.0


#: The version and the reason, as a record for operators has them.
Shown = tuple[codec.Json, codec.Json]


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Why a resource is blocked and what may free it.

    ``guard`` marks a deletion that waits for those that refer to the
    resource; any other block makes them wait with it. ``until`` is a
    monotonic time in seconds at which it is planned again. ``created`` is
    the create revision of the config that a guard holds off. An ``idle``
    block holds nothing off, for there is nothing to do.
    """

    ref: ResourceRef
    reason: str
    version: int = 0
    waits_for: frozenset[ResourceRef] = frozenset()
    on_template: bool = False
    until: float | None = None
    guard: bool = False
    created: int = 0
    idle: bool = False

    @property
    def shown(self) -> Shown:
        """What tells one record for operators from another."""
        return self.version, self.reason

    def encode(self, since: str) -> str:
        """The record for operators."""
        return codec.dumps(
            {
                'reason': self.reason,
                'version': self.version,
                'since': since,
                'waits_for': sorted(str(ref) for ref in self.waits_for),
            }
        )


def shown(key: str, text: str) -> Shown | None:
    """What a record for operators tells; None if it cannot be read."""
    try:
        record = codec.loads_object(key, text)
    except exceptions.DecodeError:
        return None
    return record.get('version'), record.get('reason')


class BlockList:
    """All blocks, found by what they wait for."""

    def __init__(self) -> None:
        self._blocks: dict[ResourceRef, Block] = {}
        self._waiting: dict[ResourceRef, set[ResourceRef]] = {}
        #: When those that were due are due again.
        self._again: dict[ResourceRef, float] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks.values())

    def get(self, ref: ResourceRef) -> Block | None:
        return self._blocks.get(ref)

    def add(self, block: Block) -> None:
        """Block a resource, in place of an older block of it."""
        self.remove(block.ref)
        self._blocks[block.ref] = block
        for ref in block.waits_for:
            self._waiting.setdefault(ref, set()).add(block.ref)

    def remove(self, ref: ResourceRef) -> Block | None:
        block = self._blocks.pop(ref, None)
        self._again.pop(ref, None)
        if block is None:
            return None
        for target in block.waits_for:
            waiting = self._waiting[target]
            waiting.discard(ref)
            if not waiting:
                del self._waiting[target]
        return block

    def waiting_for(self, ref: ResourceRef) -> list[ResourceRef]:
        """The resources to plan again when this one changes."""
        return sorted(self._waiting.get(ref, ()))

    def waiting_for_templates(self) -> list[ResourceRef]:
        return sorted(
            ref for ref, block in self._blocks.items() if block.on_template
        )

    def due(self, now: float) -> list[ResourceRef]:
        """The resources whose time has come; one that stays blocked all
        the same comes again after a while."""
        found = sorted(ref for ref, time in self._times() if time <= now)
        self._again.update(dict.fromkeys(found, now + _AGAIN))
        return found

    def next_due(self) -> float | None:
        """When the next block runs out, as a monotonic time."""
        return min((time for _, time in self._times()), default=None)

    def _times(self) -> Iterator[tuple[ResourceRef, float]]:
        for ref, block in self._blocks.items():
            if block.until is not None:
                yield ref, max(block.until, self._again.get(ref, 0.0))

    def holding_back(
        self, ref: ResourceRef, targets: Iterable[ResourceRef]
    ) -> frozenset[ResourceRef]:
        """Those blocked resources that one which refers to them must
        wait for; never one that waits for the resource itself: such a
        cycle is reported instead."""
        held = {target for target in targets if self._holds_back(target)}
        cyclic = {target for target in held if self.waits(target, ref)}
        for target in sorted(cyclic):
            LOG.warning(
                '%s refers to %s, which waits for it: this cycle of '
                'references is not waited for',
                ref,
                target,
            )
        return frozenset(held - cyclic)

    def _holds_back(self, ref: ResourceRef) -> bool:
        block = self._blocks.get(ref)
        return block is not None and not (block.guard or block.idle)

    def waits(self, ref: ResourceRef, target: ResourceRef) -> bool:
        """Whether a resource waits for another, directly or not."""
        seen: set[ResourceRef] = set()
        todo = [ref]
        while todo:
            current = todo.pop()
            if current == target:
                return True
            if current in seen:
                continue
            seen.add(current)
            block = self._blocks.get(current)
            todo.extend(block.waits_for if block else ())
        return False
