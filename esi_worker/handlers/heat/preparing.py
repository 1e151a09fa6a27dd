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

"""From a job to what its stack shall be.

Parameters are split by their names: ``heat_timeout`` is Heat's time
limit, ``jinja_*`` go to the template with their full names, all others
are Heat parameters and pass untouched (section 4.3 of the reference of
the Heat worker).
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses

from esi_worker import exceptions
from esi_worker.handlers import base, errors, resolving
from esi_worker.handlers.heat import backend, options, secrecy
from esi_worker.model import Job, ParamType
from esi_worker.model.codec import Json

TIMEOUT = 'heat_timeout'
JINJA_PREFIX = 'jinja_'


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """What a stack shall be, and all values that went into it."""

    request: backend.StackRequest
    values: Mapping[str, Json] = dataclasses.field(repr=False)


class Preparer:
    """Resolves parameters and renders templates."""

    def __init__(
        self, context: base.HandlerContext, resolver: resolving.Resolver
    ) -> None:
        self._context = context
        self._resolver = resolver

    def prepare(self, job: Job) -> Prepared:
        """Work out what the job's stack shall be.

        :raises OutputNotFound: it needs an output that is not there
        :raises InvalidJob: its ``heat_timeout`` is no number of minutes
        :raises TemplateError: its template is missing or unusable
        """
        values = self._resolver.values(job.params)
        minutes = self.minutes(values.get(TIMEOUT))
        jinja = _jinja(values)
        parameters = {
            name: value
            for name, value in values.items()
            if name != TIMEOUT and name not in jinja
        }
        template = self._render(job, jinja)
        request = backend.StackRequest(
            name=stack_name(job),
            template=template,
            parameters=parameters,
            timeout_mins=minutes,
            tags=(
                backend.OWNER_TAG,
                job.resource.type,
                backend.digest_tag(template, parameters),
            ),
            observe=is_forced(job),
        )
        return Prepared(request, values)

    def minutes(self, value: Json) -> int:
        """Decode ``heat_timeout``; None stands for the default."""
        if value is None:
            return int(self._context.conf[options.GROUP].stack_timeout)
        return _positive(value)

    def minutes_to_delete(self, job: Job) -> int:
        """How long a deletion may take; a bad value must not stop it."""
        for param in job.params:
            if param.name == TIMEOUT and param.type is ParamType.VALUE:
                try:
                    return self.minutes(param.value)
                except errors.InvalidJob:
                    break
        return self.minutes(None)

    def template_to_delete(self, job: Job) -> str:
        """The template of a stack that is going, as far as it is known.

        Only what it says of its parameters counts, so outputs of others
        are not asked for; nothing that is missing stops a deletion.
        """
        values = secrecy.known_values(job)
        try:
            return self._render(job, _jinja(values))
        except exceptions.TerminalError:
            return ''

    def _render(self, job: Job, jinja: Mapping[str, Json]) -> str:
        catalog = self._context.catalog
        template_id = catalog.choose(
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
        return catalog.render(template_id, jinja)


def _jinja(values: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: value
        for name, value in values.items()
        if name.startswith(JINJA_PREFIX)
    }


def is_forced(job: Job) -> bool:
    """Whether an operator wants an update even where nothing differs."""
    options = job.extra.get('options')
    return isinstance(options, dict) and options.get('force') is True


def stack_name(job: Job) -> str:
    """The name of the resource's stack."""
    return f'{job.resource.type}_{job.resource.id}'


def tenant_of(job: Job) -> str:
    """The tenant that owns the stack.

    :raises InvalidJob: the resource names none
    """
    tenant = job.resource_input.get('tenant_id')
    if not isinstance(tenant, str) or not tenant:
        raise errors.InvalidJob(
            f'the field "tenant_id" of {job.resource} names no tenant, so '
            'nobody can own its stack'
        )
    return tenant


def _positive(value: Json) -> int:
    try:
        if isinstance(value, str | int) and not isinstance(value, bool):
            minutes = int(value)
            if minutes > 0:
                return minutes
    except ValueError:
        pass
    raise errors.InvalidJob(
        f'the parameter "{TIMEOUT}" must be a whole number of minutes '
        f'above 0, not {value!r}'
    )
