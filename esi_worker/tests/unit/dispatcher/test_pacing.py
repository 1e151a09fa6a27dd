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

"""Quick calls are claimed and published many at a time."""

from __future__ import annotations

from collections.abc import Callable

from esi_worker.dispatcher import Settings, calls
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class SwitchedCaller:
    """Runs calls on the spot until it is told to hold them."""

    def __init__(self) -> None:
        self.holding = False
        self.held = members.HeldCaller()

    def call(
        self,
        token: object,
        function: Callable[[], object],
        report: calls.Report,
    ) -> None:
        caller = self.held if self.holding else calls.InlineCaller()
        caller.call(token, function, report)


class PacingTest(cases.QueueTest):
    def start(self) -> members.WorkerMember:
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.caller = SwitchedCaller()
        worker = self.cluster.add_worker(
            self.cluster.offer(self.handler), Settings(slots=2), self.caller
        )
        self.cluster.settle()
        return worker

    def write_many(self, count: int, label: str = 'n') -> None:
        for number in range(count):
            self.cluster.write(NETWORK, f'{label}{number}')

    def test_quick_calls_share_transactions(self) -> None:
        self.start()
        self.write_many(100)
        before = self.cluster.store.revision
        self.cluster.settle()
        self.assertEqual(100, len(self.handler.starts))
        self.assertLess(self.cluster.store.revision - before, 60)
        self.assert_quiet()

    def test_slow_calls_bound_the_claims_to_the_slots(self) -> None:
        worker = self.start()
        self.write_many(20)
        self.cluster.settle()
        self.caller.holding = True
        self.write_many(20, 'slow')
        self.cluster.settle()
        self.assertEqual(2, worker.dispatcher.starting)
        self.assertEqual(2, len(worker.dispatcher))
        self.assertEqual(18, len(self.cluster.jobs('ready')))

    def test_what_was_given_back_is_done_in_the_end(self) -> None:
        self.start()
        self.write_many(20)
        self.cluster.settle()
        self.caller.holding = True
        self.write_many(20, 'slow')
        self.cluster.settle()
        self.caller.holding = False
        self.caller.held.run()
        self.cluster.settle()
        self.assertEqual(40, len(set(self.handler.starts)))
        self.assertEqual(40, len(self.handler.starts))
        self.assert_quiet()
