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

"""Embedded Heat makes real stacks of stand-ins, with and without Keystone."""

from __future__ import annotations

import time
from typing import Any

import requests
import testtools

from esi_worker.embedded import fixtures as shared
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional.embedded_support import (
    NETWORK,
    PORT,
    SUBNET,
    outputs,
)

MAC = 'fa:16:3e:84:84:13'
PAIRS = [{'mac_address': MAC, 'ip_address': '10.0.0.9'}]


class StandIns:
    """What both sets of stand-ins owe the recorded templates."""

    stacks: embedded_support.Stacks

    def test_network(self: Any) -> None:
        made = self.stacks.create(
            'network_1', NETWORK, uuid='n-1', name='a-network'
        )
        self.assertEqual('CREATE_COMPLETE', made.stack_status)
        self.assertEqual(
            {
                'id': 'n-1',
                'name': 'a-network',
                'route_targets': [],
                'fq_name': 'default-domain:admin:n-1',
            },
            outputs(made),
        )

        made = self.stacks.update(
            made,
            NETWORK,
            uuid='n-1',
            name='a-network',
            route_targets='target:1:1,target:1:2',
        )
        self.assertEqual('UPDATE_COMPLETE', made.stack_status)
        self.assertEqual(
            ['target:1:1', 'target:1:2'], outputs(made)['route_targets']
        )
        self.assertEqual('n-1', outputs(made)['id'])

        self.assertEqual(
            'DELETE_COMPLETE', self.stacks.delete(made).stack_status
        )
        self.assertEqual([], self.stacks.names())

    def test_network_without_uuid_gets_an_id(self: Any) -> None:
        made = outputs(self.stacks.create('network_2', NETWORK, name='n'))
        self.assertEqual(36, len(made['id']))
        self.assertEqual(f'default-domain:admin:{made["id"]}', made['fq_name'])

    def test_subnet(self: Any) -> None:
        made = self.stacks.create('subnet_1', SUBNET, network_id='n-1')
        shown = outputs(made)
        self.assertEqual(36, len(shown.pop('id')))
        self.assertEqual(
            {
                'name': 'a-subnet',
                'network_id': 'n-1',
                'ip_prefix': '10.0.0.0/24',
                'default_gateway': '10.0.0.1',
                'ipam': 'default-domain:default-project:default-network-ipam',
            },
            shown,
        )

    def test_port(self: Any) -> None:
        made = self.stacks.create(
            'port_1', PORT, name='p-1', mac=MAC, pairs=[], network='n-1'
        )
        shown = outputs(made)
        identity = shown['id']
        self.assertEqual(36, len(identity))
        self.assertEqual(
            {
                'id': identity,
                'fq_name': f'default-domain:admin:{identity}',
                'virtual_network': [['default-domain', 'admin', 'n-1']],
                'mac_address': [MAC],
                'allowed_address_pairs': {'allowed_address_pair': []},
            },
            shown,
        )

        made = self.stacks.update(
            made, PORT, name='p-1', mac=MAC, pairs=PAIRS, network='n-1'
        )
        self.assertEqual('UPDATE_COMPLETE', made.stack_status)
        self.assertEqual(identity, outputs(made)['id'])
        self.assertEqual(
            {'allowed_address_pair': PAIRS},
            outputs(made)['allowed_address_pairs'],
        )


class NestedStandInsTest(StandIns, testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        heat = self.useFixture(shared.HeatFixture(environment='nested'))
        self.stacks = embedded_support.Stacks(heat.session())


class PluginStandInsTest(StandIns, testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.heat = self.useFixture(shared.HeatFixture())
        self.stacks = embedded_support.Stacks(self.heat.session())

    def test_marker_in_the_name_fails_the_action(self) -> None:
        made = self.stacks.create('network_3', NETWORK, name='fail-create')
        self.assertEqual('CREATE_FAILED', made.stack_status)
        self.assertIn('fail-create', made.stack_status_reason)

    def test_marker_in_the_name_delays_the_action(self) -> None:
        began = time.monotonic()
        made = self.stacks.create(
            'network_4', NETWORK, name='wait-create-1.5s'
        )
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertEqual('CREATE_COMPLETE', made.stack_status)

    def test_failing_resource_heals(self) -> None:
        self.heat.server.faults.set('a/network', 'fail-create')
        made = self.stacks.create('network_5', NETWORK, name='a/network')
        self.assertEqual('CREATE_FAILED', made.stack_status)

        self.heat.server.faults.clear('a/network')
        made = self.stacks.update(made, NETWORK, name='a/network')
        self.assertEqual('UPDATE_COMPLETE', made.stack_status)

    def test_update_and_delete_may_fail_too(self) -> None:
        made = self.stacks.create('network_6', NETWORK, name='n-6')
        self.heat.server.faults.set('n-6', 'fail-update', 'fail-delete')
        made = self.stacks.update(
            made, NETWORK, name='n-6', route_targets='target:1:1'
        )
        self.assertEqual('UPDATE_FAILED', made.stack_status)
        self.assertEqual(
            'DELETE_FAILED', self.stacks.delete(made).stack_status
        )

    def test_tenants_do_not_see_each_other(self) -> None:
        self.stacks.create('network_7', NETWORK, name='n-7')
        other = embedded_support.Stacks(
            embedded_support.noauth_session(self.heat.server, 'another-tenant')
        )
        self.assertNotIn('network_7', other.names())


class KeystoneTest(testtools.TestCase):
    def test_user_creates_a_stack_in_its_own_project(self) -> None:
        heat = self.useFixture(shared.HeatWithKeystoneFixture())
        stacks = embedded_support.Stacks(heat.session())
        made = stacks.create('network_1', NETWORK, name='n-1')
        self.assertEqual('CREATE_COMPLETE', made.stack_status)
        self.assertEqual(
            heat.session().get_project_id(), made.parameters['OS::project_id']
        )
        self.assertEqual(['network_1'], stacks.names())

    def test_heat_refuses_a_caller_without_token(self) -> None:
        heat = self.useFixture(shared.HeatWithKeystoneFixture())
        answer = requests.get(f'{heat.server.endpoint}/a/stacks', timeout=60)
        self.assertEqual(401, answer.status_code)

    def test_wrong_password_gives_no_token(self) -> None:
        keystone = self.useFixture(shared.KeystoneFixture())
        session = keystone.server.session(
            keystone.username, 'wrong', keystone.project
        )
        self.assertRaisesRegex(Exception, '401', session.get_token)
