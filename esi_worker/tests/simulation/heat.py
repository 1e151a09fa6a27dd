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

"""A model of Heat under the real handler.

It has the semantics of ``handlers.heat.memory`` as far as the handler
sees them, without reading templates and with ids and durations from the
seed. It also watches what is done to it: whoever changes a stack must
hold the claim on a job of its resource, and no stack goes while another
one is built on it, unless its deletion has waited long enough.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
import dataclasses
import math
from typing import Any

from esi_worker.handlers.heat import backend, errors
from esi_worker.tests.simulation import kernel as kernels

#: Durations of operations in seconds, drawn one by one.
_SECONDS = (0.0, 0.5, 0.5, 1.5, 1.5, 4.0, 12.0)


@dataclasses.dataclass(slots=True)
class Stack:
    """One stack, deleted ones included."""

    id: str
    tenant: str
    request: backend.StackRequest
    action: str = ''
    status: str = ''
    ends: float = 0.0
    fails: bool = False
    changed_at: int = 0

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def live(self) -> bool:
        return (self.action, self.status) != ('DELETE', 'COMPLETE')

    def info(self) -> backend.StackInfo:
        return backend.StackInfo(
            id=self.id,
            name=self.name,
            status=f'{self.action}_{self.status}',
            reason=f'{self.action} {self.status} in the model',
            tags=self.request.tags,
            changed_at=str(self.changed_at),
        )


#: Told before every change: the process, the change, the stack's name,
#: and the names of all that are there.
OnChange = Callable[[kernels.Process, str, str, Collection[str]], None]


class SimHeat(backend.StackBackend):
    """The stacks of all tenants; outlives every process."""

    def __init__(self, kernel: kernels.Kernel, on_change: OnChange) -> None:
        self._kernel = kernel
        self._on_change = on_change
        self.stacks: list[Stack] = []
        self.away_until = -math.inf
        self.slow_calls = 0
        self.slow_seconds = 0.0
        self.lost_answers = 0
        self.failures = 0
        self._changes = 0

    def find(self, tenant: str, name: str) -> backend.StackInfo | None:
        self._reach()
        stack = self._named(tenant, name)
        self._answer(30.0)
        return None if stack is None else stack.info()

    def create(
        self,
        tenant: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> str:
        self._reach()
        if self._named(tenant, request.name) is not None:
            raise errors.StackExists(f'The Stack ({request.name}) exists')
        stack = Stack(f'stack-{len(self.stacks)}', tenant, request)
        self._begin(stack, 'CREATE')
        self.stacks.append(stack)
        self._answer_change(timeout)
        return stack.id

    def update(
        self,
        tenant: str,
        stack_id: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> None:
        self._reach()
        stack = self._existing(tenant, stack_id)
        if stack.action == 'DELETE':
            raise errors.HeatRefused('the stack is being deleted')
        stack.request = request
        self._begin(stack, 'UPDATE')
        self._answer_change(timeout)

    def delete(
        self,
        tenant: str,
        name: str,
        stack_id: str,
        timeout: float,
        request_id: str = '',
    ) -> None:
        self._reach()
        self._begin(self._existing(tenant, stack_id), 'DELETE')
        self._answer_change(timeout)

    def status(
        self, tenant: str, stack_ids: Iterable[str]
    ) -> dict[str, backend.StackInfo]:
        wanted = set(stack_ids)
        self._reach()
        found = {
            stack.id: stack.info()
            for stack in self.settled()
            if stack.id in wanted and stack.tenant == tenant
        }
        self._answer(30.0)
        return found

    def content(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackContent:
        self._reach()
        request = self._existing(tenant, stack_id).request
        self._answer(30.0)
        return backend.StackContent({}, request.parameters)

    def resources(
        self, tenant: str, name: str, stack_id: str
    ) -> list[backend.ResourceInfo]:
        self._reach()
        stack = next((s for s in self.settled() if s.id == stack_id), None)
        if stack is None:
            raise errors.StackNotFound(stack_id)
        self._answer(30.0)
        status = f'{stack.action}_{stack.status}'
        return [backend.ResourceInfo('thing', 'Thing', status)]

    def tagged(self, tenant: str, tag: str) -> list[backend.StackInfo]:
        self._reach()
        found = [
            stack.info()
            for stack in self.settled()
            if stack.tenant == tenant
            and stack.live
            and tag in stack.request.tags
        ]
        self._answer(30.0)
        return found

    def preview(
        self, tenant: str, stack_id: str, request: backend.StackRequest
    ) -> backend.StackChanges:
        self._reach()
        now = self._existing(tenant, stack_id).request
        self._answer(30.0)
        changed = now.tags != request.tags
        return backend.StackChanges(updated=('thing',) if changed else ())

    def outputs(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackDetails:
        self._reach()
        stack = next((s for s in self.settled() if s.id == stack_id), None)
        if stack is None:
            raise errors.StackNotFound(stack_id)
        output = {
            'output_key': 'id',
            'output_value': f'uuid-of-{stack.id}',
            'description': '',
        }
        details = backend.StackDetails(stack.info(), [output])
        self._answer(30.0)
        return details

    def close(self) -> None:
        pass

    def recover(self) -> None:
        """Nothing is slow, lost or failing any more."""
        self.slow_calls = self.lost_answers = self.failures = 0

    def meddle(self, stack: Stack, **changes: Any) -> None:
        """Somebody else changes a stack, in no time.

        :param changes: of what it shall be
        """
        self._changes += 1
        stack.changed_at = self._changes
        stack.request = dataclasses.replace(stack.request, **changes)

    def settled(self) -> list[Stack]:
        """All stacks; what is over has ended."""
        now = self._kernel.clock.now
        for stack in self.stacks:
            if stack.status == 'IN_PROGRESS' and now >= stack.ends:
                stack.status = 'FAILED' if stack.fails else 'COMPLETE'
        return self.stacks

    def live(self) -> list[Stack]:
        """The stacks that are not deleted."""
        return [stack for stack in self.settled() if stack.live]

    def _reach(self) -> None:
        # What follows happens at once: the handler has just checked its
        # claim, and nothing can be inserted between that and its call.
        if self._kernel.clock.now < self.away_until:
            raise errors.HeatUnavailable('a fault: Heat is away')

    def _answer(self, timeout: float) -> None:
        seconds = 0.0
        if self.slow_calls > 0:
            self.slow_calls -= 1
            seconds = self.slow_seconds
        self._kernel.wait(None, min(seconds, timeout))
        self._kernel.switch()
        if seconds > timeout:
            raise errors.HeatUnavailable('a fault: Heat does not answer')

    def _answer_change(self, timeout: float) -> None:
        self._answer(timeout)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            raise errors.HeatUnavailable('a fault: the answer is lost')

    def _begin(self, stack: Stack, action: str) -> None:
        process = self._kernel.process
        assert process is not None
        live = {each.name for each in self.stacks if each.live}
        self._on_change(process, action, stack.name, live)
        self._changes += 1
        stack.changed_at = self._changes
        stack.action = action
        stack.status = 'IN_PROGRESS'
        seconds = self._kernel.source.choice(_SECONDS)
        stack.ends = self._kernel.clock.now + seconds
        stack.fails = self.failures > 0
        self.failures -= stack.fails

    def _named(self, tenant: str, name: str) -> Stack | None:
        for stack in self.live():
            if stack.tenant == tenant and stack.name == name:
                return stack
        return None

    def _existing(self, tenant: str, stack_id: str) -> Stack:
        for stack in self.live():
            if stack.tenant == tenant and stack.id == stack_id:
                return stack
        raise errors.StackNotFound(stack_id)
