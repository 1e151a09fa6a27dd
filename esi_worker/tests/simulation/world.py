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

"""The resources of a history: types, templates and who refers to whom."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import functools
from typing import Any

from oslo_config import cfg

from esi_worker import mapping, templates
from esi_worker.handlers.heat import drifting, options
from esi_worker.model import ResourceType, TypeRegistry

NETWORK = ResourceType('network', 'networks', '/v2.0/networks')
SUBNET = ResourceType(
    'subnet', 'subnets', '/v2.0/subnets', {'network_id': 'network'}
)
PORT = ResourceType(
    'port',
    'ports',
    '/v2.0/ports',
    {'network_id': 'network', 'subnet_id': 'subnet'},
)
PLAN = ResourceType('plan', 'plans', '/v2.0/plans')
TYPES = (NETWORK, SUBNET, PORT, PLAN)
TENANT = 'tenant'

_MAPPINGS: dict[str, dict[str, Any]] = {
    'network': {'name': 'Pid', 'size': 'Psize'},
    'subnet': {
        'name': 'Pid',
        'size': 'Psize',
        'network': 'Mnetwork:network_id:id',
    },
    'port': {
        'name': 'Pid',
        'size': 'Psize',
        'version': 'Vauto_filled',
        'network': 'Mnetwork:network_id:id',
        'subnet': 'Msubnet:subnet_id:id',
    },
}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A resource that may exist; ``fields`` refer to its parents."""

    type: ResourceType
    id: str
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.type.path(self.id)

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f'{self.type.name}_{self.id}'

    @property
    def workable(self) -> bool:
        return self.type.name in _MAPPINGS

    def parents(self) -> frozenset[str]:
        """The paths of the resources it refers to."""
        relations = self.type.relations
        by_name = {type_.name: type_ for type_ in TYPES}
        return frozenset(
            by_name[relations[field]].path(parent)
            for field, parent in self.fields.items()
        )


#: Parents stand before their children.
PLACES = (
    Place(NETWORK, 'n1'),
    Place(NETWORK, 'n2'),
    Place(SUBNET, 's1', {'network_id': 'n1'}),
    Place(SUBNET, 's2', {'network_id': 'n2'}),
    Place(PORT, 'p1', {'network_id': 'n1', 'subnet_id': 's1'}),
    Place(PORT, 'p2', {'network_id': 'n1', 'subnet_id': 's1'}),
    Place(PORT, 'p3', {'network_id': 'n2', 'subnet_id': 's2'}),
    Place(PLAN, 'x1'),
)
BY_PATH = {place.path: place for place in PLACES}
BY_REF = {(place.type.name, place.id): place for place in PLACES}
BY_STACK = {place.stack: place for place in PLACES}


@functools.cache
def catalog(handlers: tuple[str, ...]) -> templates.TemplateCatalog:
    """The templates of all types, for each handler."""
    made = []
    choices: dict[str, dict[str, mapping.Choice]] = {}
    for handler in handlers:
        for name, mappings in _MAPPINGS.items():
            template_id = f'{name}_{handler}'
            made.append(
                templates.Template(
                    id=template_id,
                    handler=handler,
                    mappings=mapping.ParameterMappings(template_id, mappings),
                    text='',
                    source='simulation',
                )
            )
            choices.setdefault(handler, {})[name] = mapping.Choice(
                handler, name, f'C{template_id}'
            )
    return templates.TemplateCatalog(
        TypeRegistry(TYPES), handlers, choices, made
    )


@functools.cache
def configuration(drift: float) -> Any:
    """The options of the Heat handler.

    :param drift: seconds between two searches for drift, 0 for none; what
        they find is applied again
    """
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opts(options.handler_options(), options.GROUP)
    conf.set_override('drift_check_interval', drift, options.GROUP)
    conf.set_override('drift_action', drifting.REAPPLYING, options.GROUP)
    return conf
