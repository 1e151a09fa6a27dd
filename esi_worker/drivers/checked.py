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

"""A base for drivers that add code to mappings.

What a mapping can say stays in ``driver.yaml`` or in etcd. A class adds
the rest by overriding one of three methods: a check of the resource
before a job is made, values that have to be computed, and an order of
jobs that no reference gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import dataclasses

from esi_worker import exceptions
from esi_worker.drivers.base import Part, Plan, View
from esi_worker.drivers.mapping import MappingDriver
from esi_worker.model import Param, ParamType, Resource, ResourceRef
from esi_worker.model.codec import Json


class CheckedDriver(MappingDriver):
    """The default driver with three places for code.

    Resources that need no work are neither checked nor computed. Nor
    are deletions and previous versions (a lenient plan): they must not
    hang on what is wrong with a body.
    """

    def check(self, resource: Resource) -> None:
        """Make sure that a version can be worked on.

        The resource is blocked, with the error's text as the reason,
        until its config changes.

        :raises InvalidResource: naming the resource, the field and what
            has to stand there; see ``esi_worker.drivers.checking``
        """

    def compute(
        self, resource: Resource, values: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        """Values that take the place of what mappings gave.

        :param values: the parameters of the type ``value``, by name
        :returns: new values for some of them; other names do no harm,
            for another template may do without a parameter
        """
        return {}

    def after(self, resource: Resource) -> Iterable[ResourceRef]:
        """Resources that must exist and be worked on first.

        One direction only, like the template option ``needs``: their
        later jobs do not wait for those of this resource.
        """
        return ()

    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        if not lenient and self.workable(resource):
            self.check(resource)
        plan = super().plan(resource, view, lenient=lenient)
        parts = plan.parts
        if parts and not lenient:
            parts = tuple(self._computed(resource, part) for part in parts)
        if parts:
            ahead = self._ahead(resource, view, lenient=lenient)
            parts = tuple(_ordered(part, ahead) for part in parts)
        return Plan(parts)

    def _computed(self, resource: Resource, part: Part) -> Part:
        values = {
            param.name: param.value
            for param in part.params
            if param.type is ParamType.VALUE
        }
        computed = self.compute(resource, values)
        params = tuple(
            _with_value(param, computed) if param.name in values else param
            for param in part.params
        )
        return dataclasses.replace(part, params=params)

    def _ahead(
        self, resource: Resource, view: View, *, lenient: bool
    ) -> frozenset[ResourceRef]:
        try:
            ahead = frozenset(self.after(resource))
        except exceptions.InvalidResource:
            if lenient:
                return frozenset()
            raise
        for ref in sorted(ahead):
            if not lenient and view.body(ref) is None:
                raise exceptions.MissingReference(
                    f'{resource.ref} needs {ref}, which does not exist (yet)',
                    ref.type,
                    ref.id,
                )
        return ahead


def _with_value(param: Param, computed: Mapping[str, Json]) -> Param:
    if param.name not in computed:
        return param
    return dataclasses.replace(param, value=computed[param.name])


def _ordered(part: Part, ahead: frozenset[ResourceRef]) -> Part:
    return dataclasses.replace(
        part,
        needs=part.needs | ahead,
        after=part.after | ahead,
        held_by=part.held_by | ahead,
    )
