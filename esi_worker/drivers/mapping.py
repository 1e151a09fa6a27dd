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

"""The default driver: plans from templates and their mappings.

It serves every resource type for which a handler has a template.
"""

from __future__ import annotations

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.drivers.base import Driver, Part, Plan, View
from esi_worker.model import Resource

LOG = logging.getLogger(__name__)


class MappingDriver(Driver):
    """Makes a part for each handler whose choice gives a template."""

    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        """As the contract says.

        A deletion must not hang on a template that is broken or gone,
        so that this costs a lenient plan only the parameters.
        """
        parts = []
        for handler in self.catalog.handlers:
            template_id = self._choose(handler, resource)
            if template_id is None:
                continue
            try:
                part = self._part(
                    handler, template_id, resource, view, lenient=lenient
                )
            except exceptions.TemplateError as exc:
                if not lenient:
                    raise
                LOG.warning(
                    'Parameters of %(resource)s are left out: %(reason)s',
                    {'resource': resource.ref, 'reason': exc},
                )
                part = Part(handler, template_id, ())
            parts.append(part)
        return Plan(tuple(parts))

    def workable(self, resource: Resource) -> bool:
        """Whether any handler has a template for this version.

        :raises MappingError: a choice does not fit the body
        """
        return any(
            self._choose(handler, resource) is not None
            for handler in self.catalog.handlers
        )

    def _choose(self, handler: str, resource: Resource) -> str | None:
        return self.catalog.choose(
            handler,
            resource.type.name,
            resource.body,
            resource.version,
            resource_id=resource.id,
        )

    def _part(
        self,
        handler: str,
        template_id: str,
        resource: Resource,
        view: View,
        *,
        lenient: bool,
    ) -> Part:
        template = self.catalog.get_for(handler, template_id)
        evaluation = template.mappings.evaluate(
            resource.type,
            resource.body,
            resource.version,
            view,
            self.catalog.types,
            resource_id=resource.id,
            lenient=lenient,
        )
        return Part(
            handler,
            template_id,
            evaluation.params,
            evaluation.needs,
            evaluation.after,
            evaluation.held_by,
        )
