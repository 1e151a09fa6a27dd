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

"""Paths and values: cases W14 and W16 to W18 of the reference."""

from __future__ import annotations

from esi_worker.model import Done, ResourceType
from esi_worker.tests import members
from esi_worker.tests.unit.rest_cases import support

load_tests = support.load_tests

NET = 'v2.0/networks/n'


class UnreadableTest(support.RestCase):
    VALUES = (
        'raw string',
        '12',
        'null',
        '["a", "b"]',
        '{"id":"s1","name":"nm","vlan":7}',
        '{"body":"null","version":1}',
        '{"body":"\\"\\u003c\\"","version":1}',
        '{"body":"{}","version":"1"}',
        '{"body":"no json","version":1}',
        '',
        '\udcff',
    )

    def test_w14_such_values_are_left_out(self) -> None:
        for value in self.VALUES:
            self.store.put(self.keys.config('v2.0/networks/odd'), value)
            self.settle()
            self.assertIsNone(self.store.get(self.keys.state(NET)))
        self.create(NET)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')
        self.assertIsNone(self.value(self.keys.state('v2.0/networks/odd')))

    def test_w14_a_good_value_after_such_a_one_is_used(self) -> None:
        for value in self.VALUES:
            self.store.put(self.keys.config(NET), value)
            self.settle()
        self.create(NET)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')

    def test_w14_such_a_value_takes_nothing_away(self) -> None:
        self.create(NET)
        self.settle()
        for value in self.VALUES:
            self.store.put(self.keys.config(NET), value)
            self.settle()
        self.assertEqual(['create:1'], self.actions(NET))
        self.rest.update(NET)
        self.settle()
        self.assert_row(NET, 2, 'MODIFY_COMPLETED')

    def test_w14_types_that_are_not_ours_are_left_alone(self) -> None:
        paths = ('gohan/v0.1/policies/px', 'v1.0/things/u1', 'x', 'v2.0/')
        for path in paths:
            self.store.put(self.keys.config(path), '{"id":"px"}')
        self.create(NET)
        self.settle()
        self.assert_row(NET, 1, 'CREATE_COMPLETED')
        states = self.store.range(self.keys.state('')).items
        self.assertEqual([self.keys.state(NET)], [kv.key for kv in states])


class PathTest(support.RestCase):
    def go_through_life(self, path: str) -> None:
        self.create(path)
        self.settle()
        self.assertIsNotNone(self.store.get(self.keys.state(path)))
        self.assert_row(path, 1, 'CREATE_COMPLETED')
        self.rest.update(path, mtu=9000)
        self.settle()
        self.assert_row(path, 2, 'MODIFY_COMPLETED')
        self.rest.delete(path)
        self.settle()
        self.assert_nothing_left(path)

    def test_w16_ids_are_copied_byte_by_byte(self) -> None:
        for id_ in ('a b', 'a/b', 'x/', 'ü%2F', '%2e%2e', 'n:1', '日本'):
            self.go_through_life(f'v2.0/networks/{id_}')

    def test_w17_keys_of_a_template(self) -> None:
        self.cluster.catalog.types.add(
            ResourceType('network', 'networks', '/v1.0/hosts')
        )
        for path in (
            'v1.0/hosts/h1/tmpls/a1',
            'v1.0/hosts/100.000000/x/i1',
            'v1.0/hosts/h &amp; &#39;x&#39;/y/tmpls/a1',
        ):
            self.go_through_life(path)

    def test_w17_keys_without_the_prefix_are_not_seen(self) -> None:
        before = self.store.put('/custom/k1', '{"id":"k1","name":"zz"}')
        self.settle()
        self.assertEqual(before, self.store.revision)


class ShapeTest(support.RestCase):
    def test_w18_results_of_any_kind_become_strings(self) -> None:
        handler = members.ScriptedHandler(self.cluster.context())
        handler.on_start = lambda job: Done(
            {'n': 1, 'none': None, 'list': [{'a': 'é'}], 'text': 'as it is'}
        )
        _, worker = self.cluster.members
        self.cluster.stop(worker)
        self.cluster.add_worker(self.cluster.offer(handler))
        self.create(NET)
        self.settle()
        self.assertEqual(
            {
                'n': '1',
                'none': 'null',
                'list': '[{"a": "\\u00e9"}]',
                'text': 'as it is',
                'worker_state': 'CREATE_COMPLETED',
            },
            self.reported(NET),
        )

    def test_w18_a_resource_without_work_is_told_in_this_shape(self) -> None:
        path = 'v2.0/plans/p'
        self.create(path)
        self.settle()
        self.assert_row(path, 1, 'READ_COMPLETE')

    def test_w18_so_is_one_whose_job_was_cancelled(self) -> None:
        path = 'v2.0/subnets/s'
        self.create(NET, noop={**support.SLOW, 'fail': 'no luck'})
        self.create(path, network_id='n')
        self.settle()
        job = self.cluster.job_id('create:heat_worker:network')
        self.pass_time(10)
        self.assert_row(
            path,
            1,
            'CREATE_FAILED',
            f'Cancelled: job {job} has failed: NoopFailure: no luck',
        )
