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

"""A type of which nothing is shipped, from etcd to Heat and back.

The REST server's schemas make the types known, its template in etcd does
the rest: a public address that three references lead to the routers of.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar
import uuid

from esi_worker.embedded import fixtures
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional import service_support as support

PATH = (
    'internet_gateway+internet_gw_id:ha_interface+downlink_interface_id:'
    'ha_router+ha_router_id'
)
TEXT = """heat_template_version: 2013-05-23
parameters:
  address: {type: string}
  prefixes: {type: string}
  primary: {type: string}
  secondary: {type: string}
resources:
{% for device in ["primary", "secondary"] %}
  netconf_{{ device }}:
    type: OS::Contrail::NetconfNamedConfigs
    properties:
      device_ip: { get_param: {{ device }} }
      configs: [{ config: "", path: [{ get_param: prefixes }] }]
{% endfor %}
outputs:
  comment: { value: "{{ jinja_comment }}" }
  address: { value: { get_param: address } }
"""
PROPERTIES: dict[str, dict[str, Any]] = {
    'public_ip': {
        'cidr': {},
        'name': {},
        'internet_gw_id': {'relation': 'internet_gateway'},
    },
    'internet_gateway': {
        'vrf_name': {},
        'downlink_interface_id': {'relation': 'ha_interface'},
    },
}


def template() -> dict[str, Any]:
    """The template as the REST server writes it."""
    mappings: dict[str, Any] = {
        which: f'F{PATH}:{which}_ip' for which in ('primary', 'secondary')
    }
    return {
        'id': 'public_ip',
        'handler': 'heat_worker',
        'watch': [],
        'template_file': TEXT,
        'parameter_mappings': {
            **mappings,
            'address': 'Pcidr',
            'prefixes': 'AFinternet_gateway+internet_gw_id:vrf_name&C_prefix',
            'heat_timeout': 'C60',
            'jinja_comment': {'field': 'name'},
        },
    }


def schemas() -> dict[str, Any]:
    """The part of the REST server's schemas that matters here."""
    return {
        'schemas': [
            {
                'id': name,
                'plural': f'{name}s',
                'prefix': f'/v2.0/{name}s',
                'metadata': (
                    {'template_path': 'Cpublic_ip'}
                    if name == 'public_ip'
                    else {}
                ),
                'schema': {'properties': properties},
            }
            for name, properties in PROPERTIES.items()
        ]
    }


class AnyTypeTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        source = cls.folder / 'schemas.json'
        source.write_text(json.dumps(schemas()))
        cls.enterClassContext(
            cls.make(
                'service',
                'all',
                cls.heat.server.endpoint,
                heat={'poll_interval': 0.1, 'poll_interval_max': 0.5},
                resources={'schemas': source},
            )
        )

    def setUp(self) -> None:
        super().setUp()
        self.stacks = embedded_support.Stacks(self.heat.session())
        self.address = str(uuid.uuid4())

    def write(self, path: str, version: int = 1, **body: Any) -> None:
        body = {'tenant_id': self.heat.tenant, **body}
        self.etcd.put(
            f'/config/v2.0/{path}',
            support.config({'id': path.rpartition('/')[2], **body}, version),
        )

    def write_all(self) -> None:
        """The address first, so that it has to wait for everything."""
        self.write(
            f'public_ips/{self.address}',
            internet_gw_id='g',
            cidr='192.0.2.0',
            name='an address',
        )
        self.write(
            'internet_gateways/g', downlink_interface_id='i', vrf_name='v'
        )
        self.write('ha_interfaces/i', ha_router_id='r')
        self.write(
            'ha_routers/r', primary_ip='10.0.0.1', secondary_ip='10.0.0.2'
        )
        self.etcd.put(
            '/config/v2.0/heat_templates/public_ip',
            support.config(template()),
        )

    def test_it_needs_no_code_of_ours(self) -> None:
        self.write_all()

        state = self.history.state(f'public_ips/{self.address}', 1).json

        self.assertEqual('', state['error'])
        self.assertEqual('CREATE_COMPLETED', state['state']['worker_state'])
        shown = {
            item['output_key']: item['output_value']
            for item in json.loads(state['state']['heat_outputs'])
        }
        self.assertEqual(
            {'comment': 'an address', 'address': '192.0.2.0'}, shown
        )
        self.assertEqual([f'public_ip_{self.address}'], self.stacks.names())
        job = self.history.put(
            f'/jobs/all/create:heat_worker:public_ip:{self.address}'
        )
        values = {
            param['param']: param['value'] for param in job.json[1]['params']
        }
        self.assertEqual(
            ('v_prefix', '10.0.0.1', '10.0.0.2'),
            (values['prefixes'], values['primary'], values['secondary']),
        )
