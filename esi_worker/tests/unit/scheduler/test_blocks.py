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

"""Resources for which no job can be made, and how they get going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esi_worker import drivers
from esi_worker.model import Resource
from esi_worker.tests import cases, cluster
from esi_worker.tests.cluster import (
    GUEST,
    LEFT,
    NETWORK,
    PORT,
    RIGHT,
    SUBNET,
)


class BlockTest(cases.ClusterTest):
    def test_a_missing_reference_is_shown(self) -> None:
        self.write(SUBNET, 's', 3, network_id='n')
        block = self.cluster.blocked(SUBNET, 's')
        self.assertIn('network:n does not exist', block['reason'])
        self.assertEqual(3, block['version'])
        self.assertEqual(['network:n'], block['waits_for'])
        self.assertEqual([], self.cluster.jobs())

    def test_it_goes_on_when_the_reference_comes(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_it_goes_on_when_it_refers_to_something_else(self) -> None:
        self.write(NETWORK, 'm')
        self.write(SUBNET, 's', network_id='n')
        self.write(SUBNET, 's', 2, network_id='m')
        self.assert_state('CREATE_COMPLETED', SUBNET, 's', 2)
        self.assert_quiet()

    def test_a_block_goes_with_its_config(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.cluster.erase(SUBNET, 's')
        self.cluster.settle()
        self.assert_quiet()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))

    def test_the_same_reason_is_written_once(self) -> None:
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        before = self.cluster.store.revision
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.assertEqual(before + 1, self.cluster.store.revision)

    def test_a_new_version_of_it_is_shown(self) -> None:
        for version in (1, 2):
            self.write(SUBNET, 's', version, network_id='n')
        self.assertEqual(2, self.cluster.blocked(SUBNET, 's')['version'])

    def test_it_holds_back_those_that_refer_to_it(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'm')
        self.write(PORT, 'p', network_id='m', fixed_ips=[{'subnet_id': 's'}])
        block = self.cluster.blocked(PORT, 'p')
        self.assertEqual(['subnet:s'], block['waits_for'])
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_mutual_references_do_not_lock_up(self) -> None:
        self.write(LEFT, 'a', right_id='b')
        self.write(RIGHT, 'b', left_id='a')
        self.assert_state('CREATE_COMPLETED', LEFT, 'a')
        self.assert_state('CREATE_COMPLETED', RIGHT, 'b')
        self.assert_quiet()
        self.assertIn(
            'right:b refers to left:a, which waits for it', self.log.output
        )

    def test_a_long_cycle_of_references_does_not_lock_up(self) -> None:
        self.write(LEFT, 'a', right_id='b')
        self.write(RIGHT, 'd', left_id='a')
        self.write(LEFT, 'c', right_id='d')
        self.assertEqual(
            3, len(self.cluster.keys_under('/esi-worker/blocked/'))
        )
        self.write(RIGHT, 'b', left_id='c')
        for type_, id_ in (LEFT, 'a'), (RIGHT, 'b'), (LEFT, 'c'), (RIGHT, 'd'):
            self.assert_state('CREATE_COMPLETED', type_, id_)
        self.assertIn(
            'right:b refers to left:c, which waits for it', self.log.output
        )
        self.assert_quiet()

    def test_deletions_that_wait_for_each_other_are_reported(self) -> None:
        self.write(LEFT, 'a', right_id='b')
        self.write(RIGHT, 'b', left_id='a')
        self.write(LEFT, 'a', 2, right_id='b', marked=True)
        self.assertIsNotNone(self.cluster.blocked(LEFT, 'a'))
        self.write(RIGHT, 'b', 2, left_id='a', marked=True)
        self.assert_state('DELETE_COMPLETED', LEFT, 'a', 2)
        self.assert_state('DELETE_COMPLETED', RIGHT, 'b', 2)
        self.assertIn('the two wait for each other', self.log.output)
        self.assert_quiet()

    def test_an_ignored_reference_does_not_block(self) -> None:
        self.write(GUEST, 'g', network_id='n')
        self.assert_state('CREATE_COMPLETED', GUEST, 'g')

    def test_deletions_do_not_block(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.cluster.store.delete('/config/v2.0/networks/n')
        self.cluster.settle()
        self.write(SUBNET, 's', 2, network_id='n', marked=True)
        self.assert_state('DELETE_COMPLETED', SUBNET, 's', 2)

    def test_a_change_of_what_was_made_is_blocked_too(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(SUBNET, 's', 2, network_id='m')
        self.assertEqual(
            ['network:m'], self.cluster.blocked(SUBNET, 's')['waits_for']
        )
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.write(NETWORK, 'm')
        self.assert_state('MODIFY_COMPLETED', SUBNET, 's', 2)


class BrokenConfigTest(cases.ClusterTest):
    def spoil(self, value: str) -> None:
        self.cluster.store.put('/config/v2.0/networks/n', value)
        self.cluster.settle()

    def test_what_cannot_be_read_is_shown(self) -> None:
        for value in ('no json', '[]', '{"version": 1}', '{"body": "x"}', '1'):
            self.spoil(value)
            self.assertIn(
                'cannot be read', self.cluster.blocked(NETWORK, 'n')['reason']
            )
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))

    def test_bytes_that_are_no_text_are_shown(self) -> None:
        self.spoil('\udcff')
        self.assertIsNotNone(self.cluster.blocked(NETWORK, 'n'))

    def test_others_go_on(self) -> None:
        self.spoil('no json')
        self.write(NETWORK, 'm')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'm')

    def test_the_next_good_value_works(self) -> None:
        self.spoil('no json')
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_those_that_refer_to_it_wait(self) -> None:
        self.spoil('no json')
        self.write(SUBNET, 's', network_id='n')
        self.assertIsNotNone(self.cluster.blocked(SUBNET, 's'))
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')

    def test_what_was_made_is_not_taken_away(self) -> None:
        self.write(NETWORK, 'n')
        self.spoil('no json')
        self.cluster.remove(self.manager)
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(['create:1'], self.cluster.actions(NETWORK, 'n'))

    def test_a_path_of_no_known_type_is_ignored(self) -> None:
        for path in ('v2.0/ghosts/g', 'v1.0/networks/n', 'networks', 'v2.0/'):
            self.cluster.store.put(f'/config/{path}', 'no json')
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()


class MissingTemplateTest(cases.ClusterTest):
    def make_cluster(self) -> cluster.Cluster:
        return cluster.Cluster(missing=('subnet',))

    def test_it_is_shown_and_holds_back_others(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.assertIn(
            'template "subnet"', self.cluster.blocked(SUBNET, 's')['reason']
        )
        self.assertIsNotNone(self.cluster.blocked(PORT, 'p'))

    def test_a_template_in_etcd_gets_them_going(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.cluster.write_template('subnet')
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_a_broken_template_is_shown_until_it_is_mended(self) -> None:
        key = '/config/v2.0/heat_templates/network'
        self.cluster.store.put(key, 'no json')
        self.cluster.settle()
        self.write(NETWORK, 'n')
        self.assertIn(key, self.cluster.blocked(NETWORK, 'n')['reason'])
        self.cluster.write_template('network')
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_template_that_heat_would_refuse_blocks(self) -> None:
        text = 'heat_template_version: 2013-05-23\nparameters: {}\n'
        self.cluster.write_template('network', text)
        self.cluster.settle()
        self.write(NETWORK, 'n')
        self.assertIn(
            'the text declares no such parameter',
            self.cluster.blocked(NETWORK, 'n')['reason'],
        )
        self.assertIn('[parameter-not-declared]', self.log.output)
        self.cluster.write_template('network')
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_deletion_does_not_need_the_template(self) -> None:
        self.write(NETWORK, 'n')
        key = '/config/v2.0/heat_templates/network'
        self.cluster.store.put(key, 'no json')
        self.cluster.settle()
        self.write(NETWORK, 'n', 2, marked=True)
        self.assert_state('DELETE_COMPLETED', NETWORK, 'n', 2)

    def test_a_template_makes_neither_job_nor_state(self) -> None:
        self.cluster.write_template('subnet')
        self.cluster.settle()
        self.assertEqual([], self.cluster.keys_under('/state/'))
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))


class FailingDriver(drivers.MappingDriver):
    """Falls over some bodies."""

    def plan(
        self,
        resource: Resource,
        view: drivers.View,
        *,
        lenient: bool = False,
    ) -> drivers.Plan:
        body: Mapping[str, Any] = resource.body
        if not lenient and body['mtu'] > 0:
            return super().plan(resource, view)
        return super().plan(resource, view, lenient=lenient)


class FailingDriverTest(cases.ClusterTest):
    def make_cluster(self) -> cluster.Cluster:
        made = cluster.Cluster()
        made.drivers = {'network': FailingDriver}
        return made

    def test_an_exception_blocks_only_its_resource(self) -> None:
        self.write(NETWORK, 'n', mtu='large')
        self.assertIn(
            'its driver has failed: TypeError',
            self.cluster.blocked(NETWORK, 'n')['reason'],
        )
        self.write(NETWORK, 'm', mtu=1)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'm')
        self.write(NETWORK, 'n', 2, mtu=1)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()
