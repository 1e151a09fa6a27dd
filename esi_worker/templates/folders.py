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

"""Template folders: one sub-folder per resource type.

A sub-folder holds a ``driver.yaml`` and the texts that it names::

    type: port
    plural: ports
    prefix: /v2.0/ports
    relations: {network_id: network}        # field: type, optional
    fields: [id, name, network_id]          # optional, checked if given
    choices: {heat_worker: Cport}           # handler: expression
    templates:
      port:                                 # template id
        handler: heat_worker
        file: heat.yaml.j2
        parameters: {name: Pid}             # name: expression
        depends_on: [network_id]            # references, optional
        needs: ['fixed_ips[].subnet_id']    # references, optional

Relations of what lies deeper have a dot before a member of an object and
``[]`` after a list, as in ``port_ids[]`` or ``networks[].port``.

Sub-folders without a ``driver.yaml`` are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import json
import pathlib
from typing import NoReturn

import yaml

from esi_worker import exceptions
from esi_worker.mapping import Choice, ParameterMappings, ReferenceList
from esi_worker.model import ResourceType
from esi_worker.model.codec import Json
from esi_worker.templates.template import Template

DRIVER_FILE = 'driver.yaml'
_FIELDS = frozenset(
    (
        'type',
        'plural',
        'prefix',
        'relations',
        'fields',
        'choices',
        'templates',
    )
)
_TEMPLATE_FIELDS = frozenset(
    ('handler', 'file', 'parameters', 'depends_on', 'needs')
)


@dataclasses.dataclass(frozen=True, slots=True)
class TypeFolder:
    """What one sub-folder declares."""

    type: ResourceType
    choices: Mapping[str, Choice]
    templates: tuple[Template, ...]


def load(folder: pathlib.Path) -> Iterator[TypeFolder]:
    """Read all sub-folders in the order of their names.

    :raises ConfigurationError: naming the file, the field and the fix
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as exc:
        raise exceptions.ConfigurationError(
            f'the template folder {folder} cannot be read: {exc.strerror}; '
            'correct the option "template_paths" in the group [resources]'
        ) from exc
    for entry in entries:
        if (entry / DRIVER_FILE).is_file():
            yield _DriverFile(entry / DRIVER_FILE).read()


def read_type(path: pathlib.Path) -> TypeFolder:
    """Read one ``driver.yaml``.

    :raises ConfigurationError: naming the file, the field and the fix
    """
    return _DriverFile(path).read()


class _DriverFile:
    """Reads one ``driver.yaml``."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def read(self) -> TypeFolder:
        raw = self.load()
        self.check_keys('', raw, _FIELDS)
        type_ = self.type(raw)
        return TypeFolder(
            type_, self.choices(type_.name, raw), self.templates(raw)
        )

    def load(self) -> Mapping[str, Json]:
        try:
            raw = yaml.safe_load(self.path.read_text('utf-8'))
            # A date, for example, would not survive as a parameter.
            json.dumps(raw)
        except (OSError, ValueError, yaml.YAMLError) as exc:
            self.fail('', f'it cannot be read as YAML: {exc}')
        except TypeError as exc:
            self.fail('', f'it holds something that JSON lacks: {exc}')
        if not isinstance(raw, Mapping):
            self.fail('', 'it must be a mapping')
        return raw

    def type(self, raw: Mapping[str, Json]) -> ResourceType:
        prefix = self.text('', raw, 'prefix').strip('/')
        fields = raw.get('fields')
        if fields is not None and not _are_texts(fields):
            self.fail('fields', 'it must be a list of field names')
        relations = self.mapping('', raw, 'relations')
        if not _are_texts([*relations, *relations.values()]):
            self.fail('relations', 'it must map fields to types')
        nested = {name for name in relations if _lies_deeper(name)}
        return ResourceType(
            self.text('', raw, 'type'),
            self.text('', raw, 'plural'),
            f'/{prefix}',
            {name: relations[name] for name in relations.keys() - nested},
            None if fields is None else frozenset(fields),
            {name: relations[name] for name in nested},
        )

    def choices(
        self, type_: str, raw: Mapping[str, Json]
    ) -> dict[str, Choice]:
        choices = {}
        for handler, expression in self.mapping('', raw, 'choices').items():
            try:
                choices[handler] = Choice(handler, type_, expression)
            except exceptions.MappingError as exc:
                self.fail(f'choices.{handler}', str(exc))
        return choices

    def templates(self, raw: Mapping[str, Json]) -> tuple[Template, ...]:
        declared = self.mapping('', raw, 'templates')
        return tuple(
            self.template(id_, self.mapping('templates', declared, id_))
            for id_ in declared
        )

    def template(self, id_: str, raw: Mapping[str, Json]) -> Template:
        place = f'templates.{id_}'
        self.check_keys(place, raw, _TEMPLATE_FIELDS)
        file = self.path.parent / self.text(place, raw, 'file')
        parameters = self.mapping(place, raw, 'parameters')
        try:
            text = file.read_text('utf-8')
            mappings = ParameterMappings(
                id_,
                parameters,
                depends_on=self.references(id_, raw, 'depends_on'),
                needs=self.references(id_, raw, 'needs'),
            )
        except (OSError, ValueError) as exc:
            self.fail(f'{place}.file', f'{file} cannot be read: {exc}')
        except exceptions.MappingError as exc:
            self.fail(f'{place}.parameters', str(exc))
        handler = self.text(place, raw, 'handler')
        return Template(id_, handler, mappings, text, str(file))

    def references(
        self, id_: str, raw: Mapping[str, Json], option: str
    ) -> ReferenceList:
        try:
            return ReferenceList(id_, option, raw.get(option))
        except exceptions.MappingError as exc:
            self.fail(f'templates.{id_}.{option}', str(exc))

    def text(self, place: str, raw: Mapping[str, Json], name: str) -> str:
        value = raw.get(name)
        if not isinstance(value, str) or not value:
            self.fail(_join(place, name), 'it must be a string')
        return value

    def mapping(
        self, place: str, raw: Mapping[str, Json], name: str
    ) -> Mapping[str, Json]:
        value = raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not _are_texts(list(value)):
            self.fail(_join(place, name), 'it must be a mapping of names')
        return value

    def check_keys(
        self, place: str, raw: Mapping[str, Json], known: frozenset[str]
    ) -> None:
        for name in raw:
            if name not in known:
                names = ', '.join(sorted(known))
                self.fail(_join(place, str(name)), f'the fields are: {names}')

    def fail(self, field: str, reason: str) -> NoReturn:
        place = f'{field}: ' if field else ''
        raise exceptions.ConfigurationError(f'{self.path}: {place}{reason}')


def _are_texts(values: Json) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) and value for value in values
    )


def _lies_deeper(name: str) -> bool:
    return '.' in name or '[]' in name


def _join(place: str, name: str) -> str:
    return f'{place}.{name}' if place else name
