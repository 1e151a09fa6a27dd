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

"""The set of templates for Neutron and Octavia.

The service, Heat and its own types ``OS::Neutron::*`` and
``OS::Octavia::*`` are real; only the two services behind them are
stand-ins, which keep what they are sent.
"""

from __future__ import annotations

from typing import Any, ClassVar
import uuid

from esi_worker.embedded import fixtures, identity
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional.network_services import NetworkServices

RULE = {
    'direction': 'ingress',
    'protocol': 'tcp',
    'port_range_min': 80,
    'port_range_max': 80,
    'remote_ip_prefix': '10.0.0.0/8',
}
LISTENER = {
    'protocol': 'HTTP',
    'protocol_port': 80,
    'pool': {
        'members': [
            {'address': '10.0.0.3', 'protocol_port': 8080},
            {'address': '10.0.0.4', 'protocol_port': 8080, 'weight': 0},
        ],
        'monitor': {'type': 'HTTP', 'url_path': '/alive'},
    },
}


class NeutronSetTest(support.ServiceTestCase):
    network: ClassVar[NetworkServices]
    tenant: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.network = NetworkServices()
        cls.addClassCleanup(cls.network.close)
        heat = fixtures.HeatWithKeystoneFixture()
        heat.setUp()
        cls.addClassCleanup(heat.cleanUp)
        keystone = heat.keystone
        admin = keystone.server.identity()
        for kind, name in (
            ('network', 'neutron'),
            ('load-balancer', 'octavia'),
        ):
            admin.service(kind, name, f'{cls.network.url}/{kind}')
        cls.tenant = admin.project(fixtures.unique('tenant'))
        for role in ('admin', 'member', 'heat_stack_user'):
            admin.grant(keystone.user_id, cls.tenant, admin.role(role))
        cls.enterClassContext(
            cls.make(
                'service',
                resources={'template_set': 'neutron'},
                heat={
                    'auth_type': 'password',
                    'auth_url': keystone.auth_url,
                    'username': keystone.username,
                    'password': keystone.password,
                    'user_domain_id': identity.DOMAIN,
                    'endpoint_override': (
                        f'{heat.server.endpoint}/%(project_id)s'
                    ),
                    'poll_interval': 0.1,
                    'poll_interval_max': 0.5,
                },
            )
        )

    def setUp(self) -> None:
        super().setUp()
        self.net, self.sub, self.group, self.port, self.lb = (
            str(uuid.uuid4()) for _ in range(5)
        )

    def write(
        self,
        plural: str,
        id_: str,
        version: int = 1,
        *,
        marked: bool = False,
        **body: Any,
    ) -> None:
        body = {'id': id_, 'tenant_id': self.tenant, **body}
        self.etcd.put(
            f'/config/v2.0/{plural}/{id_}',
            support.config(body, version, marked=marked),
        )

    def write_balancer(self, version: int, *listeners: Any) -> None:
        self.write(
            'load_balancers',
            self.lb,
            version,
            name='web',
            vip_subnet_id=self.sub,
            listeners=listeners,
        )

    def write_all(self) -> None:
        self.write('networks', self.net, name='a network')
        self.write(
            'subnets',
            self.sub,
            network_id=self.net,
            cidr='10.0.0.0/24',
            gateway_ip='10.0.0.1',
            allocation_pools=[{'start': '10.0.0.3', 'end': '10.0.0.9'}],
            dns_nameservers=['10.0.0.2'],
        )
        self.write('security-groups', self.group, rules=[RULE])
        self.write(
            'ports',
            self.port,
            network_id=self.net,
            fixed_ips=[{'subnet_id': self.sub, 'ip_address': '10.0.0.3'}],
            security_groups=[self.group],
            mac_address='fa:16:3e:84:84:13',
        )
        self.write_balancer(
            1, LISTENER, {'protocol': 'TCP', 'protocol_port': 22}
        )

    def await_done(self, path: str, version: int = 1) -> None:
        value = self.history.state(path, version).json
        self.assertEqual('', value['error'])

    def one(self, kind: str) -> dict[str, Any]:
        (item,) = self.network.all(kind)
        return item

    def test_everything_is_made_changed_and_taken_away(self) -> None:
        self.write_all()
        self.await_done(f'ports/{self.port}')
        self.await_done(f'load_balancers/{self.lb}')
        self._check_network()
        self._check_balancer()

        self.write_balancer(2, LISTENER)
        self.await_done(f'load_balancers/{self.lb}', 2)
        self.assertEqual('HTTP', self.one('listener')['protocol'])

        for plural, id_, version in (
            ('load_balancers', self.lb, 3),
            ('ports', self.port, 2),
            ('security-groups', self.group, 2),
            ('subnets', self.sub, 2),
            ('networks', self.net, 2),
        ):
            self.write(plural, id_, version, marked=True)
        self.await_done(f'networks/{self.net}', 2)
        self.await_done(f'security-groups/{self.group}', 2)
        left = {kind: len(ids) for kind, ids in self.network.items.items()}
        self.assertEqual(dict.fromkeys(left, 0), left)

    def _check_network(self) -> None:
        network, subnet = self.one('network'), self.one('subnet')
        group, port = self.one('security_group'), self.one('port')
        self.assertEqual('a network', network['name'])
        self.assertEqual(
            (network['id'], 4, '10.0.0.1', self.sub),
            (
                subnet['network_id'],
                subnet['ip_version'],
                subnet['gateway_ip'],
                subnet['name'],
            ),
        )
        (rule,) = group['security_group_rules']
        # Heat sends the numbers of a rule as strings.
        self.assertEqual(
            {name: str(value) for name, value in RULE.items()},
            {name: rule[name] for name in RULE},
        )
        self.assertEqual(
            [{'subnet_id': subnet['id'], 'ip_address': '10.0.0.3'}],
            port['fixed_ips'],
        )
        self.assertEqual([group['id']], port['security_groups'])
        self.assertEqual('fa:16:3e:84:84:13', port['mac_address'])

    def _check_balancer(self) -> None:
        balancer, pool = self.one('loadbalancer'), self.one('pool')
        self.assertEqual(
            (self.one('subnet')['id'], 'web'),
            (balancer['vip_subnet_id'], balancer['name']),
        )
        self.assertEqual(
            {('HTTP', 80), ('TCP', 22)},
            {
                (item['protocol'], item['protocol_port'])
                for item in self.network.all('listener')
            },
        )
        self.assertEqual(
            {('10.0.0.3', 1), ('10.0.0.4', 0)},
            {
                (item['address'], item['weight'])
                for item in self.network.all('member')
            },
        )
        self.assertEqual('ROUND_ROBIN', pool['lb_algorithm'])
        self.assertEqual('/alive', self.one('healthmonitor')['url_path'])
