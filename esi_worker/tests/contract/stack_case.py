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

"""What the contract tests of stack backends share.

Every test has a tenant of its own.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any
import uuid

import testtools

from esi_worker.handlers.heat import backend

#: Seconds that a change may take; nothing here takes as long.
TIMEOUT = 60.0
#: Far longer than anything takes; only a failing test waits for it.
PATIENCE = 180.0

TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  value: {type: string, default: usual}
  fail: {type: boolean, default: false}
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: value}
      fail: {get_param: fail}
outputs:
  second: {value: fixed, description: A fixed text}
  first: {value: {get_param: value}}
"""


def slow(template: str, seconds: float) -> str:
    """The template with a creation and an update that take their time."""
    waits = f'{{create: {seconds}, update: {seconds}}}'
    return template.replace(
        '    properties:\n',
        f'    properties:\n      action_wait_secs: {waits}\n',
    )


class StackContract(testtools.TestCase):
    """What the tests need; subclasses give the backend."""

    stacks: backend.StackBackend

    def setUp(self) -> None:
        super().setUp()
        self.tenant = f'tenant-{uuid.uuid4().hex}'
        self.stacks = self.make_backend()
        self.addCleanup(self.stacks.close)

    def make_backend(self) -> backend.StackBackend:
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Let the backend work before the next look."""
        time.sleep(min(seconds, 0.2))

    def now(self) -> float:
        """Seconds; only differences mean anything."""
        return time.monotonic()

    def request(
        self, name: str = 'thing_1', template: str = TEMPLATE, **params: Any
    ) -> backend.StackRequest:
        return backend.StackRequest(
            name=name,
            template=template,
            parameters=params,
            timeout_mins=3,
            tags=('esi-worker', backend.digest_tag(template, params)),
        )

    def create(self, request: backend.StackRequest) -> str:
        return self.stacks.create(self.tenant, request, TIMEOUT)

    def info(self, stack_id: str) -> backend.StackInfo:
        return self.stacks.status(self.tenant, [stack_id])[stack_id]

    def wait_for(
        self, stack_id: str, done: Callable[[backend.StackInfo], bool]
    ) -> backend.StackInfo:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            info = self.info(stack_id)
            if done(info):
                return info
            self.pass_time(0.2)
        raise AssertionError(f'stack {stack_id} still is {info}')

    def output(self, stack_id: str, key: str) -> Any:
        details = self.stacks.outputs(self.tenant, 'thing_1', stack_id)
        values = {
            item['output_key']: item['output_value']
            for item in details.outputs
        }
        return values[key]

    def settled(self, stack_id: str) -> backend.StackInfo:
        return self.wait_for(stack_id, lambda info: not info.running)
