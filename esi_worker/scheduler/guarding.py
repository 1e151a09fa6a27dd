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

"""When a workflow that could be made must still wait.

Two rules: a resource waits with the blocked ones it refers to, and a
deletion waits for those that still need what it would take away. The
second one gives up after a time with a warning, for a REST server's
cascade may have left the keys of children behind.
"""

from __future__ import annotations

from oslo_log import log as logging

from esi_worker import drivers, reader
from esi_worker.model import Action, Resource, ResourceRef
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)


def find_block(
    world: World, target: Resource, action: Action, plan: drivers.Plan
) -> Block | None:
    """Why a workflow may not be made yet, or None."""
    if action.deletes:
        return _guard(world, target)
    held = world.blocks.holding_back(target.ref, plan.held_by)
    if not held:
        return None
    return Block(
        target.ref,
        f'it refers to {_list(held)}, which is blocked',
        target.version,
        held,
    )


def _guard(world: World, target: Resource) -> Block | None:
    needing = frozenset(
        ref
        for ref in world.referrers.referrers(target.ref)
        if _stays(world, ref, target.ref)
    )
    if not needing:
        return None
    now = world.clock.monotonic()
    until = _guarded_until(world, target, now)
    if until <= now:
        LOG.warning(
            '%s is deleted although %s refer to it; they were waited for '
            'for %d s',
            target.ref,
            _list(needing),
            world.settings.deletion_guard_timeout,
        )
        return None
    return Block(
        target.ref,
        f'it is to be deleted, but {_list(needing)} still refers to it',
        target.version,
        needing,
        until=until,
        guard=True,
        created=target.create_revision,
    )


def _guarded_until(world: World, target: Resource, now: float) -> float:
    known = world.blocks.get(target.ref)
    if known and known.guard and _is_same(known, target):
        return now if known.until is None else known.until
    return now + world.settings.deletion_guard_timeout


def _is_same(known: Block, target: Resource) -> bool:
    """Whether this very deletion was held off; another incarnation may
    have come to the same version."""
    return (known.version, known.created) == (
        target.version,
        target.create_revision,
    )


def _stays(world: World, ref: ResourceRef, target: ResourceRef) -> bool:
    """Whether a referrer holds off the deletion of its target.

    One whose own deletion has yet to be scheduled does as well, so that
    whatever comes last goes first, unless it waits for the target.
    """
    resource, accepted = world.cache.get(ref), world.accepted.get(ref)
    if resource is None:
        going = accepted is not None and not accepted.config.deleted
    elif resource.config.marked_for_deletion:
        going = not reader.is_settled(resource, accepted)
    else:
        return True
    if not going:
        return False
    if world.blocks.waits(ref, target):
        LOG.warning(
            '%s is deleted before %s, which refers to it and is deleted '
            'too: the two wait for each other',
            target,
            ref,
        )
        return False
    return True


def _list(refs: frozenset[ResourceRef]) -> str:
    names = sorted(str(ref) for ref in refs)
    if len(names) > 5:
        return f'{", ".join(names[:5])} and {len(names) - 5} more'
    return ', '.join(names)
