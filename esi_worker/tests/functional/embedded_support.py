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

"""Templates, clients and waiting for the tests of the embedded services."""

from __future__ import annotations

import base64
from collections.abc import Callable
import os
import select
import threading
import time
from typing import Any

from heatclient import client as heat_client
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
import requests

from esi_worker import embedded

DEADLINE = 120.0

NETWORK = """
heat_template_version: 2013-05-23
parameters:
  uuid: {type: string, default: ''}
  name: {type: string}
  route_targets: {type: comma_delimited_list, default: []}
resources:
  network:
    type: OS::Contrail::VirtualNetwork
    properties:
      uuid: {get_param: uuid}
      name: {get_param: name}
      route_targets: {get_param: route_targets}
outputs:
  id: {value: {get_resource: network}}
  name: {value: {get_attr: [network, name]}}
  fq_name: {value: {get_attr: [network, fq_name]}}
  route_targets: {value: {get_attr: [network, route_targets]}}
"""

SUBNET = """
heat_template_version: 2013-05-23
parameters:
  network_id: {type: string}
  host_routes: {type: json, default: []}
resources:
  subnet:
    type: OS::Contrail::VnSubnet
    properties:
      name: a-subnet
      network_id: {get_param: network_id}
      ip_prefix: 10.0.0.0/24
      default_gateway: 10.0.0.1
      ipam: default-domain:default-project:default-network-ipam
      enable_dhcp: true
      host_routes: {get_param: host_routes}
      gateway_is_vrouter: false
outputs:
  id: {value: {get_resource: subnet}}
  name: {value: {get_attr: [subnet, name]}}
  network_id: {value: {get_attr: [subnet, network_id]}}
  ip_prefix: {value: {get_attr: [subnet, ip_prefix]}}
  default_gateway: {value: {get_attr: [subnet, default_gateway]}}
  ipam: {value: {get_attr: [subnet, ipam]}}
"""

PORT = """
heat_template_version: 2013-05-23
parameters:
  name: {type: string}
  mac: {type: string}
  pairs: {type: json}
  network: {type: string}
resources:
  vmi:
    type: OS::Contrail::VirtualMachineInterface
    properties:
      uuid: {get_param: name}
      name: {get_param: name}
      virtual_machine_interface_allowed_address_pairs: {get_param: pairs}
      virtual_machine_interface_mac_addresses: [{get_param: mac}]
      virtual_networks: [{get_param: network}]
      virtual_machine: ''
      device_owner: compute:nova
      admin_state_up: true
      security_groups: []
  ip:
    type: OS::Contrail::InstanceIp
    properties:
      name: an-ip
      ip_address: 10.0.0.3
      subnet_id: a-subnet
      network_id: {get_param: network}
      virtual_machine_interfaces: [{get_resource: vmi}]
outputs:
  id: {value: {get_resource: vmi}}
  fq_name: {value: {get_attr: [vmi, fq_name]}}
  virtual_network: {value: {get_attr: [vmi, virtual_networks]}}
  mac_address:
    value: {get_attr: [vmi, virtual_machine_interface_mac_addresses]}
  allowed_address_pairs:
    value: {get_attr: [vmi, virtual_machine_interface_allowed_address_pairs]}
"""


class Stacks:
    """One tenant's stacks, by the real client."""

    def __init__(self, session: keystone_session.Session) -> None:
        self._stacks = heat_client.Client('1', session=session).stacks

    def create(self, name: str, template: str, /, **parameters: Any) -> Any:
        created = self._stacks.create(
            stack_name=name, template=template, parameters=parameters
        )
        return self.settled(f'{name}/{created["stack"]["id"]}')

    def update(self, stack: Any, template: str, **parameters: Any) -> Any:
        reference = f'{stack.stack_name}/{stack.id}'
        self._stacks.update(
            reference, template=template, parameters=parameters
        )
        return self.settled(reference)

    def delete(self, stack: Any) -> Any:
        reference = f'{stack.stack_name}/{stack.id}'
        self._stacks.delete(reference)
        return self.settled(reference)

    def names(self) -> list[str]:
        return [stack.stack_name for stack in self._stacks.list()]

    def statuses(self) -> dict[str, str]:
        """By the names of the stacks."""
        return {
            stack.stack_name: stack.stack_status
            for stack in self._stacks.list()
        }

    def settled(self, reference: str) -> Any:
        """The stack once Heat has done with it."""
        wait_until(
            lambda: (
                not self._stacks.get(
                    reference,
                    resolve_outputs=False,
                ).stack_status.endswith('_IN_PROGRESS')
            )
        )
        return self._stacks.get(reference)


def outputs(stack: Any) -> dict[str, Any]:
    return {
        output['output_key']: output['output_value']
        for output in stack.outputs
    }


def wait_until(reached: Callable[[], bool]) -> None:
    """Poll; Heat has no call that waits."""
    deadline = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError
        pause.wait(0.02)


def has_ended(pid: int, timeout: float = 0.0) -> bool:
    """Whether the process ends in time; it may be anyone's child."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], timeout)[0])
    finally:
        os.close(watched)


def living_pid(server: Any) -> int:
    assert server.pid is not None
    return int(server.pid)


def post(url: str, **body: str) -> Any:
    answer = requests.post(url, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def put(endpoint: str, key: str, value: str) -> None:
    post(f'{endpoint}/v3/kv/put', key=encoded(key), value=encoded(value))


def get(endpoint: str, key: str) -> list[str]:
    found = post(f'{endpoint}/v3/kv/range', key=encoded(key)).get('kvs', [])
    return [base64.b64decode(entry['value']).decode() for entry in found]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def noauth_session(
    heat: embedded.HeatServer, tenant: str
) -> keystone_session.Session:
    return keystone_session.Session(
        auth=noauth.NoAuth(endpoint=f'{heat.endpoint}/{tenant}')
    )
