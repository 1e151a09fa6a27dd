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

"""Answering what operators ask for.

An answer goes into the request's own key, on the lease that the key is
on, and compares the key's revision. What is said about a resource also
compares its config's revision, so nothing is refused because of a config
that the watch has yet to bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
import dataclasses

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.model import Answer, Request, RequestOutcome, ResourceRef
from esi_worker.model.codec import Json
from esi_worker.model.requests import REAPPLY
from esi_worker.scheduler import calling_off, forgetting, pausing
from esi_worker.scheduler.effects import Action, Refused
from esi_worker.scheduler.requests import Pending
from esi_worker.scheduler.steps import Step
from esi_worker.scheduler.world import World

LOG = logging.getLogger(__name__)

Commit = Callable[[Iterable[store.Transition]], Sequence[store.Committed]]


#: What operators may ask for besides to reapply.
ACTIONS: dict[str, Action] = {
    pausing.PAUSE: pausing.pause,
    pausing.RESUME: pausing.resume,
    forgetting.FORGET: forgetting.forget,
    calling_off.CANCEL: calling_off.cancel,
}


class RequestKeeper:
    """Does what was asked for, when its turn has come."""

    def __init__(self, world: World, commit: Commit) -> None:
        self._world = world
        self._commit = commit
        self._again: list[Pending] = []
        self._changed: dict[ResourceRef, None] = {}
        #: Whether there may be more to serve than the last time took.
        self.busy = False

    def serve(self) -> list[ResourceRef]:
        """Do what is admitted now, some requests at a time.

        :returns: the resources that are to be planned for requests
        """
        self._refuse_unreadable()
        refs = []
        admitted = self._world.requests.admit(self._world.table)
        for pending in admitted:
            if pending.reapplies and self._is_known(pending):
                refs.append(pending.request.resource)
            else:
                # One by one: what an action sees is what others left.
                self._do(pending, _act(self._world, pending))
        changed, self._changed = self._changed, {}
        self.busy = bool(admitted)
        return [*refs, *changed]

    def look_again(self) -> None:
        """Something has happened: what did not work gets another try."""
        again, self._again = self._again, []
        for pending in again:
            pending.admitted = False

    def _is_known(self, pending: Pending) -> bool:
        return pending.request.resource.type in self._world.types

    def _do(self, pending: Pending, step: Step, *, last: bool = False) -> None:
        """Commit what serves a request.

        :param last: nothing else is tried when the store will not take it
        """
        (result,) = self._commit((step.transition,))
        if result.applied:
            step.on_applied(result.revision)
            if self._is_known(pending):
                self._changed[step.ref] = None
        elif result.error is None:
            self._again.append(pending)
        elif isinstance(result.error, exceptions.LeaseLost):
            self._world.requests.forget(pending.kv.key)
        elif last:
            LOG.error('%s has no answer: %s', pending.kv.key, result.error)
            self._world.requests.forget(pending.kv.key)
        else:
            refusal = refuse(self._world, [pending], str(result.error))
            self._do(pending, refusal, last=True)

    def _refuse_unreadable(self) -> None:
        found = self._world.requests.unreadable()
        self._commit(_refuse_text(self._world, *each) for each in found)


def _act(world: World, pending: Pending) -> Step:
    """Do what a request asks for, unless that is to reapply."""
    request = pending.request
    try:
        effect = _action(world, request)(world, request)
    except Refused as refusal:
        return refuse(world, [pending], str(refusal))
    step = Step(request.resource, effect.transition, effect.on_applied)
    answer = _answer(world, RequestOutcome.ACCEPTED, '', effect.jobs)
    return _with_answers(world, step, [(pending, answer)])


def _action(world: World, request: Request) -> Action:
    if request.resource.type not in world.types:
        raise Refused(f'"{request.resource.type}" is no known resource type')
    if request.action not in ACTIONS:
        names = ', '.join(sorted((*ACTIONS, REAPPLY)))
        raise Refused(
            f'this manager does not know the action "{request.action}"; '
            f'it knows {names}'
        )
    return ACTIONS[request.action]


# --- reapplying -----------------------------------------------------------


def accept(world: World, step: Step, version: int) -> Step:
    """Let a step that makes jobs answer all that ask to reapply.

    :param version: the version that the jobs bring about
    """
    answers = [
        (pending, _outdated(world, pending, version))
        for pending in world.requests.asked(step.ref)
    ]
    accepted = _answer(world, RequestOutcome.ACCEPTED, '', step.jobs)
    return _with_answers(
        world, step, [(each, answer or accepted) for each, answer in answers]
    )


def options(world: World, ref: ResourceRef, version: int) -> dict[str, Json]:
    """The options for jobs that serve all whom ``accept`` accepts."""
    return {
        name: value
        for pending in world.requests.asked(ref)
        if _outdated(world, pending, version) is None
        for name, value in pending.request.options.items()
    }


def decline(world: World, ref: ResourceRef, reason: str) -> Step | None:
    """Answer those whose turn it is that no jobs are made.

    :returns: None when nobody has asked
    """
    asked = [each for each in world.requests.asked(ref) if each.admitted]
    if not asked:
        return None
    resource = world.cache.get(ref)
    version = 0 if resource is None else resource.version
    refused = _answer(world, RequestOutcome.REFUSED, reason)
    step = Step(ref, store.Transition(_config_compares(world, ref), ()))
    return _with_answers(
        world,
        step,
        [(each, _outdated(world, each, version) or refused) for each in asked],
    )


def is_current(pending: Pending, version: int) -> bool:
    """Whether a request is about this version of its resource."""
    return pending.request.version in (None, version)


def _outdated(world: World, pending: Pending, version: int) -> Answer | None:
    asked = pending.request.version
    if asked is None or asked == version or version == 0:
        return None
    if asked < version:
        return _answer(
            world,
            RequestOutcome.OBSOLETE,
            f'it has version {version} by now, which was acted on',
        )
    return _answer(
        world,
        RequestOutcome.REFUSED,
        f'there is no version {asked} of it, only {version}',
    )


def _config_compares(
    world: World, ref: ResourceRef
) -> tuple[store.Compare, ...]:
    if world.cache.broken(ref) is not None:
        return ()
    resource = world.cache.get(ref)
    revision = 0 if resource is None else resource.mod_revision
    key = world.keys.config(world.path(ref))
    return (store.Compare.modified_at(key, revision),)


# --- answers --------------------------------------------------------------


def refuse(world: World, asked: Sequence[Pending], reason: str) -> Step:
    """Answer requests that nothing is done."""
    answer = _answer(world, RequestOutcome.REFUSED, reason)
    step = Step(asked[0].request.resource, store.Transition((), ()))
    return _with_answers(world, step, [(each, answer) for each in asked])


def _refuse_text(
    world: World, kv: store.KeyValue, reason: str
) -> store.Transition:
    answer = _answer(world, RequestOutcome.REFUSED, reason)
    request = Request('', ResourceRef('', ''), answer=answer)
    return store.Transition(
        (store.Compare.modified_at(kv.key, kv.mod_revision),),
        (store.Put(kv.key, request.encode(), kv.lease),),
    )


def _answer(
    world: World,
    outcome: RequestOutcome,
    reason: str,
    jobs: tuple[str, ...] = (),
) -> Answer:
    return Answer(outcome, reason, jobs, clocks.timestamp(world.clock))


def _with_answers(
    world: World, step: Step, answers: Sequence[tuple[Pending, Answer]]
) -> Step:
    """Let a step also write answers."""
    if not answers:
        return step
    compares = [
        store.Compare.modified_at(each.kv.key, each.kv.mod_revision)
        for each, _ in answers
    ]
    operations = [
        store.Put(
            each.kv.key,
            dataclasses.replace(each.request, answer=answer).encode(),
            each.kv.lease,
        )
        for each, answer in answers
    ]

    def apply(revision: int) -> None:
        step.on_applied(revision)
        for pending, answer in answers:
            world.requests.answered(pending, answer)

    return dataclasses.replace(
        step,
        transition=store.Transition(
            (*step.transition.compares, *compares),
            (*step.transition.operations, *operations),
        ),
        on_applied=apply,
        answers=tuple(pending for pending, _ in answers),
    )
