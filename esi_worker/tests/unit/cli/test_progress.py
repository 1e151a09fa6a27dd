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

from __future__ import annotations

from collections.abc import Callable
import json

import testtools

from esi_worker import exceptions, store
from esi_worker.cli import progress
from esi_worker.model import PublishedState, Retrying, WorkerRecord

NETWORK = progress.Goal('v2.0/networks/n', 2, 'network:n')
SUBNET = progress.Goal('v2.0/subnets/s', 1, 'subnet:s')
PORT = progress.Goal('v2.0/ports/p', 1, 'port:p')
PATIENCE = 600.0


class WaitTestCase(testtools.TestCase):
    """Time passes only while the waiting pauses."""

    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.keys = store.KeyLayout()
        self.now = 0.0
        self.told: list[str] = []
        self.events: list[tuple[float, Callable[[], None]]] = []

    def pause(self, seconds: float) -> None:
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()

    def at(self, time: float, happens: Callable[[], None]) -> None:
        """Let something happen at a time; in the order of times."""
        self.events.append((time, happens))

    def block(
        self, goal: progress.Goal, *needs: str, version: int | None = None
    ) -> None:
        record = {
            'reason': f'no {"".join(needs) or "template"}',
            'version': goal.version if version is None else version,
            'since': 'noon',
            'waits_for': list(needs),
        }
        self.store.put(self.keys.blocked(goal.path), json.dumps(record))

    def unblock(self, goal: progress.Goal) -> None:
        self.store.delete(self.keys.blocked(goal.path))

    def publish(self, goal: progress.Goal, error: str = '') -> None:
        word = 'CREATE_FAILED' if error else 'CREATE_COMPLETED'
        state = PublishedState(
            goal.version or 0, {'worker_state': word}, error
        )
        self.store.put(self.keys.state(goal.path), state.encode())

    def wait(self, *goals: progress.Goal) -> str:
        """:returns: what is wrong, empty if all got there"""
        try:
            progress.Progress(
                self.store,
                self.keys,
                self.told.append,
                clock=lambda: self.now,
                pause=self.pause,
            ).wait(goals, PATIENCE)
        except exceptions.TerminalError as error:
            return str(error)
        return ''


class RetriedTest(WaitTestCase):
    def test_what_is_tried_again_tells_why(self) -> None:
        self.store.put(self.keys.accepted(PORT.path), '{"version": 1}')
        told = Retrying(
            'create:heat_worker:port:p:1:abcde', 'noon', 'HTTP 401: no'
        )
        record = WorkerRecord(('heat_worker',), 8, 8, retrying=(told,))
        self.store.put(self.keys.worker('w'), record.encode())
        said = self.wait(PORT)
        self.assertIn(
            'still working, tried again since noon: HTTP 401: no', said
        )


class BlockedTest(WaitTestCase):
    def test_a_block_that_nothing_here_lifts_is_the_end(self) -> None:
        self.block(PORT, 'network:other')
        said = self.wait(PORT)
        self.assertIn('blocked: no network:other', said)
        self.assertLess(self.now, 10)

    def test_so_is_one_that_waits_for_no_resource(self) -> None:
        self.block(PORT)
        self.assertIn('blocked: no template', self.wait(PORT))
        self.assertLess(self.now, 10)

    def test_what_is_under_way_is_waited_for(self) -> None:
        self.block(PORT, 'network:n')
        self.at(100, lambda: self.publish(NETWORK))
        self.at(200, lambda: self.publish(PORT))
        self.assertEqual('', self.wait(NETWORK, PORT))

    def test_those_that_wait_for_a_failure_fail_with_it(self) -> None:
        self.block(SUBNET, 'network:n')
        self.block(PORT, 'subnet:s')
        self.at(100, lambda: self.publish(NETWORK, 'no quota'))
        said = self.wait(NETWORK, SUBNET, PORT)
        self.assertIn('3 of 3 did not get there', said)
        self.assertIn('no quota', said)
        self.assertLess(self.now, 110)

    def test_the_others_are_waited_for_all_the_same(self) -> None:
        self.block(PORT, 'network:other')
        self.at(100, lambda: self.publish(NETWORK))
        said = self.wait(NETWORK, PORT)
        self.assertIn('1 of 2 did not get there', said)
        self.assertIn(f'{NETWORK.path}: CREATE_COMPLETED', self.told)

    def test_a_block_of_an_older_version_says_nothing(self) -> None:
        self.block(NETWORK, version=1)
        self.at(100, lambda: self.publish(NETWORK))
        self.assertEqual('', self.wait(NETWORK))

    def test_a_block_that_goes_at_once_is_no_end(self) -> None:
        self.block(PORT, 'network:other')
        self.at(2, lambda: self.unblock(PORT))
        self.at(100, lambda: self.publish(PORT))
        self.assertEqual('', self.wait(PORT))

    def test_a_deletion_that_is_held_off_is_waited_for(self) -> None:
        goal = progress.Goal(NETWORK.path, None, NETWORK.name)
        self.block(goal, 'port:other', version=2)
        self.at(300, lambda: self.unblock(goal))
        self.assertEqual('', self.wait(goal))
