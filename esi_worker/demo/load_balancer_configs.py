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

"""The desired states that the scenario ``load-balancer`` writes.

A load balancer is a server with three ports, its configuration, and one
interface for each port. The first port is for management; the others lie
in a network that leads nowhere until a user's network takes its place.
"""

from __future__ import annotations

import copy
import dataclasses
import secrets
from typing import Any
import uuid

from esi_worker.demo.configs import Write

TENANT = '0c4f4d1bb6a94d7f9a1f6f0f2a5b7e31'

_SPACE = uuid.UUID('5ad4b1c0-6f0e-4f4e-9d53-0d4c1ef2a6b7')


def id_of(name: str) -> str:
    """The id of what people call so."""
    return str(uuid.uuid5(_SPACE, name))


_PASSWORD = secrets.token_hex(8)

#: The id that Nova gives the server.
SERVER = id_of('the server at Nova')

NAMES = {
    id_of(name): name
    for name in (
        'spare network',
        'spare subnet',
        'admin network',
        'admin subnet',
        'user network',
        'user subnet',
        'admin port',
        'spare port 1',
        'spare port 2',
        'user port',
        'server',
        'configuration',
        'load balancer',
        'interface 0/1',
        'interface 1/1',
        'interface 1/2',
    )
}

_PLURALS = {
    'network': 'networks',
    'subnet': 'subnets',
    'port': 'ports',
    'vnf_template': 'vnf_templates',
    'vnf_plan': 'vnf_plans',
    'load_balancer_plan': 'load_balancer_plans',
    'vnf_instance': 'vnf_instances',
    'vnf_interface': 'vnf_interfaces',
    'load_balancer_conf': 'load_balancer_confs',
    'load_balancer': 'load_balancers',
    'load_balancer_interface': 'load_balancer_interfaces',
}


def next_version(write: Write, what: str = '', **changes: Any) -> Write:
    """The version that follows.

    :param what: has happened, for people
    """
    name = write.title.partition(',')[0]
    number = write.version + 1
    title = f'{name}, version {number}' + (f': {what}' if what else '')
    body = {
        **copy.deepcopy(write.body),
        'status': 'PENDING_UPDATE',
        'orchestration_state': 'UPDATE_IN_PROGRESS',
        **changes,
    }
    return Write(title, write.path, number, body)


def marked(write: Write) -> Write:
    """The version that asks for the deletion."""
    made = next_version(
        write,
        'marked for deletion',
        status='PENDING_DELETE',
        orchestration_state='DELETE_IN_PROGRESS',
    )
    return dataclasses.replace(made, marked=True)


def taken(port: Write) -> Write:
    """Nova gives a port to the server."""
    return next_version(
        port,
        'given to the server',
        device_owner='compute:nova',
        device_id=SERVER,
    )


def attached(port: Write) -> Write:
    """Nova attaches a port to the server."""
    return next_version(port, 'attached', attached=True)


def freed(port: Write) -> Write:
    """Nova takes a port away from the server."""
    return next_version(
        port, 'taken away', device_owner='', device_id='', attached=False
    )


# --- networks -------------------------------------------------------------


def network(name: str) -> Write:
    return _made(
        'network',
        name,
        admin_state_up=True,
        plane='data',
        shared=False,
        subnets=[],
        tags={},
    )


def subnet(name: str, of: Write, prefix: str) -> Write:
    """:param prefix: the first three numbers of its addresses"""
    return _made(
        'subnet',
        name,
        network_id=of.body['id'],
        ip_version=4,
        cidr=f'{prefix}.0/24',
        gateway_ip=f'{prefix}.1',
        enable_dhcp=True,
        dhcp_server_address=f'{prefix}.2',
        allocation_pools=[{'start': f'{prefix}.2', 'end': f'{prefix}.254'}],
        dns_nameservers=[],
        ntp_servers=[],
        host_routes=[],
        tags={},
    )


