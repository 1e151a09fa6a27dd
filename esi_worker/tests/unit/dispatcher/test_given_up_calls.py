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

"""What a call does after it was given up does not count any more."""

from __future__ import annotations

from esi_worker.dispatcher import Settings, calls
from esi_worker.model import Done, InProgress, Outcome
from esi_worker.tests import members
from esi_worker.tests.cluster import NETWORK
from esi_worker.tests.unit.dispatcher import support


class GivenUpTest(support.HandlerTest):
    settings = Settings(call_timeout=10)

    def make_caller(self) -> members.HeldCaller:
        self.held = members.HeldCaller()
        return self.held

    def setUp(self) -> None:
        super().setUp()
        self.given_up: list[bool] = []

    def note(self, outcome: Outcome) -> Outcome:
        self.given_up.append(calls.is_given_up())
        return outcome

    def test_a_call_that_is_waited_for_counts(self) -> None:
        self.handler.on_start = lambda job: self.note(Done())
        self.write(NETWORK, 'n')
        self.held.run()
        self.cluster.settle()
        self.assertEqual([False], self.given_up)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_start_that_comes_too_late_does_not(self) -> None:
        self.handler.on_start = lambda job: self.note(Done())
        self.write(NETWORK, 'n')
        self.cluster.pass_time(11)
        self.held.run()
        self.cluster.settle()
        self.assertEqual([True], self.given_up)
        self.assert_state('CREATE_FAILED', NETWORK, 'n')

    def test_nor_does_a_poll_that_comes_too_late(self) -> None:
        self.handler.on_start = lambda job: InProgress(0)
        self.handler.on_poll = lambda jobs: self.note(Done())
        self.write(NETWORK, 'n')
        self.held.run()
        self.cluster.settle()
        self.cluster.pass_time(11)
        self.held.run()
        self.cluster.settle()
        self.assertEqual([True], self.given_up)

    def test_nor_does_a_start_whose_job_was_handed_over(self) -> None:
        self.handler.on_start = lambda job: self.note(Done())
        self.write(NETWORK, 'n')
        assert self.worker is not None
        self.worker.dispatcher.drain()
        self.worker.dispatcher.hand_over()
        self.held.run()
        self.assertEqual([True], self.given_up)

    def test_code_outside_of_calls_counts(self) -> None:
        self.assertFalse(calls.is_given_up())
