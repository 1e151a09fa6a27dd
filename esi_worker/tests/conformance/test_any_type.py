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

"""Every recorded type works through its templates in etcd, without code.

Not only those that were recorded at work: each type that the schemas let
work is planned with the default driver, for every template that it may
choose, in a world where all that it refers to exists.
"""

from __future__ import annotations

import itertools
from typing import Any

from esi_worker.drivers import DriverSet
from esi_worker.model import Config, Resource, ResourceRef
from esi_worker.tests.conformance import traces
from esi_worker.tests.conformance.test_shipped import Anything, Everywhere

TEMPLATES = traces.TEMPLATES_2019
#: What the choices of the schemas look at.
KINDS = ('aws', 'azure', 'gcp', 'interdc', 'internet', 'vpn')
AGES = ('new', 'existing')
#: A choice of the schemas whose mapping asks for fields that the type
#: does not have, and one without a template: both are known faults.
FAULTY = {'local_subnet'}
MISSING = {'static_route_'}


class AnyTypeTest(traces.TracesTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.need(traces.SCHEMAS, TEMPLATES)
        self.run_ = self.folder.run(TEMPLATES)
        self.catalog = self.run_.catalog
        #: No class of ours takes part.
        self.drivers = DriverSet(self.catalog)

    def test_each_type_is_planned_with_each_of_its_templates(self) -> None:
        planned = set()
        for type_ in self.catalog.types:
            if type_.name in FAULTY:
                continue
            for kind, age in itertools.product(KINDS, AGES):
                part = self.part(type_, kind, age)
                if part is not None:
                    planned.add(part.template_id)
                    self.assertEqual(
                        set(self.mapped(part.template_id)),
                        {param.name for param in part.params},
                    )
        recorded = {
            template.id
            for template in self.catalog.templates()
            if template.source.startswith('/config/')
        }
        # The rest is never chosen by the schemas.
        self.assertEqual(set(), planned - recorded)
        self.assertEqual(
            {'common_function', 'local_subnet'},
            {
                name
                for name in recorded - planned
                if not name.startswith('qos_option_')
            },
        )

    def mapped(self, template_id: str) -> Any:
        return self.catalog.get(template_id).mappings.expressions

    def part(self, type_: Any, kind: str, age: str) -> Any:
        """What the one handler has to do for a resource, if anything."""
        body = Anything(
            'it',
            id='it',
            service_type=kind,
            existing=age,
            device_owner='',
            fixed_ips=[{'subnet_id': 'a'}],
            port_ids=['p'],
            common_functions=[{'common_function_id': 'c'}],
            **{field: {} for field in ('primary', 'secondary')},
        )
        choice = self.catalog.choice('heat_worker', type_.name)
        if choice is None:
            return None
        resource = Resource(type_, 'it', Config(body, 7))
        parts = self.drivers.plan(resource, World()).parts
        return parts[0] if parts else None


class World(Everywhere):
    """Lists stand where mappings go through them."""

    def body(self, ref: ResourceRef) -> Anything:
        return Anything(str(ref), vrrp_config=[{'vrid': 41}])
