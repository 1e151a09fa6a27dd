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

Imported by Heat from its ``plugin_dirs``, never by the worker.
"""

from __future__ import annotations

from typing import Any

from heat.engine import attributes

# Heat imports this folder as a package of its own: only a relative
# import finds what lies beside this module.
from .stand_in import (
    BOOLEAN,
    JSON,
    LIST,
    NUMBER,
    STRING,
    StandIn,
    attribute,
    changeable,
    fixed,
    fq_name,
)


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


class Subnet(StandIn):
    """The older sort, known by its range alone."""

    properties_schema = {
        'name': fixed(STRING),
        'ip_prefix': fixed(STRING),
        'virtual_machine_interfaces': changeable(LIST),
    }
    attributes_schema = {'name': attribute(), 'fq_name': attribute()}


class ExistingResource(StandIn):
    """Something that the controller knows already."""

    properties_schema = {
        'fq_name': fixed(LIST),
        'resource_type': fixed(STRING),
    }
    attributes_schema = {
        'name': attribute(),
        'fq_name': attribute(attributes.Schema.LIST),
    }

    def _resolve_attribute(self, name: str) -> Any:
        if self.resource_id is None:
            return None
        whole = self.properties['fq_name']
        return whole if name == 'fq_name' else whole[-1]


class PhysicalRouter(StandIn):
    properties_schema = {
        'name': fixed(STRING),
        'virtual_routers': changeable(LIST),
        'management_ip': changeable(STRING),
        'dataplane_ip': changeable(STRING),
        'vendor_name': changeable(STRING),
        'product_name': changeable(STRING),
        'vnc_managed': changeable(BOOLEAN),
        'user_credentials': changeable(JSON),
    }
    attributes_schema = {
        **{
            name: attribute()
            for name in (
                'name',
                'fq_name',
                'management_ip',
                'dataplane_ip',
                'vendor_name',
                'product_name',
            )
        },
        'vnc_managed': attribute(attributes.Schema.BOOLEAN),
        **{
            name: attribute(attributes.Schema.LIST)
            for name in (
                'virtual_routers',
                'physical_interfaces',
                'logical_interfaces',
            )
        },
    }

    def _shown(self, name: str) -> Any:
        if name in ('physical_interfaces', 'logical_interfaces'):
            return []
        return super()._shown(name)


class PhysicalInterface(StandIn):
    properties_schema = {
        'name': fixed(STRING),
        'physical_router': fixed(STRING),
    }
    attributes_schema = {'name': attribute(), 'fq_name': attribute()}


class LogicalInterface(StandIn):
    properties_schema = {
        'name': fixed(STRING),
        'physical_interface': fixed(STRING),
        'virtual_machine_interfaces': changeable(LIST),
        'type': changeable(STRING),
        'vlan': changeable(NUMBER),
    }
    attributes_schema = {'name': attribute(), 'fq_name': attribute()}


class NetconfNamedConfigs(StandIn):
    """Pieces of a router's configuration."""

    marked_by = 'device_ip'
    properties_schema = {
        'configs': changeable(JSON),
        'on_update': changeable(JSON),
        'lock_timeout': changeable(NUMBER),
        'device_ip': changeable(STRING),
        'port': changeable(NUMBER),
        'username': changeable(STRING),
        'password': changeable(STRING),
    }


def resource_mapping() -> dict[str, type[StandIn]]:
    """What Heat asks a plug-in module for."""
    return {
        'OS::Contrail::VirtualNetwork': VirtualNetwork,
        'OS::Contrail::VnSubnet': VnSubnet,
        'OS::Contrail::VirtualMachineInterface': VirtualMachineInterface,
        'OS::Contrail::InstanceIp': InstanceIp,
        'OS::Contrail::Subnet': Subnet,
        'OS::Contrail::ExistingResource': ExistingResource,
        'OS::Contrail::PhysicalRouter': PhysicalRouter,
        'OS::Contrail::PhysicalInterface': PhysicalInterface,
        'OS::Contrail::LogicalInterface': LogicalInterface,
        'OS::Contrail::NetconfNamedConfigs': NetconfNamedConfigs,
    }