def port(name: str, of: Write, address: str, owner: str = '') -> Write:
    """:param of: its subnet"""
    number = int(address.rpartition('.')[2])
    return _made(
        'port',
        name,
        network_id=of.body['network_id'],
        fixed_ips=[{'subnet_id': of.body['id'], 'ip_address': address}],
        mac_address=f'fa:16:3e:00:01:{number:02x}',
        device_owner=owner,
        device_id='',
        attached=False,
        admin_state_up=True,
        allowed_address_pairs=[],
        security_groups=[],
        tags={},
    )


# --- the appliance --------------------------------------------------------


def vnf_template() -> Write:
    return _made(
        'vnf_template',
        'image',
        function='load_balancer',
        image='load-balancer-image',
        credentials={'username': 'admin', 'password': _PASSWORD},
        init_config={},
        vendor='example',
    )


def vnf_plan() -> Write:
    return _made(
        'vnf_plan',
        'size',
        function='load_balancer',
        flavor='m1.large',
        default_interface_number=3,
        interface_limit=5,
    )


def load_balancer_plan() -> Write:
    return _made(
        'load_balancer_plan',
        'plan',
        enabled=True,
        license_code='a licence',
        model={'edition': 'Standard', 'size': '10'},
        vnf_plan_id=id_of('size'),
        vnf_template_id=id_of('image'),
    )


def server(ports: list[Write], management_ip: str) -> Write:
    return _made(
        'vnf_instance',
        'server',
        vnf_plan_id=id_of('size'),
        vnf_template_id=id_of('image'),
        networks=plugged(ports),
        management_ip=management_ip,
        availability_zone='nova',
        config_drive=False,
        reboot='',
        user_data='',
        user_data_format='RAW',
    )


def plugged(ports: list[Write]) -> list[dict[str, str]]:
    """How a server names its ports."""
    return [{'port': port.body['id']} for port in ports]


def vnf_interface(slot: int, of: Write) -> Write:
    """:param of: its port"""
    return _made(
        'vnf_interface',
        f'slot {slot}',
        slot_number=slot,
        port_id=of.body['id'],
        vnf_instance_id=id_of('server'),
        type='user' if slot else 'management',
    )


def configuration(addresses: list[str], internet_port: str) -> Write:
    return _made(
        'load_balancer_conf',
        'configuration',
        vnf_instance_id=id_of('server'),
        load_balancer_plan_id=id_of('plan'),
        networks=reached(addresses),
        internet_port={'ip_address': internet_port, 'mask': '255.255.255.0'},
        management_gateway='100.64.10.1',
        admin_username='user-admin',
        admin_password=_PASSWORD,
        user_username='user-read',
        user_password=_PASSWORD,
        other_username='',
        other_password='',
        default_gateway='',
    )


def reached(addresses: list[str]) -> list[dict[str, str]]:
    """How a configuration names the networks."""
    return [
        {
            'ip_address': address,
            'cidr': f'{address.rpartition(".")[0]}.0/24',
            'type': 'user',
        }
        for address in addresses
    ]


def load_balancer() -> Write:
    return _made(
        'load_balancer',
        'load balancer',
        vnf_instance_id=id_of('server'),
        load_balancer_conf_id=id_of('configuration'),
        load_balancer_plan_id=id_of('plan'),
        availability_zone='nova',
        interfaces=[],
        networks=[],
        syslog_servers=[],
    )


def interface(slot: int) -> Write:
    name = f'interface 1/{slot}' if slot else 'interface 0/1'
    return _made(
        'load_balancer_interface',
        name,
        slot_number=slot,
        load_balancer_id=id_of('load balancer'),
        vnf_interface_id=id_of(f'slot {slot}'),
        type='user' if slot else 'management',
    )


def _made(type_: str, name: str, **body: Any) -> Write:
    """The first version of a resource."""
    id_ = id_of(name)
    return Write(
        f'{name}, version 1',
        f'v2.0/{_PLURALS[type_]}/{id_}',
        1,
        {
            'id': id_,
            'tenant_id': TENANT,
            'name': name,
            'description': '',
            'status': 'PENDING_CREATE',
            'orchestration_state': 'CREATE_IN_PROGRESS',
            'operational_state': 'NO_STATE',
            **body,
        },
    )
