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

"""From plans to the jobs of a workflow.

A workflow is one job per handler for one version of a resource (section
1.2 of the reference of workflows). Handlers are gone through in order,
for deletions in reverse. Monitoring is never modified: it is taken away
with the old parameters first and made anew at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses

from esi_worker.drivers import Part, Plan, with_previous
from esi_worker.model import Action, Job, OnFailure, Param, Resource, handlers
from esi_worker.model.codec import Json

#: Makes the id of a job from its action and its handler.
NameJob = Callable[[Action, str], str]


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    action: Action
    handler: str
    params: tuple[Param, ...]
    on_failure: OnFailure = OnFailure.FAIL


def build(
    action: Action,
    resource: Resource,
    plan: Plan,
    previous: Plan | None,
    name_job: NameJob,
    extra: Mapping[str, Json],
) -> tuple[Job, ...]:
    """Make the jobs of a workflow.

    Each job depends on those before it; what the first one waits for
    outside is added by ``chain``.

    :param plan: of the version to be reached
    :param previous: of the version that is there, if any
    :param extra: further fields of the jobs' records
    """
    steps = _steps(action, plan, previous)
    last = len(steps) - 1
    jobs: list[Job] = []
    for index, step in enumerate(steps):
        jobs.append(
            Job(
                id=name_job(step.action, step.handler),
                action=step.action,
                handler=step.handler,
                resource=resource.ref,
                version=resource.version,
                params=step.params,
                resource_input=resource.body,
                dependency=tuple(job.id for job in jobs),
                is_first=index == 0,
                is_last=index == last,
                on_failure=step.on_failure,
                extra=extra,
            )
        )
    return tuple(jobs)


def chain(jobs: Sequence[Job], outer: tuple[str, ...]) -> tuple[Job, ...]:
    """Let a workflow's first job wait for other workflows' jobs."""
    first = dataclasses.replace(jobs[0], dependency=outer)
    return (first, *jobs[1:])


def _steps(action: Action, plan: Plan, previous: Plan | None) -> list[_Step]:
    old = {part.handler: part for part in previous.parts} if previous else {}
    if action is Action.CREATE:
        return [
            _Step(Action.CREATE, part.handler, part.params)
            for part in plan.parts
        ]
    if action.deletes:
        return [
            _delete_step(action, part, old) for part in reversed(plan.parts)
        ]
    return _modify_steps(plan, old)


def _delete_step(action: Action, part: Part, old: dict[str, Part]) -> _Step:
    params = _both(part, old.get(part.handler))
    if handlers.is_replaced(part.handler):
        return _Step(Action.DELETE, part.handler, params, OnFailure.IGNORE)
    return _Step(action, part.handler, params)


def _modify_steps(plan: Plan, old: dict[str, Part]) -> list[_Step]:
    new = {part.handler: part for part in plan.parts}
    before = old or new
    taken_away = [
        _Step(
            Action.DELETE,
            name,
            _both(before[name], new.get(name)),
            OnFailure.IGNORE,
        )
        for name in reversed(before)
        if handlers.is_replaced(name)
    ]
    modified = [
        _Step(Action.MODIFY, name, _both(part, old.get(name)))
        for name, part in new.items()
        if not handlers.is_replaced(name)
    ]
    made_anew = [
        _Step(Action.CREATE, name, _both(part, old.get(name)))
        for name, part in new.items()
        if handlers.is_replaced(name)
    ]
    return [*taken_away, *modified, *made_anew]


def _both(part: Part, other: Part | None) -> tuple[Param, ...]:
    if other is None:
        return part.params
    return with_previous(part.params, other.params)
