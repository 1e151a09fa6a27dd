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

import yaml

from esi_worker.model import (
    Resource,
    StackRecord,
)
from esi_worker.tests.unit.drivers.support import (
    DriversTest,
    Everything,
)
from esi_worker.tests.unit.model import seed


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

    def test_a_network_and_a_subnet_are_complete(self) -> None:
        outputs = {
            'network': {'id', 'name', 'fq_name', 'route_targets'},
            'subnet': {
                'id',
                'name',
                'network_id',
                'ip_prefix',
                'default_gateway',
                'ipam',
            },
        }
        for type_, expected in outputs.items():
            body = {'id': 'x', 'network_id': 'n'}
            document, sent = self._rendered(self.resource(type_, body))
            self.assertEqual(expected, set(document['outputs']))
            for name in document['parameters'].keys() - sent:
                self.assertIn('default', document['parameters'][name])
            self.assertEqual(set(), sent - document['parameters'].keys())
