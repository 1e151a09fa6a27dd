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

"""Heat resource types ``ESI::VNF::*`` without Nova and appliances.

Imported by Heat from its ``plugin_dirs``, never by the worker. It also
answers in the place of Glance and Nova whether an image and a flavor
exist: every name does that is not empty.
"""

from __future__ import annotations

from typing import Any

from .stand_in import (
    BOOLEAN,
    JSON,
    NUMBER,
    STRING,
    StandIn,
    changeable,
    fixed,
)


class Instance(StandIn):
    """A server, which takes as long as its markers say."""

    properties_schema = {
        'name': changeable(STRING),
        'image': fixed(STRING, required=True),
        'flavor': changeable(STRING, required=True),
        'networks': changeable(JSON),
        'availability_zone': fixed(STRING),
        'reboot': changeable(STRING),
        'user_data': fixed(STRING),
        'user_data_format': fixed(STRING),
        'config_drive': fixed(BOOLEAN),
    }


class VyattaConfig(StandIn):
    marked_by = 'management_ip'
    properties_schema = {
        'management_ip': changeable(STRING),
        'credentials': changeable(JSON),
        'networks': changeable(JSON),
        **{
            name: changeable(STRING)
            for name in (
                'default_gateway',
                'user_username',
                'user_password',
                'admin_username',
                'admin_password',
                'other_username',
                'other_password',
            )
        },
    }


class NetscalerConfig(StandIn):
    marked_by = 'management_ip'
    properties_schema = {
        name: changeable(STRING)
        for name in (
            'server_id',
            'management_ip',
            'management_gateway',
            'default_gateway',
            'networks',
            'internet_port',
            'admin_username',
            'admin_password',
            'user_username',
            'user_password',
            'other_username',
            'other_password',
            'license_code',
            'model',
            'init_config',
            'credentials',
        )
    }


class NetscalerSyslogServer(StandIn):
    properties_schema = {
        'port_number': changeable(NUMBER),
        'priority': changeable(NUMBER),
        **{
            name: changeable(STRING)
            for name in (
                'name',
                'ip_address',
                'log_level',
                'log_facility',
                'tcp_logging',
                'acl_logging',
                'appflow_logging',
                'date_format',
                'time_zone',
                'user_configurable_log_messages',
                'transport_type',
                'vserver_ip_address',
                'comment',
                'management_ip',
                'credentials',
                'init_config',
            )
        },
    }


class Known:
    """A constraint that every name fulfils that is not empty."""

    def validate(self, value: Any, context: Any) -> bool:
        return bool(value)

    def error(self, value: Any) -> str:
        return 'a name is needed'


def resource_mapping() -> dict[str, type[StandIn]]:
    """What Heat asks a plug-in module for."""
    return {
        'ESI::VNF::Instance': Instance,
        'ESI::VNF::VyattaConfig': VyattaConfig,
        'ESI::VNF::NetscalerConfig': NetscalerConfig,
        'ESI::VNF::NetscalerSyslogServer': NetscalerSyslogServer,
    }


def constraint_mapping() -> dict[str, type[Known]]:
    """What Heat asks a plug-in module for; these win over Heat's own."""
    return {'glance.image': Known, 'nova.flavor': Known}
