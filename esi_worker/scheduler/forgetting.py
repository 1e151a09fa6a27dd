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

"""Dropping the records of a resource without touching its stack.

For what cannot be deleted the usual way, such as a resource whose tenant
is gone. Its config must be gone too: one that is there would be acted on
at once, as that of a new resource.
"""

from __future__ import annotations

from esi_worker.model import Request
from esi_worker.scheduler import immediate, superseding
from esi_worker.scheduler.effects import Effect, Refused
from esi_worker.scheduler.jobtable import Entry
from esi_worker.scheduler.world import World

FORGET = 'forget'


def forget(world: World, request: Request) -> Effect:
    """Drop the records of a resource and the jobs that wait to run."""
    ref = request.resource
    if ref in world.cache.refs():
        raise Refused(
            'its config is still there; delete '
            f'{world.keys.config(world.path(ref))} first'
        )
    entries = world.table.of_resource(ref)
    records = immediate.records_of(world, ref)
    if not entries and not world.store.get_many(records):
        raise Refused('nothing is known of it')
    _check_none_runs(entries)
    step = immediate.clean_up(world, ref)
    if entries:
        step = superseding.replace(world, step, (), entries)
    return Effect(step.transition, step.on_applied)


def _check_none_runs(entries: list[Entry]) -> None:
    for entry in entries:
        if not entry.untouched:
            raise Refused(
                f'job {entry.job.id} is being worked on; wait for its end, '
                'or drain its worker first'
            )
