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

"""What the manager settles itself, without jobs."""

from __future__ import annotations

from oslo_log import log as logging

from esi_worker import store
from esi_worker.model import (
    Action,
    JobState,
    PublishedState,
    Resource,
    ResourceRef,
)
from esi_worker.scheduler import recording
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)


def publish(world: World, target: Resource, action: Action) -> Step:
    """A resource that needs no work: its state is there at once.

    A state without a version would never be accepted; configs of types
    without versions get none.
    """
    state = PublishedState.read_complete(target.version)
    if action is Action.LOGICAL_DELETE:
        state = PublishedState.completed(
            action,
            target.version,
            JobState({'orchestration_state': 'DELETE_COMPLETE'}),
        )
    operations = recording.record(world, target, None)
    if target.version > 0:
        operations.append(
            store.Put(
                world.keys.state(target.path),
                state.encode(world.keys.state_shape),
            )
        )
    return _accepting(world, target, operations)


def adopt(world: World, target: Resource) -> Step:
    """Take note of a version that was done before our records began."""
    return _accepting(world, target, recording.record(world, target, None))


def records_of(world: World, ref: ResourceRef) -> tuple[str, ...]:
    """The keys of what is kept of a resource besides its history."""
    path, keys = world.path(ref), world.keys
    return (
        keys.accepted(path),
        keys.previous(path),
        keys.heat_stack(path),
        keys.stack_mark(path),
        keys.drift(path),
        keys.job_state(path),
        keys.state(path),
        keys.blocked(path),
        keys.paused(path),
    )


def clean_up(world: World, ref: ResourceRef) -> Step:
    """Remove our records of a resource that is gone."""
    path, keys = world.path(ref), world.keys

    def forget(_revision: int) -> None:
        world.accepted.pop(ref, None)
        world.unreadable.pop(ref, None)
        world.previous.pop(ref, None)
        world.blocks.remove(ref)
        world.paused.pop(ref, None)
        world.referrers.update(ref)
        LOG.info('Nothing is left of %s, its records are removed', ref)

    return Step(
        ref,
        store.Transition(
            (store.Compare.missing(keys.config(path)),),
            (
                *(store.Delete(key) for key in records_of(world, ref)),
                world.history.forget(path),
            ),
        ),
        forget,
    )


def _accepting(
    world: World, target: Resource, operations: recording.Operations
) -> Step:
    return Step(
        target.ref,
        store.Transition(recording.compares(world, target), tuple(operations)),
        lambda revision: recording.accept(world, target, None, revision),
    )
