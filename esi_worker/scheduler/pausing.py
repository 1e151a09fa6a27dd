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

"""A paused resource makes no new jobs until it is resumed.

Jobs that it has already run to their end, whether they have started or
not. While there is something to do for it, it is blocked like any other
resource, and those that refer to it wait with it; while there is nothing
to do it only shows that it is paused.
"""

from __future__ import annotations

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.model import Pause, Request, ResourceRef
from esi_worker.scheduler.blocks import Block
from esi_worker.scheduler.effects import Effect, Refused
from esi_worker.scheduler.world import World

PAUSE = 'pause'
RESUME = 'resume'


def pause(world: World, request: Request) -> Effect:
    """Pause a resource; one that is paused stays as it is."""
    ref = request.resource
    if ref in world.paused:
        return Effect(store.Transition((), ()))
    if ref not in world.cache.refs() and ref not in world.accepted:
        raise Refused('nothing is known of it')
    reason = request.options.get('reason')
    found = Pause(
        request.requested_by,
        clocks.timestamp(world.clock),
        reason if isinstance(reason, str) else '',
    )

    def apply(_revision: int) -> None:
        world.paused[ref] = found

    key = world.keys.paused(world.path(ref))
    return Effect(
        store.Transition((), (store.Put(key, found.encode()),)), apply
    )


def resume(world: World, request: Request) -> Effect:
    """Let a paused resource go on."""
    ref = request.resource
    if ref not in world.paused:
        raise Refused('it is not paused')

    def apply(_revision: int) -> None:
        world.paused.pop(ref, None)

    key = world.keys.paused(world.path(ref))
    return Effect(store.Transition((), (store.Delete(key),)), apply)


def block(world: World, ref: ResourceRef, *, idle: bool) -> Block | None:
    """How a paused resource is blocked; None for one that is not paused.

    :param idle: there is nothing to do for it
    """
    found = world.paused.get(ref)
    if found is None:
        return None
    resource = world.cache.get(ref)
    version = 0 if resource is None else resource.version
    return Block(ref, str(found), version, idle=idle)
