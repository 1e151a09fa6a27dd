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

from collections.abc import Iterator
import pathlib
from typing import Any

import jinja2
from jinja2 import meta
import yaml

from esi_worker.mapping.expressions import Constant
from esi_worker.model import (
    Resource,
    StackRecord,
)
from esi_worker.templates import Template, options
from esi_worker.tests.unit.drivers.support import (
    DriversTest,
    Everything,
)
from esi_worker.tests.unit.model import seed

HERE = pathlib.Path(__file__).parent
#: Renders every optional part.
VARIABLES = {
    'jinja_attached': True,
    'jinja_device_owner': 'compute:nova',
    'jinja_cidr': '10.0.0.0/24',
    'jinja_fixed_ips': [{'subnet_id': 's', 'ip_address': '10.0.0.3'}],
    'jinja_named_security_groups': ['g'],
    'jinja_port_ids': ['p'],
    'jinja_security_groups': ['backend'],
    'jinja_slot_number': 1,
    'jinja_subnets': ['backend'],
}
WITHOUT_WORK = (
    'firewall_plan',
    'ha_interface',
    'ha_router',
    'load_balancer_plan',
    'location',
    'physical_port',
    'quota',
    'reserve_address',
    'security_group',
    'tenant',
    'vnf_interface',
    'vnf_plan',
    'vnf_template',
)


class ShippedTemplatesTest(DriversTest):
    def _rendered(self, resource: Resource) -> tuple[Any, set[str]]:
        (part,) = self.drivers.plan(resource, Everything()).parts
        jinja = {
            param.name: param.value
            for param in part.params
            if param.name.startswith('jinja_')
        }
        subnets = jinja.get('jinja_subnets') or ()
        if subnets:
            jinja['jinja_subnets'] = [item.value for item in subnets]
        text = self.catalog.render(part.template_id, jinja)
        sent = {param.name for param in part.params} - jinja.keys()
        return yaml.safe_load(text), sent - {'heat_timeout'}

    def test_a_port_has_the_recorded_outputs(self) -> None:
        document, sent = self._rendered(self.port())

        stack = StackRecord.decode(seed.STACK, seed.text(seed.STACK))
        self.assertEqual(
            {item['output_key']: item['description'] for item in stack.output},
            {
                name: output['description']
                for name, output in document['outputs'].items()
            },
        )
        self.assertEqual(set(document['parameters']), sent)
        monitor = document['resources']['vmi_monitor']['properties']
        self.assertEqual('vmi', monitor['field_name'])
        self.assertIn('instance_ip_0', document['resources'])

    def test_only_an_attached_port_is_monitored(self) -> None:
        for changes in ({'attached': False}, {'device_owner': ''}):
            document, _ = self._rendered(self.port(**changes))
            self.assertNotIn('vmi_monitor', document['resources'])
            self.assertNotIn('monitoring_link', document['outputs'])


class ShippedSet:
    """Every template of a shipped set."""

    listed: str

    def test_what_they_take_and_give(self: Any) -> None:
        expected = yaml.safe_load((HERE / self.listed).read_text())
        found = {
            template.id: {
                'minutes': minutes(template),
                'parameters': sorted(document['parameters']),
                'outputs': sorted(document.get('outputs', ())),
            }
            for template, document in self._documents()
        }
        self.assertEqual(expected, found)

    def test_what_is_mapped_is_declared(self: Any) -> None:
        for template, document in self._documents():
            declared = document['parameters']
            sent = set(parameters(template)) - {'heat_timeout'}
            self.assertEqual(set(), sent - declared.keys(), template.id)
            for name in declared.keys() - sent:
                self.assertIn('default', declared[name], template.id)

    def test_what_a_text_reads_is_mapped(self: Any) -> None:
        environment = jinja2.Environment()
        for template in self.catalog.templates():
            read = meta.find_undeclared_variables(
                environment.parse(template.text)
            )
            mapped = template.mappings.expressions.keys()
            self.assertEqual(set(), read - mapped, template.id)

    def test_every_relation_leads_to_a_known_type(self: Any) -> None:
        # Those of types that sites bring templates for may lead further.
        for type_ in self.catalog.types:
            if self.catalog.choice('heat_worker', type_.name) is None:
                continue
            relations = {**type_.relations, **type_.nested}
            for target in relations.values():
                self.assertIn(target, self.catalog.types, type_.name)

    def _documents(self: Any) -> Iterator[tuple[Template, Any]]:
        for template in self.catalog.templates():
            if template.handler == 'heat_worker':
                text = self.catalog.render(template.id, VARIABLES)
                yield template, yaml.safe_load(text)


class ContrailSetTest(ShippedSet, DriversTest):
    listed = 'shipped_set.yaml'

    def test_types_without_work_have_no_template(self) -> None:
        for name in WITHOUT_WORK:
            self.assertIn(name, self.catalog.types)
            self.assertIsNone(self.catalog.choice('heat_worker', name))


class NeutronSetTest(ShippedSet, DriversTest):
    listed = 'neutron_set.yaml'
    template_set = options.NEUTRON

    def test_types_are_at_the_same_place_in_both_sets(self) -> None:
        other = ContrailSetTest()
        other.setUp()
        self.addCleanup(other.doCleanups)
        for type_ in self.catalog.types:
            same = other.catalog.types.get(type_.name)
            assert same is not None
            self.assertEqual(
                (same.prefix, same.plural), (type_.prefix, type_.plural)
            )

    def test_a_gateway_may_be_given_left_out_or_left_to_neutron(self) -> None:
        cases: dict[Any, Any] = {
            '10.0.0.1': '10.0.0.1',
            '': '',
            '0.0.0.0': '',
            None: None,
        }
        for given, expected in cases.items():
            variables = {'jinja_cidr': 'x', 'jinja_gateway_ip': given}
            text = self.catalog.render('subnet', variables)
            properties = yaml.safe_load(text)['resources']['subnet']
            self.assertEqual(
                expected, properties['properties'].get('gateway_ip')
            )

    def test_security_groups_may_be_left_to_neutron(self) -> None:
        cases: list[tuple[Any, Any]] = [(None, None), ([], [])]
        for named, expected in cases:
            variables: dict[str, Any] = {
                'jinja_named_security_groups': named,
                'jinja_security_groups': [],
            }
            text = self.catalog.render('port', variables)
            properties = yaml.safe_load(text)['resources']['port']
            self.assertEqual(
                expected, properties['properties'].get('security_groups')
            )

    def test_values_cannot_change_the_text(self) -> None:
        name = 'x"\n      vip_address: 1.2.3.4 \u00e9 <&>'
        listener = {
            'protocol': 'TCP',
            'protocol_port': 1,
            'name': name,
            'key': 'TCP_1',
            'connection_limit': -1,
        }
        text = self.catalog.render(
            'load_balancer', {'jinja_listeners': [listener]}
        )
        resources = yaml.safe_load(text)['resources']
        self.assertEqual(
            name, resources['listener_TCP_1']['properties']['name']
        )


def minutes(template: Template) -> int:
    timeout = template.mappings.expressions['heat_timeout']
    assert isinstance(timeout, Constant)
    return int(timeout.value)


def parameters(template: Template) -> list[str]:
    """What is sent to Heat."""
    return [
        name
        for name in template.mappings.expressions
        if not name.startswith('jinja_')
    ]
