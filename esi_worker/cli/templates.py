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

"""``esi-worker-manage template ...``: templates as a manager sees them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import json
from typing import Any

import yaml

from esi_worker import drivers, exceptions, masking, store, templates
from esi_worker.admin import rows
from esi_worker.cli import base, naming, writing
from esi_worker.handlers import resolving
from esi_worker.handlers.heat import preparing, secrecy
from esi_worker.mapping import ParameterMappings
from esi_worker.model import Config, Resource, ResourceRef, TypeRegistry
from esi_worker.model.codec import Json

COLUMNS = ('ID', 'Handler', 'Source')
#: The options of a template that name what its jobs wait for.
REFERENCES = ('depends_on', 'needs')


class TemplateList(base.ListCommand):
    """List the usable templates of the folders and of etcd.

    Broken ones are named on stderr with the reason.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        catalog = with_stored(self.app.catalog, self.app.store, self.app.keys)
        return COLUMNS, [
            (template.id, template.handler, template.source)
            for template in catalog.templates()
        ]


def with_stored(
    catalog: templates.TemplateCatalog,
    reader: store.Store,
    keys: store.KeyLayout,
) -> templates.TemplateCatalog:
    """Let the templates in etcd take the places of those in folders."""
    prefix = keys.config(f'{templates.HEAT_TEMPLATES_PATH}/')
    stored = reader.range(prefix).items
    catalog.replace_all({kv.key: kv.value for kv in stored})
    return catalog


class TemplateShow(base.ShowCommand):
    """Show one template with its parameters and its text."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('template', help='the id of the template')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        catalog = with_stored(self.app.catalog, self.app.store, self.app.keys)
        template = catalog.get(parsed_args.template)
        columns = ('Parameters', 'Depends on', 'Needs', 'Text')
        references = _references(template.mappings)
        return (*COLUMNS, *columns), (
            template.id,
            template.handler,
            template.source,
            '\n'.join(sorted(template.mappings.expressions)),
            *(_lines(references.get(option, [])) for option in REFERENCES),
            template.text,
        )


def _references(mappings: ParameterMappings) -> dict[str, list[Json]]:
    """The options with references that a template has, as written."""
    lists = (mappings.depends_on, mappings.needs)
    return {
        option: list(references.raw)
        for option, references in zip(REFERENCES, lists, strict=True)
        if references
    }


def _lines(references: list[Json]) -> str:
    return '\n'.join(
        item if isinstance(item, str) else json.dumps(item)
        for item in references
    )


class TemplateRender(base.PlainCommand):
    """Render what a resource's stack would be made from.

    Uses the desired state and the outputs of other stacks as they are at
    the moment and changes nothing. Secrets are masked unless
    --show-secrets is given: parameters that the template declares as
    hidden, and values under names like those of secrets or under
    [DEFAULT] secret_fields.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        naming.add_argument(parser)
        parser.add_argument(
            '--parameters',
            action='store_true',
            help='show the parameters as YAML instead of the text',
        )
        parser.add_argument(
            '--show-secrets',
            action='store_true',
            help='show secrets as they are',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        app = self.app
        catalog = with_stored(app.catalog, app.store, app.keys)
        path = naming.path_of(
            naming.words_of(parsed_args), app.keys, catalog.types
        )
        view = _View(app.store, app.keys, catalog.types)
        resource = view.resource(naming.ref_of(path, catalog.types))
        if resource is None:
            raise exceptions.TerminalError(
                f'{path} has no desired state to render for'
            )
        plan = drivers.DriverSet.load(catalog, app.conf).plan(resource, view)
        if not plan.parts:
            raise exceptions.TerminalError(
                f'no template is chosen for {path}; it needs no work'
            )
        resolver = resolving.Resolver(app.store, app.keys, catalog.types)
        for part in plan.parts:
            values = resolver.values(part.params)
            text = _rendered(catalog, part, values)
            if not parsed_args.show_secrets:
                secrets = self._secrets(resource, values, text)
                values = masking.redacted(values, masking.fields(app.conf))
                values = masking.without(values, secrets)
                text = masking.masked(text, secrets)
            if parsed_args.parameters:
                text = yaml.safe_dump(dict(values), sort_keys=True)
            self.say(f'# {part.handler}: {part.template_id}')
            self.say(text.rstrip('\n'))

    def _secrets(
        self, resource: Resource, values: Mapping[str, Json], text: str
    ) -> frozenset[str]:
        """The values that must not be seen, wherever they stand."""
        names = masking.fields(self.app.conf)
        hidden = [
            values[name] for name in secrecy.hidden_in(text) if name in values
        ]
        return (
            masking.secrets_in(resource.body, names)
            | masking.secrets_in(values, names)
            | masking.texts_in(hidden)
        )


def _rendered(
    catalog: templates.TemplateCatalog,
    part: drivers.Part,
    values: Mapping[str, Json],
) -> str:
    return catalog.render(
        part.template_id,
        {
            name: value
            for name, value in values.items()
            if name.startswith(preparing.JINJA_PREFIX)
        },
    )


class _View:
    """Bodies read one by one, as a driver looks them up."""

    def __init__(
        self, reader: store.Store, keys: store.KeyLayout, types: TypeRegistry
    ) -> None:
        self._store = reader
        self._keys = keys
        self._types = types

    def resource(self, ref: ResourceRef) -> Resource | None:
        path, type_ = self._types.path(ref), self._types.get(ref.type)
        if path is None or type_ is None:
            return None
        kv = self._store.get(self._keys.config(path))
        if kv is None:
            return None
        return Resource(type_, ref.id, Config.decode(kv.key, kv.value))

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        resource = self.resource(ref)
        return None if resource is None else resource.body


class TemplatePush(base.ChangeCommand):
    """Put templates of the folders into etcd.

    All managers and workers use what is in etcd at once, in place of the
    one of the same id in their folders. Resources that exist already are
    not touched; "template apply" does that.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'template',
            nargs='+',
            help='ids of templates in the folders of this host',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes = [
            change
            for name in dict.fromkeys(parsed_args.template)
            if (change := self._plan(name)).kind is not writing.Kind.UNCHANGED
        ]
        if not changes:
            self.say('etcd has them already')
            return
        self.confirm(parsed_args, '\n'.join(map(str, changes)))
        for change in changes:
            what = f'{change.path} version {change.version}'
            with self.recorded('template push', what):
                writing.write(self.app.store, self.app.keys, change)
            self.say(f'pushed {change.path}')

    def _plan(self, name: str) -> writing.Change:
        template = self.app.catalog.get(name)
        path = f'{templates.HEAT_TEMPLATES_PATH}/{name}'
        body: dict[str, Json] = {
            'id': name,
            'handler': template.handler,
            'parameter_mappings': dict(template.mappings.raw),
            'template_file': template.text,
            **_references(template.mappings),
        }
        kv = self.app.store.get(self.app.keys.config(path))
        if kv is None:
            return writing.Change(writing.Kind.CREATE, path, 1, 0, body)
        version = rows.fields(kv).get('version')
        number = version if isinstance(version, int) else 0
        same = _body(kv) == body
        kind = writing.Kind.UNCHANGED if same else writing.Kind.UPDATE
        return writing.Change(kind, path, number + 1, kv.mod_revision, body)


def _body(kv: store.KeyValue) -> Mapping[str, Json] | None:
    try:
        return Config.decode(kv.key, kv.value).body
    except exceptions.DecodeError:
        return None
