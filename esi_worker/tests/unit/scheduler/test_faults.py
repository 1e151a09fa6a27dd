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

"""A fault at every single request, one after the other.

Whatever a member asks of the store may fail: before it was applied,
after it was applied with the answer lost, or because the process dies
on the spot. The end is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fixtures
import testtools

from esi_worker import exceptions
from esi_worker.model import Done, Failed, InProgress, Job, Outcome
from esi_worker.tests import cluster, members
from esi_worker.tests.cluster import NETWORK, PORT, SUBNET

#: More requests than any story here makes.
_ENOUGH = 500

Story = Callable[[cluster.Cluster], None]


class Scene:
    """Two managers and two workers, and what their handler did."""

    def __init__(self) -> None:
        self.cluster = cluster.Cluster()
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.handler.on_start = self.answer
        self.done: list[str] = []
        for _ in range(2):
            self.cluster.add_manager()
            self.cluster.add_worker(self.cluster.offer(self.handler))
        self.cluster.settle()

    def answer(self, job: Job) -> Outcome:
        self.done.append(f'{job.action}:{job.resource}:{job.version}')
        if job.resource_input.get('mtu') == 'wrong':
            return Failed('Broken: by the test')
        if job.resource_input.get('mtu') == 'slow':
            return InProgress(2)
        return Done({'heat_outputs': []})


def states(world: cluster.Cluster) -> dict[str, Any]:
    """All that is published, by the resources' ids."""
    found = {}
    for key in world.keys_under('/state/'):
        state = world.json(key)
        found[key.rpartition('/')[2]] = (
            state['version'],
            state['state']['worker_state'],
        )
    return found


def creation(world: cluster.Cluster) -> None:
    world.write(NETWORK, 'n')
    world.write(SUBNET, 's', network_id='n')
    world.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
    world.settle()


def life(world: cluster.Cluster) -> None:
    world.write(NETWORK, 'n', mtu='slow')
    world.settle()
    world.write(NETWORK, 'n', 2)
    world.write(NETWORK, 'n', 3)
    world.write(SUBNET, 's', network_id='n')
    world.pass_time(4)
    world.write(SUBNET, 's', 2, network_id='n', marked=True)
    world.settle()


def failure(world: cluster.Cluster) -> None:
    world.write(NETWORK, 'n', mtu='wrong')
    world.write(SUBNET, 's', network_id='n')
    world.settle()


def removal(world: cluster.Cluster) -> None:
    world.write(NETWORK, 'n')
    world.write(SUBNET, 's', network_id='n')
    world.settle()
    world.pass_time(14, step=2)
    world.erase(SUBNET, 's')
    world.erase(NETWORK, 'n')
    world.settle()


class LostRequestTest(testtools.TestCase):
    """A request does not reach the store."""

    moment = 'before'
    #: Which requests fail in turn: the first one and the step.
    first, step = 0, 1
    #: How often one job may be started.
    starts = 1
    #: Seconds after which everything must be over.
    patience = 12

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.FakeLogger())

    def error(self) -> BaseException:
        return exceptions.StoreTimeout()

    def tell(self, story: Story, check: Callable[[Scene], None]) -> None:
        """Tell a story with a fault at one request after the other."""
        for number in range(self.first, _ENOUGH, self.step):
            scene = Scene()
            fault = members.Fault(number, self.moment, self.error)
            scene.cluster.fault = fault
            story(scene.cluster)
            scene.cluster.pass_time(self.patience, step=2)
            try:
                self.assert_clean(scene.cluster)
                check(scene)
            except BaseException as failure:
                failure.add_note(f'{self.moment} request {number}')
                raise
            if not fault.struck:
                return
        self.fail('the story never ends')

    def assert_clean(self, world: cluster.Cluster) -> None:
        for prefix in (
            world.keys.jobs,
            '/esi-worker/job_state/',
            '/esi-worker/blocked/',
        ):
            self.assertEqual([], world.keys_under(prefix))

    def assert_not_doubled(self, scene: Scene) -> None:
        for job_id in scene.handler.starts:
            self.assertLessEqual(
                scene.handler.starts.count(job_id), self.starts, job_id
            )

    def test_creation(self) -> None:
        def check(scene: Scene) -> None:
            done = (1, 'CREATE_COMPLETED')
            self.assertEqual(
                {'n': done, 's': done, 'p': done}, states(scene.cluster)
            )
            self.assertEqual(3, len(set(scene.handler.starts)))
            self.assert_not_doubled(scene)
            order = [each.partition(':')[2] for each in scene.done]
            self.assertLess(
                order.index('network:n:1'), order.index('subnet:s:1')
            )
            self.assertLess(order.index('subnet:s:1'), order.index('port:p:1'))

        self.tell(creation, check)

    def test_life(self) -> None:
        def check(scene: Scene) -> None:
            found = states(scene.cluster)
            # Whether the first version was seen is another matter.
            self.assertEqual(3, found.pop('n')[0])
            self.assertEqual({'s': (2, 'DELETE_COMPLETED')}, found)
            self.assert_not_doubled(scene)

        self.tell(life, check)

    def test_failure(self) -> None:
        def check(scene: Scene) -> None:
            self.assertEqual(
                {'n': (1, 'CREATE_FAILED'), 's': (1, 'CREATE_FAILED')},
                states(scene.cluster),
            )
            self.assertEqual(1, len(set(scene.handler.starts)))
            self.assert_not_doubled(scene)

        self.tell(failure, check)

    def test_removal(self) -> None:
        def check(scene: Scene) -> None:
            self.assertEqual({}, states(scene.cluster))
            for prefix in 'config', 'previous', 'heat_stacks', 'history':
                self.assertEqual(
                    [], scene.cluster.keys_under(f'/esi-worker/{prefix}/')
                )
            deletions = [e for e in scene.done if e.startswith('delete')]
            self.assertEqual(
                ['delete:subnet:s:1', 'delete:network:n:1'],
                list(dict.fromkeys(deletions)),
            )
            self.assert_not_doubled(scene)

        self.tell(removal, check)


class RefusedConnectionTest(LostRequestTest):
    """Nothing answers."""

    step = 3

    def error(self) -> BaseException:
        return exceptions.StoreUnavailable()


class LostAnswerTest(LostRequestTest):
    """A request is applied, but its answer is lost."""

    moment = 'after'


class CrashBeforeTest(LostRequestTest):
    """The process that makes the request dies first."""

    step = 2
    starts = 2
    patience = 46

    def error(self) -> BaseException:
        return members.Crash()


class CrashAfterTest(CrashBeforeTest):
    """The process that made the request dies of the answer."""

    first = 1
    moment = 'after'
