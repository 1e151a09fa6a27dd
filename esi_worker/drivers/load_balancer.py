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

"""The driver of load balancers.

A load balancer of Octavia carries its listeners in its body. They go
into the text of its template, where each becomes several resources, so
they are checked before a job is made and completed with what may be left
out. Appliances have no listeners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource
from esi_worker.model.codec import Json

FIELD = 'listeners'
#: The parameter that takes the completed listeners.
PARAMETER = 'jinja_listeners'

PROTOCOLS = (
    'HTTP',
    'HTTPS',
    'PROMETHEUS',
    'SCTP',
    'TCP',
    'TERMINATED_HTTPS',
    'UDP',
)
#: What Octavia speaks to members where it differs from the listener.
_TO_MEMBERS = {'TERMINATED_HTTPS': 'HTTP'}
_HIGHEST_PORT = 65535


class LoadBalancerDriver(CheckedDriver):
    """Checks and completes the listeners."""

    def check(self, resource: Resource) -> None:
        _listeners(resource)

    def compute(
        self, resource: Resource, values: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        return {PARAMETER: _listeners(resource)}


def _listeners(resource: Resource) -> list[dict[str, Json]]:
    """The listeners with all that a template reads.

    ``key`` names a listener's resources: what makes it unique, not its
    place in the list, so that removing one leaves the others alone.
    """
    found: dict[str, dict[str, Json]] = {}
    for place, raw in checking.objects(
        resource, FIELD, resource.body.get(FIELD)
    ):
        protocol = checking.one_of(
            resource, f'{place}.protocol', raw.get('protocol'), PROTOCOLS
        )
        port = _port(resource, place, raw)
        key = f'{protocol}_{port}'
        if key in found:
            checking.fail(
                resource,
                f'{place}.protocol_port',
                f'is taken by another listener for {protocol}',
            )
        found[key] = {
            'connection_limit': -1,
            **raw,
            'key': key,
            'pool': _pool(
                resource, f'{place}.pool', raw.get('pool'), protocol
            ),
        }
    return list(found.values())


def _pool(
    resource: Resource, place: str, raw: Json, protocol: str
) -> dict[str, Json] | None:
    if not raw:
        return None
    if not isinstance(raw, Mapping):
        checking.fail(resource, place, 'must be an object')
    monitor = raw.get('monitor')
    if monitor and not isinstance(monitor, Mapping):
        checking.fail(resource, f'{place}.monitor', 'must be an object')
    return {
        'lb_algorithm': 'ROUND_ROBIN',
        'protocol': _TO_MEMBERS.get(protocol, protocol),
        **raw,
        'members': _members(resource, f'{place}.members', raw.get('members')),
        'monitor': _monitor(monitor) if monitor else None,
    }


def _members(resource: Resource, place: str, raw: Json) -> list[Json]:
    found: dict[str, Json] = {}
    for inside, member in checking.objects(resource, place, raw):
        address = checking.address(
            resource, f'{inside}.address', member.get('address')
        )
        if address is None:
            checking.fail(resource, f'{inside}.address', 'is missing')
        port = _port(resource, inside, member)
        key = f'{str(address).replace(":", "-")}_{port}'
        if key in found:
            checking.fail(resource, inside, 'is there twice')
        found[key] = {'weight': 1, **member, 'key': key}
    return list(found.values())


def _monitor(raw: Mapping[str, Json]) -> dict[str, Any]:
    return {'delay': 5, 'timeout': 5, 'max_retries': 3, 'type': 'TCP', **raw}


def _port(resource: Resource, place: str, raw: Mapping[str, Json]) -> int:
    return checking.integer(
        resource,
        f'{place}.protocol_port',
        raw.get('protocol_port'),
        1,
        _HIGHEST_PORT,
    )
