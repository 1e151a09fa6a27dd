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

"""From a job to the sections it monitors, and to its targets."""

from __future__ import annotations

from collections.abc import Mapping

from esi_worker import exceptions
from esi_worker.handlers import base, resolving
from esi_worker.handlers.monitoring import legacy, sections
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.model import Job
from esi_worker.model.codec import Json


class SectionRenderer:
    """Resolves parameters and renders monitoring templates.

    Parameters go to the template with their full names (section 4.1 of
    the reference of workflows).
    """

    def __init__(self, context: base.HandlerContext) -> None:
        self._catalog = context.catalog
        self._resolver = resolving.Resolver(
            context.store, context.keys, context.catalog.types
        )

    def values(self, job: Job) -> dict[str, Json]:
        """The job's parameters.

        :raises OutputNotFound: it needs an output that is not there
        """
        return self._resolver.values(job.params)

    def sections(self, job: Job, values: Mapping[str, Json]) -> list[Section]:
        """What a job monitors, as today's types.

        :raises TemplateError: its template is missing or unusable
        """
        template_id = self._catalog.choose(
            job.handler,
            job.resource.type,
            job.resource_input,
            job.version,
            resource_id=job.resource.id,
        )
        if template_id is None:
            raise exceptions.TemplateError(
                f'no template is chosen for {job.resource} and the handler '
                f'{job.handler}; check the template mapping of its type'
            )
        self._catalog.get_for(job.handler, template_id)
        text = self._catalog.render(template_id, values)
        return list(legacy.modernized(sections.parse(template_id, text)))

    def plural(self, job: Job) -> str:
        """The plural of the job's resource type, which targets name.

        :raises TemplateError: the type is not known
        """
        type_ = self._catalog.types.get(job.resource.type)
        if type_ is None:
            raise exceptions.TemplateError(
                f'the resource type {job.resource.type} is not known, so '
                'nobody can tell its plural; declare it in a driver.yaml'
            )
        return type_.plural


def target_body(job: Job, plural: str, section: Section) -> dict[str, Json]:
    """The members of a target (section 2.1 of the reference)."""
    syncers = section.syncer_properties
    if syncers is None:
        syncers = {'etcd': {'status': {'key': section.name}}}
    return {
        'type': section.type,
        'resource_type': plural,
        'resource_id': job.resource.id,
        'field_name': section.name,
        'tenant_id': str(job.resource_input.get('tenant_id') or '-'),
        'version': job.version,
        'properties': dict(section.properties),
        'syncer_properties': dict(syncers),
    }
