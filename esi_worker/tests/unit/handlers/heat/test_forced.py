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

"""Jobs that an operator forces upon a stack."""

from __future__ import annotations

import dataclasses

import testtools

from esi_worker.model import Action, Done, Job
from esi_worker.tests.unit.handlers.heat import scene


class ForcedTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene()
        self.scene.run(scene.job())
        self.stacks = self.scene.stacks

    def job(self, force: bool = True, version: int = 1) -> Job:
        job = scene.job(Action.MODIFY, version=version)
        return dataclasses.replace(job, extra={'options': {'force': force}})

    def run_job(self, job: Job) -> None:
        outcome = self.scene.run(job)
        assert isinstance(outcome, Done), outcome

    def test_stack_that_is_as_wanted_is_updated_once_more(self) -> None:
        self.run_job(self.job())
        self.stacks.requests.clear()
        self.run_job(self.job())
        self.assertEqual(1, self.stacks.requests['update'])

    def test_without_force_it_is_left_alone(self) -> None:
        self.run_job(self.job())
        self.stacks.requests.clear()
        self.run_job(self.job(force=False))
        self.assertEqual(0, self.stacks.requests['update'])

    def test_update_looks_at_what_is_really_there(self) -> None:
        self.run_job(self.job())
        request = self.stacks.request_of(scene.TENANT, scene.NAME)
        assert request is not None
        self.assertTrue(request.observe)

    def test_missing_stack_is_created(self) -> None:
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 1.0)
        self.run_job(self.job())
        self.assertEqual('CREATE_COMPLETE', self.scene.status())

    def test_force_does_not_change_what_the_stack_is(self) -> None:
        self.run_job(self.job())
        before = self.stacks.find(scene.TENANT, scene.NAME)
        assert before is not None
        self.run_job(self.job(force=False))
        after = self.stacks.find(scene.TENANT, scene.NAME)
        assert after is not None
        self.assertEqual(before.tags, after.tags)
