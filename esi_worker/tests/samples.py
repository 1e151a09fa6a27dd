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

"""Resource types for tests, and the templates that serve them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from esi_worker import mapping, templates
from esi_worker.model import ResourceType, TypeRegistry

NETWORK = ResourceType('network', 'networks', '/v2.0/networks')
SUBNET = ResourceType(
    'subnet', 'subnets', '/v2.0/subnets', {'network_id': 'network'}
)
PORT = ResourceType('port', 'ports', '/v2.0/ports', {'network_id': 'network'})
PLAN = ResourceType('plan', 'plans', '/v2.0/plans')
#: Two types that may refer to each other.
LEFT = ResourceType('left', 'lefts', '/v2.0/lefts', {'right_id': 'right'})
RIGHT = ResourceType('right', 'rights', '/v2.0/rights', {'left_id': 'left'})
#: Refers to networks but neither needs nor keeps them.
GUEST = ResourceType(
    'guest', 'guests', '/v2.0/guests', {'network_id': 'network'}
)
#: Need their ports to be there; BOND excludes their jobs, SERVER does not.
SERVER = ResourceType(
    'server', 'servers', '/v2.0/servers', nested={'networks[].port': 'port'}
)
BOND = ResourceType(
    'bond', 'bonds', '/v2.0/bonds', nested={'port_ids[]': 'port'}
)
TYPES = (NETWORK, SUBNET, PORT, PLAN, LEFT, RIGHT, GUEST, SERVER, BOND)

MAPPINGS: dict[str, dict[str, Any]] = {
    'network': {'name': 'Pid', 'mtu': 'Pmtu'},
    'subnet': {'name': 'Pid', 'network': 'Mnetwork:network_id:id'},
    'port': {
        'name': 'Pid',
        'version': 'Vauto_filled',
        'network': 'Mnetwork:network_id:id',
        'jinja_subnets': {
            'for_field': 'fixed_ips',
            'for_mapping': {
                'path': [{'type': 'subnet', 'id': 'subnet_id'}],
                'output_key': 'id',
            },
        },
    },
    'left': {'right': {'path': ['right_id'], 'field': 'id'}},
    'right': {'left': {'path': ['left_id'], 'field': 'id'}},
    'guest': {
        'network': {
            'path': ['network_id'],
            'field': 'id',
            'ignore_missing': True,
        }
    },
    'server': {'networks': 'Pnetworks'},
    'bond': {'ports': 'Pport_ids'},
}
NEEDS: dict[str, list[Any]] = {'server': ['networks[].port']}
DEPENDS_ON: dict[str, list[Any]] = {'bond': ['port_ids[]']}


def make_catalog(
    handler_names: Sequence[str] = ('heat_worker',),
    missing: Collection[str] = (),
) -> templates.TemplateCatalog:
    """Templates for most of the types above, by each handler.

    :param missing: types whose templates are chosen but not there
    """
    made = []
    choices: dict[str, dict[str, mapping.Choice]] = {}
    for handler in handler_names:
        for name, mappings in MAPPINGS.items():
            template_id = name
            if handler != 'heat_worker':
                template_id = f'{name}_{handler}'
            if name not in missing:
                made.append(
                    templates.Template(
                        id=template_id,
                        handler=handler,
                        mappings=_mappings(template_id, name, mappings),
                        text='',
                        source='test',
                    )
                )
            expression = _choice(handler, template_id)
            choices.setdefault(handler, {})[name] = mapping.Choice(
                handler, name, expression
            )
    return templates.TemplateCatalog(
        TypeRegistry(TYPES), handler_names, choices, made
    )


def _mappings(
    template_id: str, name: str, mappings: dict[str, Any]
) -> mapping.ParameterMappings:
    depends_on, needs = (
        mapping.ReferenceList(template_id, option, by_type.get(name))
        for option, by_type in (('depends_on', DEPENDS_ON), ('needs', NEEDS))
    )
    return mapping.ParameterMappings(
        template_id, mappings, depends_on=depends_on, needs=needs
    )


def _choice(handler: str, template_id: str) -> dict[str, Any]:
    """The template, unless the resource's field ``without`` is true or
    names the handler."""
    pattern = {'constant': f'(all|{handler})$'}
    return {
        'if_mapping': {'regexp': [{'field': 'without'}, pattern]},
        'then_mapping': {'constant': None},
        'else_mapping': {'constant': template_id},
    }
