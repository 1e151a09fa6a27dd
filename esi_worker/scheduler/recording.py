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

"""The parts that the transactions of a resource have in common.

Every one of them compares the revisions of the config and of the
accepted record that the decision was made from, so what has moved in
the meantime is never overwritten.
"""

from __future__ import annotations

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import reader, store
from esi_worker.model import AcceptedConfig, Job, Resource, ResourceRef
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

Operations = list[store.Put | store.Delete]


def compares(world: World, target: Resource) -> tuple[store.Compare, ...]:
    """Nothing may have moved since the decision was made."""
    return (
        store.Compare.modified_at(
            world.keys.config(target.path), target.mod_revision
        ),
        store.Compare.modified_at(
            world.keys.accepted(target.path),
            world.accepted_revision(target.ref),
        ),
    )


def record(
    world: World, target: Resource, before: AcceptedConfig | None
) -> Operations:
    """Keep the version acted on, and the one before it."""
    keys, path = world.keys, target.path
    accepted = AcceptedConfig.of(target.config)
    operations: Operations = [
        store.Put(keys.accepted(path), accepted.encode())
    ]
    if before is not None:
        operations.append(store.Put(keys.previous(path), before.encode()))
    elif target.ref in world.previous:
        operations.append(store.Delete(keys.previous(path)))
    if world.blocks.get(target.ref) is not None:
        operations.append(store.Delete(keys.blocked(path)))
    return operations


def accept(
    world: World,
    target: Resource,
    before: AcceptedConfig | None,
    revision: int,
) -> None:
    """Do in memory what ``record`` has written."""
    ref = target.ref
    accepted = AcceptedConfig.of(target.config)
    world.accepted[ref] = reader.Accepted(accepted, revision)
    world.unreadable.pop(ref, None)
    world.blocks.remove(ref)
    if before is None:
        world.previous.pop(ref, None)
    else:
        world.previous[ref] = before


def enqueue(keys: store.KeyLayout, job: Job) -> Operations:
    """Store a job, and where it stands."""
    place = keys.waiting if job.dependency else keys.ready
    return [
        store.Put(keys.job(job.id), job.encode()),
        store.Put(place(job.id), job.handler),
    ]


def block(world: World, found: Block) -> Step | None:
    """Block a resource; tell about it when the reason is a new one, or is
    that of a new version."""
    known = world.blocks.get(found.ref)
    world.blocks.add(found)
    shown = world.shown.pop(found.ref, None)
    if found.shown == (shown if known is None else known.shown):
        return None
    LOG.warning('%s is blocked: %s', found.ref, found.reason)
    value = found.encode(clocks.timestamp(world.clock))
    key = world.keys.blocked(world.path(found.ref))
    return Step(found.ref, store.Transition((), (store.Put(key, value),)))


def unblock(world: World, ref: ResourceRef) -> Step | None:
    """Take a block away that nothing came of."""
    if world.blocks.remove(ref) is None:
        return None
    key = world.keys.blocked(world.path(ref))
    return Step(ref, store.Transition((), (store.Delete(key),)))
