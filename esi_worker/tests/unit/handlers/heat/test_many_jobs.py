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

"""Many jobs at once, in few requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from esi_worker.handlers.heat import (
    errors,
    handler,
)
from esi_worker.model import (
    Done,
    InProgress,
    ResourceRef,
)
from esi_worker.tests.unit.handlers.heat import scene
from esi_worker.tests.unit.handlers.heat.trouble import TroubleTestCase


class ManyJobsTest(TroubleTestCase):
    def test_jobs_of_a_tenant_share_a_request(self) -> None:
        jobs = [
            scene.job(ref=ResourceRef('network', f'n{i}')) for i in range(20)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.clock.advance(10)
        outcomes = dict(self.scene.handler.poll(jobs))
        kinds = [type(outcome) for outcome in outcomes.values()]
        self.assertEqual([Done, *([InProgress] * 19)], kinds)

        # What is read of the others takes calls of their own.
        batches = list(self.scene.handler.batches(jobs[1:], ()))
        self.assertEqual([[job] for job in jobs[1:]], batches)
        for batch in batches:
            outcomes.update(self.scene.handler.poll(batch))
        self.assertEqual({Done}, {type(each) for each in outcomes.values()})
        self.assertEqual(1, self.stacks.requests['status'])

    def test_batches_are_full_requests_of_one_tenant(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id='big' if i < 100 else f'small-{i}',
            )
            for i in range(103)
        ]
        for job in jobs:
            self.begin(job)
        due, soon = jobs[:90] + jobs[100:], jobs[90:100]
        batches = list(self.scene.handler.batches(due, soon))
        self.assertEqual([80, 20, 1, 1, 1], [len(batch) for batch in batches])
        self.assertEqual([*jobs[80:90], *soon], batches[1])

    def test_ended_stacks_and_looks_take_turns(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id='big' if i < 6 else f'small-{i}',
            )
            for i in range(9)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.clock.advance(10)
        self.scene.handler.poll(jobs[:6])
        batches = list(self.scene.handler.batches(jobs[1:], ()))
        self.assertEqual(
            [jobs[1], jobs[2], jobs[3], jobs[6], jobs[4], jobs[5], jobs[7]],
            [batch[0] for batch in batches[:7]],
        )

    def test_each_tenant_is_asked_once(self) -> None:
        jobs = [
            scene.job(
                ref=ResourceRef('network', f'n{i}'),
                tenant_id=f'tenant-{i % 2}',
            )
            for i in range(6)
        ]
        for job in jobs:
            self.begin(job)
        self.scene.handler.poll(jobs)
        self.assertEqual(2, self.stacks.requests['status'])

    def test_a_slow_heat_gets_to_every_tenant_in_turn(self) -> None:
        jobs = [
            scene.job(ref=ResourceRef('network', name), tenant_id=name)
            for name in ('a', 'b', 'c')
        ]
        for job in jobs:
            self.begin(job)
        asked: list[str] = []

        def status(tenant: str, stack_ids: Iterable[str]) -> NoReturn:
            asked.append(tenant)
            self.scene.clock.advance(handler.POLL_BUDGET + 1)
            raise errors.HeatUnavailable

        self.patch(self.stacks, 'status', status)
        for _ in jobs:
            self.assertEqual(1, len(self.scene.handler.poll(jobs)))

        self.assertEqual({'a', 'b', 'c'}, set(asked))
