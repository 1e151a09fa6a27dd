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

"""What code adds to mappings: checks, values, an order of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from oslo_config import cfg

from esi_worker import exceptions
from esi_worker.drivers import CheckedDriver, DriverSet, checking
from esi_worker.model import Resource, ResourceRef
from esi_worker.tests.unit.drivers.support import (
    NETWORK,
    DriversTest,
    Everything,
    Nothing,
)

FIRST = ResourceRef('quota', 'q')


class Subnets(CheckedDriver):
    """Somebody's driver."""

    def check(self, resource: Resource) -> None:
        checking.integer(resource, 'size', resource.body.get('size'), 1, 9)

    def compute(
        self, resource: Resource, values: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return {'ipam': f'of {values["name"]}', 'network_id': 1, 'x': 2}

    def after(self, resource: Resource) -> Iterable[ResourceRef]:
        checking.integer(resource, 'size', resource.body.get('size'), 1)
        return [FIRST]


class CheckedDriverTest(DriversTest):
    def setUp(self) -> None:
        super().setUp()
        self.drivers = DriverSet(self.catalog, {'subnet': Subnets})

    def subnet(self, size: Any = 1) -> Resource:
        body = {'id': 's', 'network_id': NETWORK.id, 'size': size}
        return self.resource('subnet', body)

    def test_computed_values_take_the_place_of_mapped_ones(self) -> None:
        (part,) = self.drivers.plan(self.subnet(), Everything()).parts
        values = {param.name: param.value for param in part.params}
        self.assertEqual('of s', values['ipam'])
        self.assertNotIn('x', values)
        # What is known only when the job runs cannot be computed.
        self.assertEqual('id', values['network_id']['output_key'])

    def test_what_comes_first_is_needed_in_one_direction(self) -> None:
        plan = self.drivers.plan(self.subnet(), Everything())
        self.assertEqual({FIRST}, plan.after)
        self.assertEqual({NETWORK}, plan.refs)
        self.assertEqual({NETWORK, FIRST}, plan.needs)
        self.assertEqual({NETWORK, FIRST}, plan.held_by)

    def test_what_comes_first_has_to_exist(self) -> None:
        class Networks:
            def body(self, ref: ResourceRef) -> Any:
                return {'id': ref.id} if ref == NETWORK else None

        error = self.assertRaises(
            exceptions.MissingReference,
            self.drivers.plan,
            self.subnet(),
            Networks(),
        )
        self.assertEqual('subnet:s needs quota:q', str(error)[:22])

    def test_a_check_names_resource_field_and_fix(self) -> None:
        error = self.assertRaises(
            exceptions.InvalidResource,
            self.drivers.plan,
            self.subnet(size=10),
            Everything(),
        )
        self.assertEqual(
            'subnet:s: the field "size" must be a whole number from 1 to 9',
            str(error),
        )

    def test_a_deletion_is_neither_checked_nor_computed(self) -> None:
        (part,) = self.drivers.plan(
            self.subnet(size='?'), Nothing(), lenient=True
        ).parts
        values = {param.name: param.value for param in part.params}
        self.assertNotEqual('of s', values['ipam'])
        self.assertEqual(frozenset(), part.after)

    def test_a_lenient_plan_knows_what_is_needed(self) -> None:
        plan = self.drivers.plan(self.subnet(), Nothing(), lenient=True)
        self.assertEqual({FIRST, NETWORK}, plan.needs)


class WithOptions(CheckedDriver):
    @classmethod
    def options(cls) -> Any:
        return (('my_driver', [cfg.IntOpt('size', default=3)]),)


class OptionsTest(DriversTest):
    def test_a_driver_sees_its_options(self) -> None:
        conf = cfg.ConfigOpts()
        drivers = DriverSet(self.catalog, {'subnet': WithOptions}, conf)
        driver = drivers.driver('subnet')
        self.assertEqual(3, driver.conf.my_driver.size)
