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

"""An operator calls a job off.

The job ends as a failed one, and everything that follows from a failure
follows: what waits for it is cancelled, its state is published. A job
that a worker is running is only called off by force: its claim goes, so
that whatever its worker writes later is refused. What the worker has
begun in a backend goes on there.
"""

from __future__ import annotations

from esi_worker import store
from esi_worker.model import OnFailure, Request, records
from esi_worker.scheduler.effects import Effect, Refused
from esi_worker.scheduler.finisher import Finisher
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.world import World

CANCEL = 'cancel'


def cancel(world: World, request: Request) -> Effect:
    """End the job that the option ``job`` names.

    With the option ``force`` also one that is being run.
    """
    entry = _find(world, request)
    who = request.requested_by or 'an operator'
    error = f'Cancelled: {who} has called the job off'
    value = records.encode_finished(error)
    transition = _transition(world, entry, value, error)

    def apply(_revision: int) -> None:
        entry.claim, entry.result = None, value
        world.ended[entry.job.id] = None

    return Effect(transition, apply)


def _find(world: World, request: Request) -> Entry:
    name = request.options.get('job')
    entry = world.table.get(name) if isinstance(name, str) else None
    if entry is None or entry.job.resource != request.resource:
        raise Refused(f'{name} is no unfinished job of {request.resource}')
    if entry.result is not None:
        raise Refused('it has ended already')
    if entry.claim is not None and not request.options.get('force'):
        raise Refused(
            'a worker is running it; with force its result is dropped, but '
            'what was begun in the backend goes on'
        )
    _check_is_first(world, entry)
    return entry


def _check_is_first(world: World, entry: Entry) -> None:
    """Its state must not be told before that of an earlier version."""
    workflow = {each.job.id for each in world.table.workflow(entry.job)}
    for each in world.table.of_resource(entry.job.resource):
        if each.sequence < entry.sequence and each.job.id not in workflow:
            raise Refused(
                f'job {each.job.id} of an earlier version has not ended; '
                'wait for it, or cancel it first'
            )


def _transition(
    world: World, entry: Entry, value: str, error: str
) -> store.Transition:
    keys, job = world.keys, entry.job
    working = keys.working(job.id)
    claim = (
        store.Compare.missing(working)
        if entry.claim is None
        else store.Compare.created_at(working, entry.claim.create_revision)
    )
    compares = [
        claim,
        store.Compare.exists(keys.job(job.id)),
        store.Compare.missing(keys.finished(job.id)),
    ]
    operations: list[store.Put | store.Delete] = [
        store.Put(keys.finished(job.id), value),
        store.Delete(keys.ready(job.id)),
        store.Delete(keys.waiting(job.id)),
        store.Delete(working),
    ]
    ends_all = job.is_last or job.on_failure is OnFailure.FAIL
    # A config that was made anew is not what the job was made from.
    resource = world.cache.get(job.resource)
    if ends_all and resource and resource.create_revision < entry.stored_at:
        for told in Finisher(world).tell(entry, error):
            compares += told.compares
            operations += told.operations
    return store.Transition(tuple(dict.fromkeys(compares)), tuple(operations))
