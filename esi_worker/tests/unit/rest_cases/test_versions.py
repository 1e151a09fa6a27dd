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

"""Versions: cases W1 to W6, W13, W15 and W19 of the reference."""

from __future__ import annotations

from esi_worker.tests.unit.rest_cases import support

load_tests = support.load_tests

NET = 'v2.0/networks/n'


class VersionTest(support.RestCase):
    def test_w01_a_creation_converges_at_version_1(self) -> None:
        self.create(NET)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w02_an_update_converges_at_version_2(self) -> None:
        self.create(NET)
        self.settle()
        self.rest.update(NET, mtu=9000)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')

    def test_w03_versions_that_come_while_a_worker_is_busy(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        self.rest.update(NET, mtu=1)
        self.settle()
        self.rest.update(NET, mtu=2, noop=None)
        self.settle()
        self.assertEqual(0, self.rest.rows[NET].state_version)
        self.pass_time(15)
        self.assert_row(NET, 3, 'MODIFY_COMPLETED')
        self.assertEqual(['create:1', 'modify:3'], self.actions(NET))

    def test_w03_versions_that_come_at_once_are_one_job(self) -> None:
        self.create(NET)
        self.rest.update(NET)
        self.rest.update(NET)
        self.settle()
        self.assert_row(NET, 3, 'CREATE_COMPLETED')
        self.assertEqual(['create:3'], self.actions(NET))

    def test_w04_the_same_version_again_does_nothing(self) -> None:
        self.create(NET)
        self.settle()
        before = self.store.revision
        self.rest.resync(NET)
        self.settle()
        self.assertEqual(before + 1, self.store.revision)
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w04_the_same_version_again_while_it_is_worked_on(self) -> None:
        self.create(NET, noop=support.SLOW)
        self.settle()
        self.rest.resync(NET)
        self.pass_time(10)
        self.assert_row(NET, 1, 'CREATE_COMPLETED')
        self.assertEqual(['create:1'], self.actions(NET))

    def test_w05_a_transient_error_is_never_told(self) -> None:
        self.create(NET, noop={'retry': 3, 'after': 2})
        self.settle()
        self.assertIsNone(self.value(self.keys.state(NET)))
        self.pass_time(10)
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w06_a_failure_is_told_at_its_version(self) -> None:
        self.create(NET, noop={'fail': 'no luck'})
        self.settle()
        self.assert_row(NET, 1, 'CREATE_FAILED', 'NoopFailure: no luck')
        state = self.reported(NET)
        self.assertEqual('CREATE_ERROR', state['orchestration_state'])

    def test_w06_the_next_version_clears_the_error(self) -> None:
        self.create(NET, noop={'fail': 'no luck'})
        self.settle()
        self.rest.update(NET, noop=None)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')

    def test_w06_a_long_error_is_cut(self) -> None:
        self.create(NET, noop={'fail': 'x' * 5000})
        self.settle()
        self.assertEqual(1024, len(self.rest.rows[NET].error))

    def test_w19_a_lower_version_is_no_way_back(self) -> None:
        # Two servers at once, for a moment: one is late with its write.
        self.create(NET)
        self.settle()
        late = self.store.get(self.keys.config(NET))
        assert late is not None
        self.rest.update(NET, mtu=1)
        self.settle()
        self.store.put(self.keys.config(NET), late.value)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')
        self.rest.update(NET, mtu=2)
        self.settle()
        self.assert_row(NET, 3, 'MODIFY_COMPLETED')


class UnversionedTest(support.RestCase):
    """W13: version 1 at the creation, 0 from then on."""

    def setUp(self) -> None:
        super().setUp()
        self.rest.create(
            NET, support.COLUMNS, versioned=False, id='n', tenant_id='t'
        )
        self.settle()

    def test_w13_each_change_is_acted_on(self) -> None:
        for mtu in (1, 2, 3):
            self.rest.update(NET, mtu=mtu)
            self.settle()
        self.assertEqual(
            ['create:1', 'modify:0', 'modify:0', 'modify:0'],
            self.actions(NET),
        )

    def test_w13_no_state_is_written_without_a_version(self) -> None:
        state = self.store.get(self.keys.state(NET))
        self.rest.update(NET, mtu=1)
        self.settle()
        self.assertEqual(state, self.store.get(self.keys.state(NET)))

    def test_w13_the_same_again_does_nothing(self) -> None:
        for _ in range(2):
            self.rest.resync(NET)
            self.settle()
        self.assertEqual(['create:1'], self.actions(NET))

    def test_w13_it_can_be_deleted(self) -> None:
        self.rest.update(NET, mtu=1)
        self.settle()
        self.rest.delete(NET)
        self.settle()
        self.assert_nothing_left(NET)


class NullTest(support.RestCase):
    def test_w15_null_and_missing_are_the_same(self) -> None:
        jobs = self.listen()
        self.create(NET)
        self.settle()
        self.rest.update(NET)
        self.settle()
        created, modified = (job.params for job in jobs)
        self.assertEqual(created, modified)
        (mtu,) = [param.value for param in created if param.name == 'mtu']
        self.assertIsNone(mtu)
