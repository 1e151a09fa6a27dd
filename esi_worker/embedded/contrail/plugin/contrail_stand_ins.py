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

"""Heat resource types ``OS::Contrail::*`` without a network controller.

Imported by Heat from its ``plugin_dirs``, never by the worker. Each type
takes the properties of the real one, keeps them in Heat's own database and
gives the attributes in the real shapes; nothing else happens, unless a
marker asks for a failure, a delay or an id (see
esi_worker/embedded/faults.py).
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple
import uuid

from heat.engine import attributes, properties, resource

from esi_worker.embedded import faults

STRING = properties.Schema.STRING
BOOLEAN = properties.Schema.BOOLEAN
LIST = properties.Schema.LIST
# Heat's JSON type takes lists and maps alike, as these APIs do.
JSON = properties.Schema.ANY


class MarkedFailure(Exception):
    """A marker asked for it."""


class Wait(NamedTuple):
    """What Heat polls: the action, and when it has lasted long enough."""

    action: str
    until: float


class StandIn(resource.Resource):
    """What the four types have in common."""

    def handle_create(self) -> Wait:
        self.resource_id_set(self._identity())
        return self._begin('create')

    def handle_update(
        self, json_snippet: Any, tmpl_diff: Any, prop_diff: Any
    ) -> Wait:
        return self._begin('update')

    def handle_delete(self) -> Wait:
        return self._begin('delete')

    def check_create_complete(self, wait: Wait) -> bool:
        return self._finish(wait)

    def check_update_complete(self, wait: Wait) -> bool:
        return self._finish(wait)

    def check_delete_complete(self, wait: Wait) -> bool:
        return self._finish(wait)

    def get_reference_id(self) -> Any:
        return self.resource_id

    def _identity(self) -> str:
        """The id that the controller would give."""
        return faults.identity(self._markers()) or str(uuid.uuid4())

    def _resolve_attribute(self, name: str) -> Any:
        if self.resource_id is None:
            return None
        if name == 'fq_name':
            return ':'.join(fq_name(self.resource_id))
        return self.properties[name]

    def _begin(self, action: str) -> Wait:
        delay = faults.seconds(self._markers(), action)
        return Wait(action, time.monotonic() + delay)

    def _finish(self, wait: Wait) -> bool:
        if time.monotonic() < wait.until:
            return False
        if faults.holds(self._markers(), wait.action):
            return False
        if faults.fails(self._markers(), wait.action):
            raise MarkedFailure(f'fail-{wait.action} for {self.name}')
        return True

    def _markers(self) -> str:
        return faults.markers_of(self.properties['name'] or '')


def fq_name(identity: str) -> list[str]:
    """A controller's fully qualified name."""
    return ['default-domain', 'admin', identity]


def changeable(kind: str, **more: Any) -> properties.Schema:
    return properties.Schema(kind, update_allowed=True, **more)


def fixed(kind: str, **more: Any) -> properties.Schema:
    """A property whose change replaces the resource."""
    return properties.Schema(kind, **more)


def attribute(kind: str = attributes.Schema.STRING) -> attributes.Schema:
    return attributes.Schema('As the controller shows it.', type=kind)


class VirtualNetwork(StandIn):
    """Its id is the ``uuid`` property where there is one."""

    properties_schema = {
        'uuid': fixed(STRING),
        'name': fixed(STRING),
        'forwarding_mode': changeable(STRING),
        'route_targets': changeable(LIST),
        'shared': changeable(BOOLEAN),
        'external': changeable(BOOLEAN),
        'allow_transit': changeable(BOOLEAN),
        'flood_unknown_unicast': changeable(BOOLEAN),
        'admin_state_up': changeable(BOOLEAN),
    }
    attributes_schema = {
        'name': attribute(),
        'fq_name': attribute(),
        'route_targets': attribute(attributes.Schema.LIST),
    }

    def _identity(self) -> str:
        return self.properties['uuid'] or super()._identity()


class VnSubnet(StandIn):
    properties_schema = {
        'name': fixed(STRING),
        'network_id': fixed(STRING),
        'ip_prefix': fixed(STRING),
        'default_gateway': fixed(STRING),
        'ipam': fixed(STRING),
        'enable_dhcp': changeable(BOOLEAN),
        'dns_server_address': changeable(STRING),
        'dns_nameservers': changeable(LIST),
        'ntp_servers': changeable(LIST),
        'host_routes': changeable(JSON),
        'allocation_pools': changeable(JSON),
        'gateway_is_vrouter': changeable(BOOLEAN),
    }
    attributes_schema = {
        name: attribute()
        for name in (
            'name',
            'network_id',
            'ip_prefix',
            'default_gateway',
            'ipam',
            'fq_name',
        )
    }


class VirtualMachineInterface(StandIn):
    properties_schema = {
        'uuid': fixed(STRING),
        'name': fixed(STRING),
        'virtual_machine_interface_allowed_address_pairs': changeable(JSON),
        'virtual_machine_interface_mac_addresses': changeable(LIST),
        'virtual_networks': fixed(LIST),
        'virtual_machine': changeable(STRING),
        'device_owner': changeable(STRING),
        'admin_state_up': changeable(BOOLEAN),
        'security_groups': changeable(JSON),
    }
    attributes_schema = {
        'name': attribute(),
        'fq_name': attribute(),
        'virtual_networks': attribute(attributes.Schema.LIST),
        'virtual_machine_interface_mac_addresses': attribute(
            attributes.Schema.LIST
        ),
        'virtual_machine_interface_allowed_address_pairs': attribute(
            attributes.Schema.MAP
        ),
    }

    def _resolve_attribute(self, name: str) -> Any:
        value = super()._resolve_attribute(name)
        if value is None:
            value = []
        if name == 'virtual_networks':
            return [fq_name(network) for network in value]
        if name == 'virtual_machine_interface_allowed_address_pairs':
            return {'allowed_address_pair': value}
        return value


class InstanceIp(StandIn):
    properties_schema = {
        'name': fixed(STRING),
        'ip_address': fixed(STRING),
        'subnet_id': fixed(STRING),
        'network_id': fixed(STRING),
        'virtual_machine_interfaces': changeable(LIST),
    }
    attributes_schema = {
        name: attribute() for name in ('name', 'fq_name', 'ip_address')
    }


def resource_mapping() -> dict[str, type[StandIn]]:
    """What Heat asks a plug-in module for."""
    return {
        'OS::Contrail::VirtualNetwork': VirtualNetwork,
        'OS::Contrail::VnSubnet': VnSubnet,
        'OS::Contrail::VirtualMachineInterface': VirtualMachineInterface,
        'OS::Contrail::InstanceIp': InstanceIp,
    }
