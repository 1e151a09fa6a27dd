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

from typing import Any

from esi_worker import drivers, exceptions
from esi_worker.model import (
    Job,
    ResourceRef,
)
from esi_worker.tests.unit.drivers.support import (
    NETWORK,
    SUBNET,
    DriversTest,
    Everything,
    Nothing,
)
from esi_worker.tests.unit.model import seed


class PortTest(DriversTest):
    def test_the_recorded_job_is_made_exactly(self) -> None:
        recorded = Job.decode(seed.JOB, seed.text(seed.JOB))
        now = self.drivers.plan(self.port(), Everything())
        before = self.drivers.plan(
            self.port(attached=False), Everything(), lenient=True
        )

        params = drivers.with_previous(
            now.parts[0].params, before.parts[0].params
        )

        self.assertEqual(['heat_worker'], [part.handler for part in now.parts])
        self.assertEqual('port', now.parts[0].template_id)
        self.assertEqual(
            {param.name: param.to_json() for param in recorded.params},
            {param.name: param.to_json() for param in params},
        )

    def test_it_needs_its_network_and_its_subnet(self) -> None:
        plan = self.drivers.plan(self.port(), Everything())
        self.assertEqual({NETWORK, SUBNET}, plan.refs)
        self.assertEqual({NETWORK, SUBNET}, plan.needs)

    def test_a_missing_network_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.MissingReference,
            self.drivers.plan,
            self.port(fixed_ips=[]),
            Nothing(),
        )
        assert isinstance(error, exceptions.MissingReference)
        self.assertEqual(
            NETWORK, ResourceRef(error.resource_type, error.resource_id)
        )

    def test_a_deletion_is_planned_without_its_network(self) -> None:
        plan = self.drivers.plan(self.port(), Nothing(), lenient=True)
        self.assertEqual({NETWORK, SUBNET}, plan.refs)

    def test_a_port_of_the_controller_makes_no_job(self) -> None:
        for owner in ('network:dhcp', 'network:empty'):
            port = self.port(device_owner=owner, fixed_ips='?')
            self.assertFalse(self.drivers.workable(port))
            self.assertEqual((), self.drivers.plan(port, Nothing()).parts)
        workable = ('', None, 'compute:nova', 'x:network:dhcp')
        for other in workable:
            port = self.port(device_owner=other)
            self.assertTrue(self.drivers.workable(port))

    def test_a_gateways_port_waits_for_the_gateway(self) -> None:
        gateway = ResourceRef(
            'gw_interface', str(self.config.body['device_id'])
        )
        port = self.port(device_owner='network:gw_interface')
        plan = self.drivers.plan(port, Everything())
        self.assertIn(gateway, plan.refs)
        self.assertNotIn(gateway, plan.needs)

    def test_addresses_are_checked_before_a_job_exists(self) -> None:
        good: list[Any] = [None, [], [{'subnet_id': 's', 'ip_address': ''}]]
        good.append([{'subnet_id': 's', 'ip_address': 'fe80::1', 'x': 1}])
        for fixed_ips in good:
            self.drivers.plan(self.port(fixed_ips=fixed_ips), Everything())
        bad: dict[str, Any] = {
            'fixed_ips': 'x',
            'fixed_ips[0]': ['x'],
            'fixed_ips[0].subnet_id': [{}],
            'fixed_ips[1].subnet_id': [
                {'subnet_id': 's'},
                {'subnet_id': 's\n  x: y'},
            ],
            'fixed_ips[0].ip_address': [
                {'subnet_id': 's', 'ip_address': '1.2.3'}
            ],
        }
        for place, fixed_ips in bad.items():
            error = self.assertRaises(
                exceptions.MappingError,
                self.drivers.plan,
                self.port(fixed_ips=fixed_ips),
                Everything(),
            )
            self.assertIn(f'the field "{place}"', str(error))
            self.assertIn('port:23464cbc', str(error))

    def test_a_deletion_does_not_check_addresses(self) -> None:
        port = self.port(fixed_ips='x')
        plan = self.drivers.plan(port, Everything(), lenient=True)
        self.assertEqual(1, len(plan.parts))
