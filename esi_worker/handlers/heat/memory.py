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

"""A Heat in memory, for tests.

The same contract tests run against this and a real Heat. An operation
lasts ``seconds`` on the clock that is handed in, or as long as an
``OS::Heat::TestResource`` of the template asks for with
``action_wait_secs``; it fails when one has ``fail: true``. Outputs may be
plain values or ``get_param``. Other resources do nothing.

Faults: ``outage`` makes every call fail; ``lose_answers`` lets changes
happen but loses their answers; ``refusal`` refuses creations and
updates; ``forbids`` is how many of them are refused without a reason
first; ``hang`` keeps operations from ending; ``name_lag`` is how often
a name is still taken after a deletion; ``before_update`` is called once
at the beginning of the next update. ``requests`` counts the calls, and
``accepted`` the changes by their action; ``request_ids`` are those of
the changes that were asked for.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable
import dataclasses
import threading
import uuid

from esi_worker import clock as clocks
from esi_worker.handlers.heat import (
    backend,
    errors,
    memory_template,
    translating,
)

_DONE = {
    'CREATE': 'Stack CREATE completed successfully',
    'UPDATE': 'Stack UPDATE completed successfully',
    'DELETE': 'Stack DELETE completed successfully',
}


@dataclasses.dataclass(slots=True)
class _Stack:
    id: str
    request: backend.StackRequest
    action: str
    status: str
    reason: str
    ends: float
    changes: int = 0
    begun: float = 0.0

    def info(self, now: float) -> backend.StackInfo:
        return backend.StackInfo(
            id=self.id,
            name=self.request.name,
            status=f'{self.action}_{self.status}',
            reason=translating.without_internals(self.reason),
            tags=self.request.tags,
            changed_at=str(self.changes),
            age=now - self.begun,
            heat_erred=translating.is_of_database(self.reason),
        )

    @property
    def deleted(self) -> bool:
        return (self.action, self.status) == ('DELETE', 'COMPLETE')


class MemoryBackend(backend.StackBackend):
    """Stacks of many tenants; threads may share it."""

    def __init__(
        self, clock: clocks.Clock | None = None, seconds: float = 0.0
    ) -> None:
        self._clock = clock or clocks.SystemClock()
        self._lock = threading.Lock()
        self._stacks: dict[str, dict[str, _Stack]] = {}
        self._taken: collections.Counter[tuple[str, str]] = (
            collections.Counter()
        )
        self.seconds = seconds
        self.outage: str | None = None
        self.lose_answers = False
        self.refusal: str | None = None
        self.forbids = 0
        self.hang = False
        self.name_lag = 0
        self.before_update: Callable[[], None] | None = None
        self.requests: collections.Counter[str] = collections.Counter()
        self.request_ids: list[str] = []
        self.accepted: collections.Counter[str] = collections.Counter()

    def find(self, tenant: str, name: str) -> backend.StackInfo | None:
        self._called('find')
        with self._lock:
            stack = self._named(tenant, name)
            return None if stack is None else self._info(stack)

    def create(
        self,
        tenant: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> str:
        self._called('create', request_id)
        self._refuse(request)
        with self._lock:
            if self._is_taken(tenant, request.name):
                raise errors.StackExists(
                    f'HTTP 409: The Stack ({request.name}) already exists.'
                )
            stack = _Stack(str(uuid.uuid4()), request, '', '', '', 0.0)
            self._begin(stack, 'CREATE')
            self._stacks.setdefault(tenant, {})[stack.id] = stack
        self._answer()
        return stack.id

    def update(
        self,
        tenant: str,
        stack_id: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> None:
        self._called('update', request_id)
        before, self.before_update = self.before_update, None
        if before is not None:
            before()
        self._refuse(request)
        with self._lock:
            stack = self._existing(tenant, stack_id)
            if stack.action == 'DELETE':
                raise errors.HeatRefused(
                    'HTTP 400: Updating a stack when it is deleting is not '
                    'supported.'
                )
            stack.request = request
            self._begin(stack, 'UPDATE')
        self._answer()

    def delete(
        self,
        tenant: str,
        name: str,
        stack_id: str,
        timeout: float,
        request_id: str = '',
    ) -> None:
        self._called('delete', request_id)
        with self._lock:
            stack = self._existing(tenant, stack_id)
            self._begin(stack, 'DELETE')
            self._taken[(tenant, name)] = self.name_lag
        self._answer()

    def status(
        self, tenant: str, stack_ids: Iterable[str]
    ) -> dict[str, backend.StackInfo]:
        wanted = set(stack_ids)
        if not wanted:
            return {}
        self._called('status')
        with self._lock:
            return {
                stack.id: self._info(stack)
                for stack in self._settled(tenant)
                if stack.id in wanted
            }

    def outputs(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackDetails:
        self._called('outputs')
        with self._lock:
            for stack in self._settled(tenant):
                if stack.id == stack_id:
                    outputs = memory_template.outputs(stack.request)
                    return backend.StackDetails(self._info(stack), outputs)
        raise _not_found(stack_id)

    def content(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackContent:
        self._called('content')
        with self._lock:
            for stack in self._settled(tenant):
                if stack.id == stack_id:
                    return memory_template.content(stack.request)
        raise _not_found(stack_id)

    def resources(
        self, tenant: str, name: str, stack_id: str
    ) -> list[backend.ResourceInfo]:
        self._called('resources')
        with self._lock:
            for stack in self._settled(tenant):
                if stack.id == stack_id:
                    return memory_template.resources(
                        stack.request, stack.action, stack.status
                    )
        raise _not_found(stack_id)

    def tagged(self, tenant: str, tag: str) -> list[backend.StackInfo]:
        self._called('tagged')
        with self._lock:
            infos = [self._info(stack) for stack in self._settled(tenant)]
        return [
            info for info in infos if tag in info.tags and not info.deleted
        ]

    def preview(
        self, tenant: str, stack_id: str, request: backend.StackRequest
    ) -> backend.StackChanges:
        self._called('preview')
        self._refuse(request)
        with self._lock:
            now = self._existing(tenant, stack_id).request
        return memory_template.changes(now, request)

    def close(self) -> None:
        pass

    def request_of(
        self, tenant: str, name: str
    ) -> backend.StackRequest | None:
        """What a stack was last asked to be."""
        with self._lock:
            stack = self._named(tenant, name)
            return None if stack is None else stack.request

    def end(self, tenant: str, name: str, status: str, reason: str) -> None:
        """Put a stack into a state such as ``UPDATE_FAILED``."""
        with self._lock:
            stack = self._named(tenant, name)
            if stack is None:
                raise _not_found(name)
            stack.action, _, stack.status = status.partition('_')
            stack.reason = reason
            stack.ends = self._clock.monotonic()

    def _called(self, name: str, request_id: str = '') -> None:
        self.requests[name] += 1
        if request_id:
            self.request_ids.append(request_id)
        if self.outage is not None:
            raise errors.HeatUnavailable(self.outage)

    def _refuse(self, request: backend.StackRequest) -> None:
        if self.forbids > 0:
            self.forbids -= 1
            raise errors.HeatForbids('HTTP 403: HTTPForbidden')
        if self.refusal is not None:
            raise errors.HeatRefused(self.refusal)
        if not memory_template.is_template(request.template):
            raise errors.HeatRefused(
                'HTTP 400: The template version is invalid.'
            )

    def _answer(self) -> None:
        if self.lose_answers:
            raise errors.AnswerLost('the answer is lost')

    def _begin(self, stack: _Stack, action: str) -> None:
        self.accepted[action] += 1
        stack.action = action
        stack.changes += action != 'DELETE'
        stack.status = 'IN_PROGRESS'
        stack.reason = f'Stack {action} started'
        lasts = max(
            self.seconds, memory_template.seconds(stack.request, action)
        )
        stack.begun = self._clock.monotonic()
        stack.ends = stack.begun + lasts

    def _info(self, stack: _Stack) -> backend.StackInfo:
        return stack.info(self._clock.monotonic())

    def _settled(self, tenant: str) -> list[_Stack]:
        """The tenant's stacks, those ended whose time is over."""
        stacks = list(self._stacks.get(tenant, {}).values())
        for stack in stacks:
            over = self._clock.monotonic() >= stack.ends
            if stack.status == 'IN_PROGRESS' and over and not self.hang:
                _end(stack)
        return stacks

    def _named(self, tenant: str, name: str) -> _Stack | None:
        for stack in self._settled(tenant):
            if stack.request.name == name and not stack.deleted:
                return stack
        return None

    def _existing(self, tenant: str, stack_id: str) -> _Stack:
        for stack in self._settled(tenant):
            if stack.id == stack_id and not stack.deleted:
                return stack
        raise _not_found(stack_id)

    def _is_taken(self, tenant: str, name: str) -> bool:
        if self._named(tenant, name) is not None:
            return True
        if self._taken[(tenant, name)] > 0:
            self._taken[(tenant, name)] -= 1
            return True
        return False


def _end(stack: _Stack) -> None:
    failure = memory_template.failure(stack.request)
    if failure is None or stack.action == 'DELETE':
        stack.status, stack.reason = 'COMPLETE', _DONE[stack.action]
    else:
        stack.status = 'FAILED'
        stack.reason = f'Resource {stack.action} failed: {failure}'


def _not_found(stack: str) -> errors.StackNotFound:
    return errors.StackNotFound(
        f'HTTP 404: The Stack ({stack}) could not be found.'
    )
