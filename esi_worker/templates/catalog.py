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

"""All templates and the choice among them.

Templates come from folders, read once at start, and from etcd, which
may change at any time. One in etcd takes the place of the one of the
same id in a folder, with its parameters and its text, until it is
deleted. A broken one in etcd takes that place as well: its reason is
logged, and given to whatever needs the template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import threading
from typing import Any

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.mapping import Choice
from esi_worker.model import Config, ResourceType, TypeRegistry
from esi_worker.model.codec import Json
from esi_worker.templates.linting import own
from esi_worker.templates.linting.texts import TextFacts
from esi_worker.templates.rendering import Renderer
from esi_worker.templates.template import (
    HEAT_TEMPLATES_PATH,
    Template,
    canonical_handler,
    decode,
    template_id_of,
)

LOG = logging.getLogger(__name__)

#: The type of the templates themselves; it makes no job and has no
#: state.
HEAT_TEMPLATE = ResourceType(
    'heat_template', 'heat_templates', f'/{HEAT_TEMPLATES_PATH}'
)

#: Choices by handler, then by resource type.
Choices = Mapping[str, Mapping[str, Choice]]


@dataclasses.dataclass(frozen=True, slots=True)
class Broken:
    """A template in etcd that cannot be used."""

    key: str
    reason: str


class TemplateCatalog:
    """Chooses, finds and renders templates; thread-safe.

    ``types`` are all resource types that are known, ``handlers`` the
    handlers of a workflow in order.
    """

    def __init__(
        self,
        types: TypeRegistry | None = None,
        handlers: Iterable[str] = ('heat_worker',),
        choices: Choices | None = None,
        templates: Iterable[Template] = (),
        filters: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        """:raises TemplateError: the text of a template is no Jinja"""
        self.types = TypeRegistry() if types is None else types
        if HEAT_TEMPLATE.name not in self.types:
            self.types.add(HEAT_TEMPLATE)
        self.handlers = tuple(handlers)
        self._choices = {
            canonical_handler(handler): dict(by_type)
            for handler, by_type in (choices or {}).items()
        }
        self._renderer = Renderer(filters)
        self._files = {template.id: template for template in templates}
        for template in self._files.values():
            self._renderer.compile(template.id, template.text)
        self._facts: dict[str, tuple[str, TextFacts]] = {}
        self._lock = threading.Lock()
        self._stored: dict[str, Template | Broken] = {}

    def choose(
        self,
        handler: str,
        resource_type: str,
        body: Mapping[str, Json],
        version: int,
        *,
        resource_id: str | None = None,
    ) -> str | None:
        """Which template a handler uses for a version of a resource.

        :returns: its id, or None when the handler has no work
        :raises MappingError: the choice does not fit the body
        """
        type_ = self.types.get(resource_type)
        choice = self.choice(handler, resource_type)
        if type_ is None or choice is None:
            return None
        return choice.evaluate(
            type_, body, version, self.types, resource_id=resource_id
        )

    @property
    def choosing(self) -> tuple[str, ...]:
        """The handlers for which templates are chosen."""
        return tuple(self._choices)

    def choice(self, handler: str, resource_type: str) -> Choice | None:
        """The expression behind ``choose``, if there is one."""
        if resource_type == HEAT_TEMPLATE.name:
            return None
        by_type = self._choices.get(canonical_handler(handler), {})
        return by_type.get(resource_type)

    def get(self, template_id: str) -> Template:
        """Find a template.

        :raises TemplateNotFound: there is none of this id
        :raises TemplateError: the one in etcd is broken
        """
        with self._lock:
            found = self._stored.get(template_id)
        if found is None:
            found = self._files.get(template_id)
        if found is None:
            raise exceptions.TemplateNotFound(template_id)
        if isinstance(found, Broken):
            raise exceptions.TemplateError(
                f'template "{template_id}" cannot be used: {found.reason}; '
                f'correct {found.key} or delete it'
            )
        return found

    def _fault(self, template: Template) -> str:
        """Why Heat would refuse whatever is made of a template."""
        for parameter, (rule, message) in own.check_text(
            template, self.facts(template)
        ):
            if rule.blocks:
                return f'parameter "{parameter}": {message}'
        return ''

    def facts(self, template: Template) -> TextFacts:
        """What the text of a template declares."""
        with self._lock:
            known = self._facts.get(template.id)
        if known is not None and known[0] == template.text:
            return known[1]
        facts = TextFacts.read(self._renderer.environment, template.text)
        with self._lock:
            self._facts[template.id] = template.text, facts
        return facts

    def get_for(self, handler: str, template_id: str) -> Template:
        """Find a template that a handler has chosen, to make jobs.

        :raises TemplateNotFound: there is none of this id
        :raises TemplateError: it is broken or for another handler, or
            Heat would refuse what is made of it
        """
        template = self.get(template_id)
        if canonical_handler(template.handler) != canonical_handler(handler):
            raise exceptions.TemplateError(
                f'template "{template_id}" ({template.source}) is for the '
                f'handler "{template.handler}", but "{handler}" has chosen '
                'it; correct its "handler" or the choice'
            )
        fault = self._fault(template)
        if fault:
            raise exceptions.TemplateError(
                f'template "{template_id}" cannot be used: {fault}; '
                f'correct {template.source}'
            )
        return template

    def render(self, template_id: str, params: Mapping[str, Json]) -> str:
        """Fill a template in.

        :param params: the variables, with their full names
        :raises TemplateNotFound: there is none of this id
        :raises TemplateError: it is broken, or fails; the message names
            template and line
        """
        template = self.get(template_id)
        return self._renderer.render(template_id, template.text, params)

    def templates(self) -> tuple[Template, ...]:
        """The usable templates in the order of their ids."""
        with self._lock:
            merged = {**self._files, **self._stored}
        return tuple(
            template
            for _, template in sorted(merged.items())
            if isinstance(template, Template)
        )

    def broken(self) -> tuple[tuple[str, Broken], ...]:
        """The templates that cannot even be read, by their ids."""
        with self._lock:
            stored = dict(self._stored)
        return tuple(
            (template_id, found)
            for template_id, found in sorted(stored.items())
            if isinstance(found, Broken)
        )

    def put(self, key: str, text: str) -> str | None:
        """Take a template from etcd; a broken one is logged and kept.

        :param key: the whole key
        :param text: the config envelope, as it is stored
        :returns: the template's id, or None for a key that is none
        """
        try:
            template_id = template_id_of(key)
        except exceptions.DecodeError as exc:
            LOG.warning('Not a template: %s', exc)
            return None
        self._store(template_id, self._read(key, text))
        return template_id

    def remove(self, template_id: str) -> None:
        """Forget a template that is gone from etcd."""
        with self._lock:
            self._stored.pop(template_id, None)

    def replace_all(self, items: Mapping[str, str]) -> None:
        """Take all templates of etcd; those not named are forgotten.

        :param items: envelopes by key
        """
        ids = {self.put(key, text) for key, text in items.items()}
        with self._lock:
            gone = self._stored.keys() - ids
            for template_id in gone:
                del self._stored[template_id]

    def _store(self, template_id: str, found: Template | Broken) -> None:
        with self._lock:
            before = self._stored.get(template_id)
            self._stored[template_id] = found
        if isinstance(found, Broken) and found != before:
            LOG.error(
                'Template %(id)s in %(key)s cannot be used: %(reason)s',
                {'id': template_id, 'key': found.key, 'reason': found.reason},
            )

    def _read(self, key: str, text: str) -> Template | Broken:
        try:
            template = decode(key, Config.decode(key, text).body)
            self._renderer.compile(template.id, template.text)
        except exceptions.TerminalError as exc:
            return Broken(key, str(exc))
        return template
