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

"""The driver classes of the shipped types."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker import exceptions
from esi_worker.drivers import (
    DriverSet,
    InterfaceDriver,
    LoadBalancerConfDriver,
    LoadBalancerDriver,
    SubnetDriver,
    VnfInstanceDriver,
)
from esi_worker.model import ResourceRef
from esi_worker.templates import options
from esi_worker.tests.unit.drivers.support import DriversTest, Everything

CLASSES: Any = {
    'firewall_interface': InterfaceDriver,
    'load_balancer': LoadBalancerDriver,
    'load_balancer_conf': LoadBalancerConfDriver,
    'load_balancer_interface': InterfaceDriver,
    'subnet': SubnetDriver,
    'vnf_instance': VnfInstanceDriver,
}
PORT = {'protocol_port': 80}
HTTP = {'protocol': 'HTTP', **PORT}


class FamiliesTest(DriversTest):
    """Resources that are refused, and such that are not."""

    def setUp(self) -> None:
        super().setUp()
        self.drivers = DriverSet(self.catalog, CLASSES)

    def plan(self, type_: str, **body: Any) -> Any:
        resource = self.resource(type_, {'id': 'it', **body})
        return self.drivers.plan(resource, Everywhere())

    def assert_good(self, type_: str, field: str, *values: Any) -> None:
        for value in values:
            self.plan(type_, **{field: value})

    def assert_refused(
        self, type_: str, place: str, reason: str = '', **body: Any
    ) -> None:
        error = self.assertRaises(
            exceptions.InvalidResource, self.plan, type_, **body
        )
        self.assertIn(f'{type_}:it: the field "{place}" {reason}', str(error))


class Everywhere(Everything):
    """Every resource has whatever references it needs."""

    def body(self, ref: ResourceRef) -> Any:
        return {
            'id': ref.id,
            'vnf_instance_id': 'v',
            'vnf_template_id': 't',
            'load_balancer_plan_id': 'p',
        }


class SubnetTest(FamiliesTest):
    def plan(self, type_: str, **body: Any) -> Any:
        return super().plan(type_, **{'network_id': 'n', **body})

    def test_addresses_have_to_lie_in_the_range(self) -> None:
        cidr = '10.0.0.0/24'
        for gateway in ('10.0.0.1', '', None, '0.0.0.0'):
            self.plan('subnet', cidr=cidr, gateway_ip=gateway)
        self.plan('subnet', cidr='fd00::/64', gateway_ip='fd00::1')
        self.assert_refused(
            'subnet',
            'gateway_ip',
            'must be an',
            cidr=cidr,
            gateway_ip='1.2.3.4',
        )
        self.assert_refused('subnet', 'cidr', cidr='10.0.0.0/33')
        good = {'start': '10.0.0.2', 'end': '10.0.0.9'}
        bad = {'start': '10.0.0.2', 'end': '10.0.1.9'}
        self.plan('subnet', cidr=cidr, allocation_pools=[good])
        self.assert_refused(
            'subnet',
            'allocation_pools[1].end',
            'must be an address in 10.0.0.0/24',
            cidr=cidr,
            allocation_pools=[good, bad],
        )


class VnfInstanceTest(FamiliesTest):
    def plan(self, type_: str, **body: Any) -> Any:
        refs = {'vnf_plan_id': 'p', 'vnf_template_id': 't'}
        return super().plan(type_, **{**refs, **body})

    def test_ports_are_ids_and_come_once(self) -> None:
        self.assert_good(
            'vnf_instance',
            'networks',
            None,
            [],
            [{'port': 'a'}, {'port': 'b'}, {'network': 'n'}],
        )
        self.assert_refused(
            'vnf_instance', 'networks', 'must be a list', networks='a'
        )
        self.assert_refused(
            'vnf_instance', 'networks[0].port', networks=[{'port': 7}]
        )
        self.assert_refused(
            'vnf_instance',
            'networks[1].port',
            'names the port of networks[0].port again',
            networks=[{'port': 'a'}, {'port': 'a'}],
        )

    def test_a_reboot_is_soft_or_hard(self) -> None:
        self.assert_good('vnf_instance', 'reboot', None, '', 'SOFT', 'HARD')
        self.assert_refused(
            'vnf_instance', 'reboot', 'must be one of', reboot='soft'
        )

    def test_it_waits_for_its_ports_only_on_request(self) -> None:
        networks = [{'port': 'a'}, {'port': 'b'}]
        ports = {ResourceRef('port', 'a'), ResourceRef('port', 'b')}
        for wanted, expected in ((False, set()), (True, ports)):
            conf = cfg.ConfigOpts()
            conf([], default_config_files=[], default_config_dirs=[])
            self.drivers = DriverSet(self.catalog, CLASSES, conf)
            conf.set_override('wait_for_ports', wanted, 'driver_vnf_instance')
            plan = self.plan('vnf_instance', networks=networks)
            self.assertEqual(expected, plan.after)
            self.assertEqual(set(), ports & plan.refs)


class LoadBalancerConfTest(FamiliesTest):
    def plan(self, type_: str, **body: Any) -> Any:
        refs = {'vnf_instance_id': 'v', 'load_balancer_plan_id': 'p'}
        return super().plan(type_, **{**refs, **body})

    def test_addresses_are_checked(self) -> None:
        good = {'ip_address': '10.0.0.3', 'cidr': '10.0.0.0/24', 'type': 'x'}
        self.assert_good(
            'load_balancer_conf', 'networks', None, [], [good, {}]
        )
        self.assert_good(
            'load_balancer_conf', 'default_gateway', None, '', '10.0.0.1'
        )
        for gateway in ('default_gateway', 'management_gateway'):
            self.assert_refused(
                'load_balancer_conf', gateway, **{gateway: '10.0.0'}
            )
        self.assert_refused(
            'load_balancer_conf',
            'networks[1].ip_address',
            'must be an address in 10.0.0.0/24',
            networks=[good, {**good, 'ip_address': '10.0.1.3'}],
        )


class InterfaceTest(FamiliesTest):
    def test_the_slot_is_a_number(self) -> None:
        for kind in ('load_balancer', 'firewall'):
            type_ = f'{kind}_interface'
            parent = {f'{kind}_id': 'x'}
            for good in (0, 7):
                self.plan(type_, slot_number=good, **parent)
            for bad in (None, '1', -1, True, 1.5):
                self.assert_refused(
                    type_, 'slot_number', slot_number=bad, **parent
                )


class LoadBalancerTest(FamiliesTest):
    template_set = options.NEUTRON

    def listeners(self, *listeners: Any) -> Any:
        plan = self.plan(
            'load_balancer', vip_subnet_id='s', listeners=list(listeners)
        )
        (value,) = [
            param.value
            for param in plan.parts[0].params
            if param.name == 'jinja_listeners'
        ]
        return value

    def test_listeners_are_completed(self) -> None:
        pool = {
            'members': [{'address': 'fd00::1', **PORT}],
            'monitor': {'delay': 9},
        }
        (listener,) = self.listeners({**HTTP, 'pool': pool, 'name': 'web'})
        self.assertEqual(
            {
                'name': 'web',
                'protocol': 'HTTP',
                'protocol_port': 80,
                'connection_limit': -1,
                'key': 'HTTP_80',
                'pool': {
                    'protocol': 'HTTP',
                    'lb_algorithm': 'ROUND_ROBIN',
                    'members': [
                        {
                            'address': 'fd00::1',
                            'protocol_port': 80,
                            'weight': 1,
                            'key': 'fd00--1_80',
                        }
                    ],
                    'monitor': {
                        'type': 'TCP',
                        'delay': 9,
                        'timeout': 5,
                        'max_retries': 3,
                    },
                },
            },
            listener,
        )

    def test_members_of_a_tls_listener_get_plain_http(self) -> None:
        secure = {'protocol': 'TERMINATED_HTTPS', 'protocol_port': 443}
        (listener,) = self.listeners({**secure, 'pool': {'members': []}})
        self.assertEqual('HTTP', listener['pool']['protocol'])

    def test_no_listeners_are_fine(self) -> None:
        self.assertEqual([], self.listeners())
        self.plan('load_balancer', vip_subnet_id='s', listeners=None)

    def test_what_octavia_would_refuse_is_named(self) -> None:
        member = {'address': '10.0.0.3', **PORT}
        cases: list[tuple[str, Any]] = [
            ('listeners[0]', ['x']),
            ('listeners[0].protocol', [PORT]),
            ('listeners[0].protocol_port', [{'protocol': 'TCP'}]),
            ('listeners[1].protocol_port', [HTTP, HTTP]),
            ('listeners[0].pool', [{**HTTP, 'pool': 'x'}]),
            (
                'listeners[0].pool.members[0].address',
                [{**HTTP, 'pool': {'members': [PORT]}}],
            ),
            (
                'listeners[0].pool.members[1]',
                [{**HTTP, 'pool': {'members': [member, member]}}],
            ),
            (
                'listeners[0].pool.monitor',
                [{**HTTP, 'pool': {'monitor': 'ping'}}],
            ),
        ]
        for place, listeners in cases:
            self.assert_refused(
                'load_balancer',
                place,
                vip_subnet_id='s',
                listeners=listeners,
            )
