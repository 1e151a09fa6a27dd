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

"""What all stand-ins for resource types share.

Each takes the properties of the real type, keeps them in Heat's own
database and gives the attributes in the real shapes; nothing else
happens, unless a marker asks for a failure, a delay or an id (see
esi_worker/embedded/faults.py). Heat imports this from its
``plugin_dirs``, as a neighbour of the modules that name types.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, NamedTuple
import uuid

from heat.engine import attributes, properties, resource

from esi_worker.embedded import faults

STRING = properties.Schema.STRING
BOOLEAN = properties.Schema.BOOLEAN
NUMBER = properties.Schema.NUMBER
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
    """A resource that exists in Heat alone.

    Markers are looked for in the property that ``marked_by`` names.
    """

    marked_by: ClassVar[str] = 'name'

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
        return self._shown(name)

    def _shown(self, name: str) -> Any:
        """An attribute of a resource that exists."""
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
        name = None
        if self.marked_by in self.properties_schema:
            name = self.properties[self.marked_by]
        return faults.markers_of(name or '')


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
