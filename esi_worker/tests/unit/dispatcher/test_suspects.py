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

"""A job that takes its worker down takes no other job with it."""

from __future__ import annotations

from esi_worker.dispatcher import Settings
from esi_worker.model import Done, Job
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class SuspectTest(cases.QueueTest):
    """Workers that die in the ``start`` of the network ``killer``."""

    def start(self) -> None:
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.handler.on_start = self.on_start
        self.caller = members.HeldCaller()
        self.worker = self.cluster.add_worker(
            self.cluster.offer(self.handler), Settings(slots=4), self.caller
        )
        self.cluster.settle()

    def on_start(self, job: Job) -> object:
        if job.resource.id == 'killer':
            raise members.Crash
        return Done()

    def held(self) -> list[str]:
        """The resources inside ``start``."""
        return sorted(
            str(token[0]).split(':')[3]
            for token, _, _ in self.caller.held
            if isinstance(token, tuple)
        )

    def die(self) -> None:
        """The worker dies; another takes its place."""
        assert self.worker is not None
        self.cluster.remove(self.worker)
        self.cluster.pass_time(40)
        self.start()

    def run_calls(self) -> None:
        try:
            self.caller.run()
        except members.Crash:
            self.die()
        self.cluster.settle()

    def write_all(self) -> None:
        for name in ('a', 'b', 'killer', 'c'):
            self.cluster.write(NETWORK, name)
        self.cluster.settle()

    def test_what_was_being_started_is_started_alone(self) -> None:
        self.write_all()
        self.start()
        self.assertEqual(['a', 'b', 'c', 'killer'], self.held())
        self.die()
        self.assertEqual(1, len(self.held()))
        # What comes later waits its turn.
        self.write(NETWORK, 'd')
        self.assertEqual(1, len(self.held()))

    def test_a_suspect_waits_for_those_that_are_begun(self) -> None:
        # Its only slot taken, the other one leaves what comes to us.
        other = self.cluster.add_worker(
            self.cluster.noop_handlers(),
            Settings(slots=1),
            members.HeldCaller(),
        )
        self.write(NETWORK, 'second')
        self.start()
        self.write(NETWORK, 'first')
        self.cluster.pass_time(1)
        self.cluster.remove(other)
        self.cluster.pass_time(40)
        begun = self.held()
        self.assertEqual(1, len(begun))
        self.caller.run()
        self.cluster.settle()
        self.assertEqual({'first', 'second'}, {*begun, *self.held()})

    def test_only_the_culprit_is_given_up(self) -> None:
        self.write_all()
        self.start()
        for _ in range(20):
            self.run_calls()
        error = self.cluster.state(NETWORK, 'killer')['error']
        self.assertTrue(error.startswith('JobGivenUp'), error)
        for name in ('a', 'b', 'c'):
            self.assert_state('CREATE_COMPLETED', NETWORK, name)
        self.assert_quiet()
