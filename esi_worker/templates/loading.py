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

"""Building the catalog from folders, schemas and options.

Folders are read in this order, a later one wins: that of the shipped set
which the option ``template_set`` names, those of installed packages
(entry points ``esi_worker.template_paths``), the option
``template_paths``. Schemas win over a ``driver.yaml`` in what
they say of a type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import inspect
import json
import pathlib
import sys
import sysconfig
import types as pytypes
from typing import Any

from oslo_log import log as logging

from esi_worker import exceptions, plugins
from esi_worker.mapping import Choice
from esi_worker.model import ResourceType, TypeRegistry
from esi_worker.model.codec import Json
from esi_worker.templates import folders, options, schemas
from esi_worker.templates.catalog import HEAT_TEMPLATE, TemplateCatalog
from esi_worker.templates.template import Template, canonical_handler

LOG = logging.getLogger(__name__)

#: Where the wheel's data files put the shipped templates.
SHARE = pathlib.Path('share', 'esi-worker', 'templates')


def load_catalog(
    conf: Any, further: Iterable[folders.TypeFolder] = ()
) -> TemplateCatalog:
    """Read everything that the group ``[resources]`` names.

    :param further: types and templates that win over those of folders
    :raises ConfigurationError: naming the file, the field and the fix
    :raises PluginError: an entry point cannot be loaded
    """
    conf.register_opts(options.OPTS, group=options.GROUP)
    resources = conf.resources
    builder = _Builder()
    for folder in _folders(resources):
        builder.add_folder(folder)
    for declared in further:
        builder.add(declared)
    if resources.schemas:
        builder.add_schemas(resources.schemas)
    handlers = tuple(resources.handlers)
    if resources.template_mappings:
        handlers = builder.replace_choices(resources.template_mappings)
    return builder.build(handlers)


class _Builder:
    """Gathers what the sources give."""

    def __init__(self) -> None:
        self.types = TypeRegistry([HEAT_TEMPLATE])
        self.templates: dict[str, Template] = {}
        #: By the canonical handler's name, then by type.
        self.choices: dict[str, dict[str, Choice]] = {}

    def add_folder(self, folder: pathlib.Path) -> None:
        for declared in folders.load(folder):
            self.add(declared)

    def add(self, declared: folders.TypeFolder) -> None:
        self.types.add(declared.type)
        for by_type in self.choices.values():
            by_type.pop(declared.type.name, None)
        for choice in declared.choices.values():
            self.choose(choice)
        for template in declared.templates:
            self.templates[template.id] = template

    def choose(self, choice: Choice) -> None:
        handler = canonical_handler(choice.handler)
        self.choices.setdefault(handler, {})[choice.resource_type] = choice

    def add_schemas(self, source: str) -> None:
        for schema in schemas.load(source):
            self.types.add(self.merged(schema.type))
            if schema.choice is not None:
                self.choose(schema.choice)

    def merged(self, type_: ResourceType) -> ResourceType:
        """The schema's type with the relations a driver adds to it."""
        known = self.types.get(type_.name)
        if known is None:
            return type_
        return dataclasses.replace(
            type_,
            relations={**known.relations, **type_.relations},
            nested={**known.nested, **type_.nested},
        )

    def replace_choices(self, path: str) -> tuple[str, ...]:
        """Take the choices of a mappings file; gives its handlers."""
        mappings = read_template_mappings(path)
        self.choices.clear()
        for by_type in mappings.values():
            for choice in by_type.values():
                self.declare(choice.resource_type)
                self.choose(choice)
        return tuple(mappings)

    def declare(self, name: str) -> None:
        if name in self.types:
            return
        type_ = ResourceType(name, f'{name}s', f'/v2.0/{name}s')
        LOG.warning(
            'Resource type %(type)s is in the template mappings but neither '
            'in the schemas nor in a driver.yaml; assuming %(prefix)s',
            {'type': name, 'prefix': type_.prefix},
        )
        self.types.add(type_)

    def build(self, handlers: tuple[str, ...]) -> TemplateCatalog:
        if not handlers:
            raise exceptions.ConfigurationError(
                'no handler takes part in workflows; set the option '
                '"handlers" in the group [resources]'
            )
        filters = _filters()
        try:
            return TemplateCatalog(
                self.types,
                handlers,
                self.choices,
                self.templates.values(),
                filters,
            )
        except exceptions.TemplateError as exc:
            raise exceptions.ConfigurationError(
                f'{exc}; correct its file'
            ) from exc


