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
from esi_worker.templates import Template
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
    'jinja_fixed_ips': [{'subnet_id': 's', 'ip_address': '10.0.0.3'}],
    'jinja_port_ids': ['p'],
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


class ShippedSetTest(DriversTest):
    """Every template of the shipped set."""

    def test_what_they_take_and_give(self) -> None:
        expected = yaml.safe_load((HERE / 'shipped_set.yaml').read_text())
        found = {
            template.id: {
                'minutes': minutes(template),
                'parameters': sorted(document['parameters']),
                'outputs': sorted(document.get('outputs', ())),
            }
            for template, document in self._documents()
        }
        self.assertEqual(expected, found)

    def test_what_is_mapped_is_declared(self) -> None:
        for template, document in self._documents():
            declared = document['parameters']
            sent = set(parameters(template)) - {'heat_timeout'}
            self.assertEqual(set(), sent - declared.keys(), template.id)
            for name in declared.keys() - sent:
                self.assertIn('default', declared[name], template.id)

    def test_what_a_text_reads_is_mapped(self) -> None:
        environment = jinja2.Environment()
        for template in self.catalog.templates():
            read = meta.find_undeclared_variables(
                environment.parse(template.text)
            )
            mapped = template.mappings.expressions.keys()
            self.assertEqual(set(), read - mapped, template.id)

    def test_types_without_work_have_no_template(self) -> None:
        for name in WITHOUT_WORK:
            self.assertIn(name, self.catalog.types)
            self.assertIsNone(self.catalog.choice('heat_worker', name))

    def test_every_relation_leads_to_a_known_type(self) -> None:
        for type_ in self.catalog.types:
            for target in type_.relations.values():
                self.assertIn(target, self.catalog.types, type_.name)

    def _documents(self) -> Iterator[tuple[Template, Any]]:
        for template in self.catalog.templates():
            if template.handler == 'heat_worker':
                text = self.catalog.render(template.id, VARIABLES)
                yield template, yaml.safe_load(text)


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
