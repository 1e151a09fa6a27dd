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

"""A small world for the tests of the mapping language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esi_worker.mapping import ParameterMappings
from esi_worker.model import (
    Param,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)

GATEWAY = ResourceType(
    'gateway',
    'gateways',
    '/v2.0/gateways',
    {'router_id': 'router', 'backup_id': 'router'},
    frozenset(
        (
            'id',
            'name',
            'kind',
            'router_id',
            'backup_id',
            'device_id',
            'items',
            'primary',
            'count',
            'active',
            'links',
            'link_ids',
            'uplink',
        )
    ),
    {
        'links[].router_id': 'router',
        'link_ids[]': 'router',
        'uplink.router_id': 'router',
        'items[].links[].router_id': 'router',
    },
)
ROUTER = ResourceType(
    'router',
    'routers',
    '/v2.0/routers',
    {'site_id': 'site'},
    frozenset(('id', 'ip', 'site_id', 'ports', 'site_ids')),
    {'site_ids[]': 'site'},
)
#: A type whose fields nobody has declared.
SITE = ResourceType('site', 'sites', '/v2.0/sites')

R1 = ResourceRef('router', 'r1')
R2 = ResourceRef('router', 'r2')
S1 = ResourceRef('site', 's1')


class Bodies:
    """A view of given bodies."""

    def __init__(
        self, bodies: Mapping[ResourceRef, Mapping[str, Any]]
    ) -> None:
        self._bodies = bodies

    def body(self, ref: ResourceRef) -> Mapping[str, Any] | None:
        return self._bodies.get(ref)


WORLD = Bodies(
    {
        R1: {
            'id': 'r1',
            'ip': '10.0.0.1',
            'site_id': 's1',
            'ports': [{'n': 41}, {'n': 42}],
            'site_ids': ['s1'],
        },
        R2: {'id': 'r2', 'ip': '10.0.0.2', 'site_id': 'gone'},
        S1: {'id': 's1', 'city': 'Kyoto'},
    }
)


def types() -> TypeRegistry:
    return TypeRegistry([GATEWAY, ROUTER, SITE])


def evaluate(
    expression: Any, body: Mapping[str, Any], *, lenient: bool = False
) -> tuple[Param, frozenset[ResourceRef]]:
    """Evaluate one expression on a gateway ``g1`` of version 7."""
    mappings = ParameterMappings('a_template', {'a_param': expression})
    evaluation = mappings.evaluate(
        GATEWAY, {'id': 'g1', **body}, 7, WORLD, types(), lenient=lenient
    )
    (param,) = evaluation.params
    return param, evaluation.needs