def read_template_mappings(path: str) -> dict[str, dict[str, Choice]]:
    """Read a file ``{handler: {resource type: expression}}``.

    :returns: the choices, handlers in the file's order
    :raises ConfigurationError: naming the file and the field
    """
    try:
        with open(path, encoding='utf-8') as file:
            raw = json.load(file)
    except (OSError, ValueError, RecursionError) as exc:
        raise exceptions.ConfigurationError(
            f'{path}: it cannot be read as JSON: {exc}; correct it or the '
            'option "template_mappings" in the group [resources]'
        ) from exc
    if not isinstance(raw, Mapping):
        raise exceptions.ConfigurationError(
            f'{path}: it must be an object {{handler: {{type: expression}}}}'
        )
    return {name: _choices(path, name, value) for name, value in raw.items()}


def _choices(path: str, handler: str, raw: Json) -> dict[str, Choice]:
    if not isinstance(raw, Mapping):
        raise exceptions.ConfigurationError(
            f'{path}: "{handler}" must be an object {{type: expression}}'
        )
    choices = {}
    for name, expression in raw.items():
        if expression is None:
            continue
        try:
            choices[name] = Choice(handler, name, expression)
        except exceptions.MappingError as exc:
            raise exceptions.ConfigurationError(f'{path}: {exc}') from exc
    return choices


def _folders(resources: Any) -> Iterator[pathlib.Path]:
    yield shipped_folder(resources.template_set)
    for name, item in sorted(plugins.load(plugins.TEMPLATE_PATHS).items()):
        yield _plugin_folder(name, item)
    for path in resources.template_paths:
        yield pathlib.Path(path)


def shipped_folder(set_: str = options.CONTRAIL) -> pathlib.Path:
    """The folder of a set of our own templates.

    One set lies at the top, any other in the sub-folder of its name.

    :raises ConfigurationError: the installation lacks it
    """
    inside = '' if set_ == options.CONTRAIL else set_
    checkout = pathlib.Path(__file__).parents[2] / 'templates'
    prefixes = dict.fromkeys((sys.prefix, sysconfig.get_path('data')))
    installed = [pathlib.Path(prefix) / SHARE for prefix in prefixes]
    for candidate in (checkout / inside, *(p / inside for p in installed)):
        if (candidate / 'port' / folders.DRIVER_FILE).is_file():
            return candidate
    places = ', '.join(str(path) for path in installed)
    raise exceptions.ConfigurationError(
        f'the shipped templates are not in {places}; install esi-worker again'
    )


def _filters() -> dict[str, Any]:
    """The Jinja filters of all installed packages, ours included."""
    filters = plugins.load(plugins.JINJA_FILTERS)
    for name, item in filters.items():
        if not callable(item):
            raise exceptions.PluginError(
                f'plugin "{name}" of {plugins.JINJA_FILTERS} must be a '
                'function'
            )
    return filters


def _plugin_folder(name: str, item: Any) -> pathlib.Path:
    """The folder behind an entry point: a module, a path, a function."""
    if isinstance(item, pytypes.ModuleType):
        return pathlib.Path(inspect.getfile(item)).parent
    path = item() if callable(item) else item
    if isinstance(path, str | pathlib.Path):
        return pathlib.Path(path)
    raise exceptions.PluginError(
        f'plugin "{name}" of {plugins.TEMPLATE_PATHS} must be a package, a '
        'path or a function that gives a path'
    )
