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

"""What the tests of trouble share."""

from __future__ import annotations

import testtools

from esi_worker.model import (
    Action,
    InProgress,
    Job,
    Retry,
)
from esi_worker.tests.unit.handlers.heat import scene


class TroubleTestCase(testtools.TestCase):
    """A handler, stacks in memory, and somebody who disturbs them."""

    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene()
        self.stacks = self.scene.stacks

    def begin(self, job: Job) -> InProgress:
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, InProgress), outcome
        return outcome

    def retried(self, job: Job, reason: str) -> None:
        outcome = self.scene.handler.start(job)
        assert isinstance(outcome, Retry), outcome
        self.assertIn(reason, outcome.reason)

    def red(self) -> Job:
        """A second version of the network."""
        return scene.job(
            Action.MODIFY, [scene.value('name', 'red')], version=2
        )

    def delete_by_hand(self) -> None:
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 9.0)
