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

"""One worker of all does a task from time to time."""

from __future__ import annotations

from collections.abc import Iterator

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.dispatcher import periodic
from esi_worker.handlers import PeriodicTask, Upkeep
from esi_worker.model import Request, ResourceRef


class PeriodicTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.clock = clocks.ManualClock()
        self.store = store.MemoryStore(clock=self.clock)
        self.keys = store.KeyLayout()
        self.rounds: list[str] = []
        self.upkeep = [Upkeep(), Upkeep()]

    def runner(
        self, identity: str, lease: store.Lease | None = None
    ) -> periodic.PeriodicRunner:
        def run() -> Iterator[Upkeep]:
            self.rounds.append(identity)
            yield from self.upkeep

        task = PeriodicTask('sweep', interval=100.0, pause=2.0, run=run)
        return periodic.PeriodicRunner(
            self.store,
            self.keys,
            [task],
            lease or self.store.grant(3600),
            identity,
            self.clock,
        )

    def let_work(
        self, *runners: periodic.PeriodicRunner, seconds: float
    ) -> None:
        """Let time pass, a second at a time."""
        for _ in range(int(seconds)):
            for runner in runners:
                runner.step()
            self.clock.advance(1)
            self.store.expire_leases()

    def keys_under(self, prefix: str) -> list[str]:
        return [kv.key for kv in self.store.range(prefix).items]

    def test_one_of_several_does_it_once_in_an_interval(self) -> None:
        runners = [self.runner(name) for name in ('a', 'b', 'c')]
        self.let_work(*runners, seconds=90)
        self.assertEqual(['a'], self.rounds)
        self.let_work(*runners, seconds=100)
        self.assertEqual(['a', 'a'], self.rounds)

    def test_another_takes_over_from_one_that_died(self) -> None:
        lease = self.store.grant(20)
        dead, alive = self.runner('dead', lease), self.runner('alive')
        self.let_work(dead, alive, seconds=1)
        self.let_work(alive, seconds=120)
        self.assertEqual(['alive'], self.rounds)

    def test_it_pauses_between_two_steps(self) -> None:
        put = store.Transition((), (store.Put('/mark', ''),))
        self.upkeep = [Upkeep(), Upkeep(transitions=(put,))]
        runner = self.runner('a')
        self.let_work(runner, seconds=periodic.PATIENCE + 1)
        self.assertIsNone(self.store.get('/mark'))
        self.let_work(runner, seconds=2)
        self.assertIsNotNone(self.store.get('/mark'))

    def test_a_pause_begins_at_the_end_of_a_step(self) -> None:
        def run() -> Iterator[Upkeep]:
            while True:
                self.clock.advance(5)
                yield Upkeep()

        task = PeriodicTask('sweep', interval=100.0, pause=2.0, run=run)
        lease = self.store.grant(3600)
        runner = periodic.PeriodicRunner(
            self.store, self.keys, [task], lease, 'a', self.clock
        )
        runner.step()
        self.clock.advance(periodic.PATIENCE)
        self.assertEqual(2.0, runner.step())

    def test_it_tells_when_something_is_due(self) -> None:
        runner = self.runner('a')
        self.assertEqual(periodic.PATIENCE, runner.step())
        self.clock.advance(periodic.PATIENCE)
        self.assertEqual(2.0, runner.step())

    def test_requests_are_on_a_lease_and_can_be_read(self) -> None:
        ref = ResourceRef('network', 'n')
        self.upkeep = [Upkeep((Request('reapply', ref, paced=True),))]
        self.let_work(self.runner('a'), seconds=40)
        (key,) = self.keys_under(self.keys.request(''))
        kv = self.store.get(key)
        assert kv is not None
        self.assertNotEqual(0, kv.lease)
        self.assertEqual(ref, Request.decode(key, kv.value).resource)

    def test_without_the_office_nothing_is_written(self) -> None:
        put = store.Transition((), (store.Put('/mark', ''),))
        self.upkeep = [Upkeep(), Upkeep(transitions=(put,))]
        runner = self.runner('a')
        self.let_work(runner, seconds=periodic.PATIENCE + 1)
        (key,) = self.keys_under(self.keys.periodic(''))
        self.store.put(key, 'somebody else')
        self.let_work(runner, seconds=60)
        self.assertIsNone(self.store.get('/mark'))

    def test_a_task_that_fails_is_tried_with_the_next_round(self) -> None:
        def failing() -> Iterator[Upkeep]:
            self.rounds.append('x')
            yield Upkeep()
            raise RuntimeError('no luck')

        task = PeriodicTask('sweep', 100.0, 1.0, failing)
        runner = periodic.PeriodicRunner(
            self.store,
            self.keys,
            [task],
            self.store.grant(3600),
            'a',
            self.clock,
        )
        self.let_work(runner, seconds=200)
        self.assertEqual(2, len(self.rounds))
        self.assertIn('sweep has failed', self.log.output)

    def test_a_store_that_is_away_is_waited_for(self) -> None:
        runner = self.runner('a')
        self.let_work(runner, seconds=1)

        def away(_name: str, _when: str) -> None:
            raise exceptions.StoreUnavailable('away')

        self.store.interceptor = away
        put = store.Transition((), (store.Put('/mark', ''),))
        self.upkeep = [Upkeep(transitions=(put,))]
        self.let_work(runner, seconds=60)
        self.store.interceptor = None
        self.let_work(runner, seconds=120)
        self.assertIsNotNone(self.store.get('/mark'))
