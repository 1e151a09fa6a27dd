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

"""Restarts, gaps and outages: cases W10, W11, W21 and W22."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.tests.unit.rest_cases import support

load_tests = support.load_tests

NETS = [f'v2.0/networks/n{number}' for number in range(4)]
NET, OTHER, THIRD, FOURTH = NETS
SUB = 'v2.0/subnets/s'


class RestartTest(support.RestCase):
    """W10."""

    def test_w10_what_came_in_the_meantime_is_done(self) -> None:
        for path in NETS[:2]:
            self.create(path)
        self.settle()
        self.stop()
        self.rest.update(NET)
        self.rest.update(NET)
        self.rest.delete(OTHER)
        self.create(THIRD)
        self.start()
        self.assert_row(NET, 3, 'MODIFY_COMPLETED')
        self.assert_nothing_left(OTHER)
        self.assert_row(THIRD, 1, 'CREATE_COMPLETED')

    def test_w10_nothing_is_done_twice(self) -> None:
        self.create(NET)
        self.create(SUB, network_id='n0')
        self.create(OTHER, noop={'fail': 'no luck'})
        self.settle()
        self.stop()
        before = self.store.range(self.keys.state('')).items
        self.start()
        jobs = self.listen()
        self.assertEqual([], jobs)
        self.assertEqual(before, self.store.range(self.keys.state('')).items)
        self.assertEqual(['create:1'], self.actions(OTHER))

    def test_w10_a_successor_of_the_server_finds_the_state(self) -> None:
        self.create(NET)
        self.cluster.settle()
        self.rest.restart()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w10_what_came_before_the_records_is_adopted(self) -> None:
        self.create(NET)
        self.settle()
        self.stop()
        self.store.delete(self.keys.accepted(NET))
        self.start()
        self.assertEqual(['create:1'], self.actions(NET))
        self.rest.update(NET)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')


class GapTest(support.RestCase):
    """W11: the history that a watch needs is gone."""

    def test_w11_all_is_listed_and_compared(self) -> None:
        for path in NETS[:3]:
            self.create(path)
        self.settle()
        self.store.break_watches()
        self.rest.restart()
        self._all = self.store.watch({'/': 0})
        self.rest.update(NET)
        self.rest.delete(OTHER)
        self.rest.delete(THIRD)
        self.create(THIRD, mtu=9000)
        self.create(FOURTH)
        self.store.compact(self.store.revision)
        self.pass_time(3)
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')
        self.assert_nothing_left(OTHER)
        self.assert_row(THIRD, 1, 'CREATE_COMPLETED')
        self.assert_row(FOURTH, 1, 'CREATE_COMPLETED')


class ManyWorkersTest(support.RestCase):
    def test_w21_each_version_has_one_writer(self) -> None:
        self.cluster.add_worker()
        self.cluster.add_worker()
        self.cluster.add_manager()
        watch = self.store.watch({self.keys.state(''): 0})
        for path in NETS:
            self.create(path, noop=support.SLOW)
        self.pass_time(8)
        for path in NETS:
            self.rest.update(path)
        self.pass_time(8)
        writes = []
        while batch := watch.next(0):
            writes += [event.kv.key for event in batch.events]
        self.assertEqual(
            sorted(2 * [self.keys.state(path) for path in NETS]),
            sorted(writes),
        )
        for path in NETS:
            self.assert_row(path, 2, 'MODIFY_COMPLETED')

    def test_w21_a_worker_that_comes_back_writes_nothing(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        _, sleeper = self.cluster.members
        self.cluster.members.remove(sleeper)
        self.cluster.add_worker()
        self.pass_time(45)
        self.rest.update(NET, noop=None)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')
        before = self.store.get(self.keys.state(NET))
        self.cluster.members.append(sleeper)
        self.pass_time(10)
        self.assertEqual(before, self.store.get(self.keys.state(NET)))


class OutageTest(support.RestCase):
    """W22: nothing answers for a while."""

    def begin(self) -> None:
        def down(_call: str, _moment: str) -> None:
            raise exceptions.StoreUnavailable()

        self.cluster.fault = down
        self.rest.online = False
        self.store.break_watches()

    def last(self, seconds: int) -> None:
        for _ in range(seconds):
            self.cluster.clock.advance(1)
            for member in list(self.cluster.members):
                self.cluster.step(member)

    def end(self) -> None:
        self.cluster.fault = None
        self.rest.online = True
        self.rest.sync()
        self.rest.restart()
        self._all = self.store.watch({'/': 1})
        self.pass_time(60)

    def test_w22_a_short_outage(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.create(OTHER)
        self.settle()
        self.begin()
        self.rest.update(NET)
        self.rest.update(NET)
        self.rest.delete(OTHER)
        self.create(THIRD)
        self.last(5)
        self.end()
        self.assert_row(NET, 3, 'MODIFY_COMPLETED')
        self.assert_nothing_left(OTHER)
        self.assert_row(THIRD, 1, 'CREATE_COMPLETED')

    def test_w22_an_outage_that_outlives_all_leases(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.create(OTHER)
        self.settle()
        self.begin()
        self.rest.update(NET)
        self.rest.delete(OTHER)
        self.create(OTHER)
        self.last(120)
        self.end()
        # The creation lost its worker, so the newer version took its place.
        self.assert_row(NET, 2, 'CREATE_COMPLETED')
        self.assert_row(OTHER, 1, 'CREATE_COMPLETED')
