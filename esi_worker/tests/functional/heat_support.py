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


"""A Heat handler driven by hand, with a real Heat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
import time
from typing import Any

import requests_mock
import testtools

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.embedded import fixtures
from esi_worker.handlers import base
from esi_worker.handlers.heat import handler
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    Outcome,
    Retry,
)
from esi_worker.tests.unit.handlers.heat import scene

#: Far longer than anything takes; only a failing test waits for it.
PATIENCE = 180.0

NETWORK = """\
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
  uuid: {type: string}
  shared: {type: boolean, default: false}
resources:
  network:
    type: OS::Contrail::VirtualNetwork
    properties:
      name: {get_param: name}
      uuid: {get_param: uuid}
      shared: {get_param: shared}
outputs:
  id: {value: {get_resource: network}, description: The id}
"""
KNOBS = """\
heat_template_version: 2013-05-23
parameters:
  text: {type: string, default: text}
  fail: {type: boolean, default: false}
  wait: {type: number, default: 0}
  admin_password:
    type: string
    default: long-enough
    constraints: [{length: {min: 8}}]
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: text}
      fail: {get_param: fail}
      action_wait_secs: {create: {get_param: wait}}
outputs:
  text: {value: {get_attr: [thing, output]}}
"""


class HandlerTestCase(testtools.TestCase):
    template = KNOBS
    clock: clocks.Clock = clocks.SystemClock()

    def setUp(self) -> None:
        super().setUp()
        self.heat = self.useFixture(fixtures.HeatFixture())
        self.tenant = self.heat.tenant
        self.use_heat(self.heat.server.endpoint)

    def use_heat(self, endpoint: str) -> None:
        self.use(
            scene.configuration(
                auth_type='none',
                endpoint_override=endpoint,
                poll_interval=0.2,
            )
        )

    def use(self, conf: Any) -> None:
        """Make a handler with this configuration."""
        self.context = base.HandlerContext(
            conf=conf,
            store=store.MemoryStore(),
            keys=store.KeyLayout(),
            catalog=scene.catalog(self.template),
            clock=self.clock,
            claim_seconds=lambda: 60.0,
        )
        self.restart()

    def restart(self) -> None:
        """A worker that has taken over: the handler knows nothing."""
        self.handler = handler.HeatHandler(self.context)
        self.addCleanup(self.handler.close)

    def job(
        self, action: Action = Action.CREATE, version: int = 1, **params: Any
    ) -> Job:
        return scene.job(
            action,
            [scene.value(name, value) for name, value in params.items()],
            version=version,
            tenant_id=self.tenant,
        )

    def run_job(self, job: Job) -> Outcome:
        """What the dispatcher does with one job."""
        deadline = time.monotonic() + PATIENCE
        outcome: Outcome = Retry('not started')
        while isinstance(outcome, Retry | InProgress):
            if time.monotonic() > deadline:
                raise AssertionError(f'{job.id}: {outcome}')
            time.sleep(min(getattr(outcome, 'after', None) or 0, 0.5))
            if isinstance(outcome, InProgress):
                outcome = self.handler.poll([job])[job.id]
            else:
                outcome = self.handler.start(job)
        return outcome

    def run_jobs(self, jobs: Sequence[Job]) -> dict[str, Outcome]:
        """The same with jobs beside each other; their ends by their ids."""
        outcomes: dict[str, Outcome] = {}
        waiting: dict[str, Outcome] = {job.id: Retry('new') for job in jobs}
        deadline = time.monotonic() + PATIENCE
        while waiting:
            if time.monotonic() > deadline:
                raise AssertionError(f'not finished: {waiting}')
            for job in jobs:
                outcome = waiting.get(job.id)
                if isinstance(outcome, InProgress):
                    waiting[job.id] = self.handler.poll([job])[job.id]
                elif isinstance(outcome, Retry):
                    waiting[job.id] = self.handler.start(job)
                elif outcome is not None:
                    outcomes[job.id] = waiting.pop(job.id)
            time.sleep(0.1)
        return outcomes

    def done(self, job: Job) -> Done:
        outcome = self.run_job(job)
        assert isinstance(outcome, Done), outcome
        return outcome

    def failed(self, job: Job) -> Failed:
        outcome = self.run_job(job)
        assert isinstance(outcome, Failed), outcome
        return outcome

    def check_state(self, expected: str, outcome: Done | Failed) -> None:
        self.assertEqual(expected, outcome.results['orchestration_state'])

    @contextlib.contextmanager
    def requests(self) -> Iterator[Callable[[], list[str]]]:
        """Record the methods of all HTTP requests."""
        with requests_mock.Mocker(real_http=True) as mocker:
            yield lambda: [item.method for item in mocker.request_history]
