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

"""The mapping language: each example gives what the page says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
from typing import Any

import fixtures
import yaml

from esi_worker import testing
from esi_worker.model import ResourceRef
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout

TEXT = """\
heat_template_version: 2013-05-23
parameters: {parameters}
outputs: {{id: {{value: this}}}}
"""


NEIGHBOUR = TEXT.format(parameters='{}')


class TypeFolder:
    """A folder of resource types that a test makes."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def add(self, declared: Mapping[str, Any], text: str) -> None:
        """Add a type as its ``driver.yaml`` declares it."""
        folder = self.path / declared['type']
        folder.mkdir()
        (folder / 'driver.yaml').write_text(yaml.safe_dump(dict(declared)))
        (folder / 'heat.yaml.j2').write_text(text)

    def neighbour(self, name: str, text: str = NEIGHBOUR, **more: Any) -> None:
        """Add a type whose stack gives the output ``id``."""
        template = {'handler': 'heat_worker', 'file': 'heat.yaml.j2'}
        self.add(
            {
                'type': name,
                'plural': f'{name}s',
                'prefix': f'/v2.0/{name}s',
                'choices': {'heat_worker': f'C{name}'},
                'templates': {name: template},
                **more,
            },
            text,
        )

    def scene(
        self, type_: str, body: Mapping[str, Any], version: int = 1
    ) -> testing.Scene:
        return testing.Scene(type_, body, version, folders=[self.path])


def text_with(parameters: Iterable[str], **types: str) -> str:
    """A Heat template that takes parameters, strings but for ``types``."""
    declared = {
        name: {'type': types.get(name, 'string')}
        for name in parameters
        if not name.startswith('jinja_') and name != 'heat_timeout'
    }
    return TEXT.format(parameters=json.dumps(declared))


class MappingTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = TypeFolder(self.useFixture(fixtures.TempDir()).path)

    @blocks.uses(
        'mapping.rst', 'type: gateway', 'gateway:\n  id: g', '{"limit": 13'
    )
    def test_the_object_forms(
        self, driver: str, resources: str, expected: str
    ) -> None:
        declared = yaml.safe_load(driver)
        (template,) = declared['templates'].values()
        text = text_with(
            template['parameters'],
            limit='number',
            version='number',
            subnets='comma_delimited_list',
        )
        self.folder.add(declared, text)
        for name, relations in (
            ('downlink', {'router_id': 'router'}),
            ('router', {}),
            ('subnet', {}),
        ):
            self.folder.neighbour(name, relations=relations)
        given = yaml.safe_load(resources)
        scene = self.folder.scene('gateway', given['gateway'], 7)
        scene.add('downlink', given['downlink'])
        scene.add('router', given['router'])
        for subnet in given['subnets']:
            scene.add('subnet', subnet)
        scene.give('router', given['router']['id'], id='r-uuid')

        self.assertEqual(json.loads(expected), scene.values())
        self.assertEqual([], scene.lint())
        # A missing target of ignore_missing is no reference.
        self.assertEqual(
            {'downlink:d', 'router:r', 'subnet:s1', 'subnet:s2'},
            {str(ref) for ref in scene.references()},
        )

    @blocks.uses('mapping.rst', 'relations:')
    def test_relations(self, text: str) -> None:
        declared = yaml.safe_load(text)
        targets = set(declared['relations'].values())
        for name in targets:
            self.folder.neighbour(name)
        template = {
            'handler': 'heat_worker',
            'file': 'heat.yaml.j2',
            'depends_on': list(declared['relations']),
        }
        self.folder.neighbour(
            'thing', **declared, templates={'thing': template}
        )
        body = {
            'id': 't',
            'network_id': 'n',
            'uplink': {'id': 'u'},
            'port_ids': ['p1', 'p2'],
            'networks': [{'port': 'p3'}],
        }
        scene = self.folder.scene('thing', body)
        scene.add('network', {'id': 'n'})
        scene.add('ha_interface', {'id': 'u'})
        for port in ('p1', 'p2', 'p3'):
            scene.add('port', {'id': port})

        self.assertEqual(
            {'network:n', 'ha_interface:u', 'port:p1', 'port:p2', 'port:p3'},
            {str(ref) for ref in scene.references()},
        )
        self.assertEqual([], scene.lint())

    @blocks.uses('mapping.rst', 'templates:\n  load_balancer:')
    def test_references_without_a_parameter(self, text: str) -> None:
        declared = {
            'type': 'load_balancer',
            'plural': 'load_balancers',
            'prefix': '/v2.0/load_balancers',
            'relations': {
                'load_balancer_conf_id': 'load_balancer_conf',
                'vnf_instance_id': 'vnf_instance',
                'networks[].port': 'port',
            },
            'choices': {'heat_worker': 'Cload_balancer'},
            **yaml.safe_load(text),
        }
        self.folder.add(declared, text_with(['name']))
        body = {
            'id': 'l',
            'load_balancer_conf_id': 'c',
            'vnf_instance_id': 'v',
            'device_id': 'missing',
            'networks': [{'port': 'p1'}, {'port': 'p2'}],
        }
        scene = self.folder.scene('load_balancer', body)
        scene.add('load_balancer_conf', {'id': 'c'})
        scene.add('vnf_instance', {'id': 'v', 'vnf_plan_id': 'plan'})
        scene.add('vnf_plan', {'id': 'plan'})
        scene.add('port', {'id': 'p1'})
        scene.add('port', {'id': 'p2'})

        plan = scene.plan()
        ports = {ResourceRef('port', 'p1'), ResourceRef('port', 'p2')}
        self.assertEqual(ports, plan.after)
        # Of what it depends on nothing is kept from its deletion.
        self.assertEqual(ports, plan.needs)
        self.assertEqual(
            {
                *('load_balancer_conf:c', 'vnf_instance:v', 'vnf_plan:plan'),
                'gw_interface:missing',
            },
            {str(ref) for ref in plan.refs},
        )
        self.assertIsNone(scene.params()['jinja_depends_on'].value)


class ListenersTest(checkout.CheckoutTest):
    @blocks.uses('templates.rst', '[{"protocol": "HTTP"')
    def test_listeners_become_parts_of_the_stack(self, text: str) -> None:
        scene = testing.Scene(
            'load_balancer',
            {
                'id': 'l',
                'tenant_id': 't',
                'vip_subnet_id': 's',
                'listeners': json.loads(text),
            },
            folders=[checkout.ROOT / 'templates' / 'neutron'],
        )
        scene.add('subnet', {'id': 's'})
        scene.give('subnet', 's', id='subnet-uuid')

        made = yaml.safe_load(scene.text())['resources'].values()
        self.assertEqual(
            {
                'LoadBalancer',
                'Listener',
                'Pool',
                'PoolMember',
                'HealthMonitor',
            },
            {each['type'].rpartition('::')[2] for each in made},
        )
