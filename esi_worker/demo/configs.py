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

"""The desired states that the scenario ``port`` writes.

A network, a subnet, and a port that a server takes in three steps: it
is made, given to the server, and attached.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

TENANT = 'fe3a4a1a72c04479bb6c19c2c0ccba4c'
NETWORK = '774acf45-316f-4431-b31b-08770b76d761'
SUBNET = 'c2c9520b-026d-444a-8db9-c1cb9d71c130'
PORT = '23464cbc-d910-430a-93f7-3776ea07f992'
SERVER = '47531b14-72e9-439d-8949-fd941457ecde'


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One config as the REST server would write it."""

    title: str
    path: str
    version: int
    body: dict[str, Any]
    marked: bool = False

    @property
    def value(self) -> str:
        """The envelope, with the body as a JSON string."""
        return json.dumps(
            {
                'body': json.dumps(self.body, sort_keys=True),
                'version': self.version,
                'marked_for_deletion': self.marked,
            }
        )


def network() -> Write:
    body = {
        'id': NETWORK,
        'name': 'sample-lb-net',
        'description': 'load_balancer network',
        'tenant_id': TENANT,
        'admin_state_up': True,
        'plane': 'data',
        'shared': False,
        'subnets': [],
        'tags': {},
        'status': 'PENDING_CREATE',
        'orchestration_state': 'CREATE_IN_PROGRESS',
    }
    return Write('the network', f'v2.0/networks/{NETWORK}', 1, body)


def subnet() -> Write:
    body = {
        'id': SUBNET,
        'name': 'sample-lb-subnet',
        'description': 'load_balancer subnet',
        'tenant_id': TENANT,
        'network_id': NETWORK,
        'ip_version': 4,
        'cidr': '10.225.225.0/24',
        'gateway_ip': '10.225.225.1',
        'enable_dhcp': True,
        'dhcp_server_address': '10.225.225.2',
        'allocation_pools': [
            {'start': '10.225.225.2', 'end': '10.225.225.254'}
        ],
        'dns_nameservers': [],
        'ntp_servers': [],
        'host_routes': [],
        'tags': {},
        'status': 'PENDING_CREATE',
        'orchestration_state': 'CREATE_IN_PROGRESS',
    }
    return Write('the subnet', f'v2.0/subnets/{SUBNET}', 1, body)


def port(version: int) -> Write:
    """The port: made (1), given to the server (2), attached (3)."""
    changed: dict[str, Any] = {
        'device_owner': '',
        'device_id': '',
        'status': 'PENDING_CREATE',
        'orchestration_state': 'CREATE_IN_PROGRESS',
    }
    if version > 1:
        changed = {
            'device_owner': 'compute:nova',
            'device_id': SERVER,
            'status': 'PENDING_UPDATE',
            'orchestration_state': 'UPDATE_IN_PROGRESS',
            'ese_logical_port_id': None,
        }
    body = {
        'id': PORT,
        'name': 'load_balancer-user-port',
        'description': '',
        'tenant_id': TENANT,
        'network_id': NETWORK,
        'fixed_ips': [{'subnet_id': SUBNET, 'ip_address': '10.225.225.3'}],
        'mac_address': 'fa:16:3e:84:84:13',
        'allowed_address_pairs': [],
        'security_groups': [],
        'admin_state_up': True,
        'attached': version > 2,
        'managed_by_service': False,
        'fake_delete': True,
        'binding:vif_type': 'vrouter',
        'segmentation_id': 0,
        'segmentation_type': 'flat',
        'tags': {},
        'operational_state': 'NO_STATE',
        **changed,
    }
    what = {1: 'made', 2: 'given to a server', 3: 'attached to it'}
    return Write(
        f'the port, version {version}: {what[version]}',
        f'v2.0/ports/{PORT}',
        version,
        body,
    )
