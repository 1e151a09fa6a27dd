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

    With the option ``force`` also one that is being run. Jobs before it
    whose failure the workflow ignores, and that nobody runs, end with it:
    alone they would be done for nothing.
    """
    entry = _find(world, request)
    who = request.requested_by or 'an operator'
    error = f'Cancelled: {who} has called the job off'
    value = records.encode_finished(error)
    ended = [*_before(world, entry), entry]
    transition = _transition(world, ended, value, error)

    def apply(_revision: int) -> None:
        for each in ended:
            each.claim, each.result = None, value
            world.ended[each.job.id] = None

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
    _check_holds_nothing_off(entry)
    _check_is_untold(world, entry)
    return entry


def _check_is_first(world: World, entry: Entry) -> None:
    """Its state must not be told before that of an earlier version, nor
    while jobs of its own version go on."""
    workflow = {each.job.id for each in world.table.workflow(entry.job)}
    for each in world.table.of_resource(entry.job.resource):
        if each.sequence < entry.sequence and each.job.id not in workflow:
            raise Refused(
                f'job {each.job.id} of an earlier version has not ended; '
                'wait for it, or cancel it first'
            )
    for each in _before(world, entry):
        if not each.untouched or each.job.on_failure is OnFailure.FAIL:
            raise Refused(
                f'job {each.job.id} of its workflow comes before it; wait '
                'for that one, or cancel it: this one then goes with it'
            )


def _check_holds_nothing_off(entry: Entry) -> None:
    """What follows a job in its workflow waits for others through it."""
    goes_on = entry.job.on_failure is OnFailure.IGNORE
    if entry.open and goes_on and not entry.job.is_last:
        raise Refused(
            'its workflow goes on without it, but still has to wait for '
            f'{", ".join(sorted(entry.open))}; cancel the job after it, or '
            'wait for those'
        )


def _check_is_untold(world: World, entry: Entry) -> None:
    failed = Finisher(world).failed_in(entry)
    if failed is not None:
        raise Refused(
            f'job {failed.job.id} of its workflow has failed, this one goes '
            'with it'
        )


def _before(world: World, entry: Entry) -> list[Entry]:
    """The jobs of its workflow that come before it and have not ended."""
    return [
        each
        for each in world.table.workflow(entry.job)
        if each.sequence < entry.sequence and each.result is None
    ]


def _transition(
    world: World, ended: list[Entry], value: str, error: str
) -> store.Transition:
    entry, job = ended[-1], ended[-1].job
    compares = [
        # Of the whole workflow, for its state is told once.
        store.Compare.missing(world.keys.finished(each.job.id))
        for each in world.table.workflow(job)
        if each.result is None
    ]
    operations: list[store.Put | store.Delete] = []
    for each in ended:
        compares += _as_known(world, each)
        operations += _end(world, each, value)
    ends_all = job.is_last or job.on_failure is OnFailure.FAIL
    # A config that was made anew is not what the job was made from.
    resource = world.cache.get(job.resource)
    if ends_all and resource and resource.create_revision < entry.stored_at:
        for told in Finisher(world).tell(entry, error):
            compares += told.compares
            operations += told.operations
    return store.Transition(tuple(dict.fromkeys(compares)), tuple(operations))


def _as_known(world: World, entry: Entry) -> list[store.Compare]:
    """It is there, and its claim is the one that we know of."""
    keys, job_id = world.keys, entry.job.id
    working = keys.working(job_id)
    if entry.claim is None:
        claim = store.Compare.missing(working)
    else:
        created = entry.claim.create_revision
        claim = store.Compare.created_at(working, created)
    return [claim, store.Compare.exists(keys.job(job_id))]


def _end(
    world: World, entry: Entry, value: str
) -> list[store.Put | store.Delete]:
    keys, job_id = world.keys, entry.job.id
    return [
        store.Put(keys.finished(job_id), value),
        store.Delete(keys.ready(job_id)),
        store.Delete(keys.waiting(job_id)),
        store.Delete(keys.working(job_id)),
    ]
