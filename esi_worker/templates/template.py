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

"""One template: a text, its parameters and the handler it is for."""

from __future__ import annotations

import dataclasses

from esi_worker import exceptions
from esi_worker.mapping import ParameterMappings, ReferenceList
from esi_worker.model import codec

#: The resource path under which etcd holds templates.
HEAT_TEMPLATES_PATH = 'v2.0/heat_templates'

#: Names of one handler; the first is the one we use.
_ALIASES = {'monitoring_worker': 'monitoring'}


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """A template as a file or etcd has it.

    ``source`` is the file or the key, for errors and for the operator.
    """

    id: str
    handler: str
    mappings: ParameterMappings
    text: str
    source: str


def is_template_path(path: str) -> str | None:
    """The template id in a resource path, or None for another path."""
    prefix = f'{HEAT_TEMPLATES_PATH}/'
    if not path.startswith(prefix):
        return None
    return path[len(prefix) :] or None


def template_id_of(key: str) -> str:
    """The template id in the key of a template.

    :raises DecodeError: this is no key of a template
    """
    _, found, template_id = key.partition(f'/{HEAT_TEMPLATES_PATH}/')
    if not found or not template_id:
        raise exceptions.DecodeError(
            key, f'a key <prefix>/{HEAT_TEMPLATES_PATH}/<id> is expected'
        )
    return template_id


def canonical_handler(name: str) -> str:
    """The name of a handler that all its aliases share."""
    return _ALIASES.get(name, name)


def decode(key: str, body: codec.Json) -> Template:
    """Read the body of a template's config (reference, section 1).

    :raises DecodeError: a field is missing or of another type
    :raises MappingError: an expression or a reference is malformed
    """
    template_id = template_id_of(key)
    parameters = codec.field(key, body, 'parameter_mappings', dict)
    return Template(
        id=template_id,
        handler=codec.field(key, body, 'handler', str),
        mappings=ParameterMappings(
            template_id,
            parameters,
            depends_on=_references(template_id, 'depends_on', body),
            needs=_references(template_id, 'needs', body),
        ),
        text=codec.field(key, body, 'template_file', str),
        source=key,
    )


def _references(
    template_id: str, option: str, body: codec.Json
) -> ReferenceList:
    return ReferenceList(template_id, option, body.get(option))
