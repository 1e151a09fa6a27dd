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

"""Goes over all templates of a catalog.

Whether a parameter fits depends on the template's text, whether an
expression fits on the types that choose the template, and an output on
the templates of another type: all three are looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import dataclasses
import functools

from esi_worker.mapping import Choice, Expression
from esi_worker.model import ResourceType
from esi_worker.templates.catalog import HEAT_TEMPLATE, TemplateCatalog
from esi_worker.templates.linting import choices, findings
from esi_worker.templates.linting.findings import Finding
from esi_worker.templates.linting.mappings import Fault, MappingChecker
from esi_worker.templates.linting.own import check_text
from esi_worker.templates.template import Template, canonical_handler

_HEAT = 'heat_worker'


@dataclasses.dataclass(frozen=True, slots=True)
class _Use:
    """A type that may choose some templates."""

    type: ResourceType
    choice: Choice
    possible: choices.Possible

    @property
    def handler(self) -> str:
        return canonical_handler(self.choice.handler)

    def takes(self, template: Template) -> bool:
        """Whether it may choose a template of its handler, or certainly
        chooses one of another."""
        if template.id in self.possible.fixed:
            return True
        mine = self.handler == canonical_handler(template.handler)
        return mine and template.id in self.possible


class Linter:
    """The findings about a catalog as it is now."""

    def __init__(self, catalog: TemplateCatalog) -> None:
        self._catalog = catalog
        self._templates = {each.id: each for each in catalog.templates()}
        self._uses = [
            _Use(type_, choice, choices.Possible(choice))
            for type_ in catalog.types
            if type_.name != HEAT_TEMPLATE.name
            for handler in catalog.choosing
            if (choice := catalog.choice(handler, type_.name)) is not None
        ]

    def lint(self) -> list[Finding]:
        """Everything that is wrong, in the order of the templates."""
        found: list[Finding] = []
        for use in self._uses:
            found += self._lint_choice(use)
        for template_id, reason in self._catalog.broken():
            found.append(
                Finding(
                    findings.MALFORMED, reason.reason, template_id, reason.key
                )
            )
        for template in self._templates.values():
            found += self.lint_template(template)
        return sorted(
            dict.fromkeys(found),
            key=lambda each: (
                each.template,
                each.resource_type,
                each.parameter,
            ),
        )

    def lint_template(self, template: Template) -> Iterator[Finding]:
        """What is wrong with one template."""
        facts = self._catalog.facts(template)
        uses = [use for use in self._uses if use.takes(template)]
        for parameter, fault in check_text(template, facts):
            found = self._finding(template, '', parameter, fault)
            yield dataclasses.replace(found, chosen=bool(uses))
        if not uses:
            yield self._finding(
                template,
                '',
                '',
                (findings.NEVER_CHOSEN, 'no type chooses this template'),
            )
        for use in uses:
            yield from self._lint_use(template, use)

    def _lint_use(self, template: Template, use: _Use) -> Iterator[Finding]:
        type_ = use.type
        if canonical_handler(template.handler) != use.handler:
            fault = (
                findings.WRONG_HANDLER,
                f'it is for the handler "{template.handler}", but '
                f'"{use.choice.handler}" may choose it',
            )
            yield self._finding(template, type_.name, '', fault)
        checker = MappingChecker(
            self._catalog.types, type_, self._check_output
        )
        for parameter, expression in _expressions(template):
            for fault in checker.check(expression):
                yield self._finding(template, type_.name, parameter, fault)

    def _lint_choice(self, use: _Use) -> Iterator[Finding]:
        checker = MappingChecker(
            self._catalog.types, use.type, self._check_output
        )
        faults = list(checker.check(use.choice.expression))
        known = self._templates.keys() | {
            name for name, _ in self._catalog.broken()
        }
        faults += [
            (
                findings.NO_TEMPLATE,
                f'{use.choice.handler} chooses the template "{name}", which '
                'does not exist',
            )
            for name in use.possible.fixed
            if name not in known
        ]
        for rule, message in faults:
            yield Finding(rule, message, resource_type=use.type.name)

    def _finding(
        self, template: Template, type_: str, parameter: str, fault: Fault
    ) -> Finding:
        rule, message = fault
        return Finding(
            rule, message, template.id, template.source, type_, parameter
        )

    # --- outputs ----------------------------------------------------------

    def _check_output(self, type_: str, key: str) -> Iterator[Fault]:
        giving = self._stack_templates(type_)
        if giving is None:
            yield (
                findings.NO_STACK,
                f'the output "{key}" of a "{type_}" is taken, which has no '
                'stack',
            )
            return
        lacking = [each for each in giving if not self._gives(each, key)]
        if not lacking:
            return
        names = ', '.join(f'"{template.id}"' for template in lacking)
        text = f'the output "{key}" of a "{type_}" is not given by {names}'
        if len(lacking) == len(giving):
            yield findings.UNKNOWN_OUTPUT, text
        else:
            yield findings.OUTPUT_OF_SOME, text

    @functools.cache  # noqa: B019 - a linter lives for one look
    def _stack_templates(self, type_: str) -> tuple[Template, ...] | None:
        """The templates of a type's stacks; None when it has none."""
        uses = [
            use
            for use in self._uses
            if use.type.name == type_ and use.handler == _HEAT
        ]
        if not uses:
            return None
        return tuple(
            template
            for template in self._templates.values()
            if any(use.takes(template) for use in uses)
        )

    def _gives(self, template: Template, key: str) -> bool:
        """Whether it may give an output; unclear ones might."""
        outputs = self._catalog.facts(template).outputs
        return outputs is None or key in outputs


def _expressions(template: Template) -> Iterable[tuple[str, Expression]]:
    mappings = template.mappings
    yield from mappings.expressions.items()
    for expression in mappings.depends_on.expressions:
        yield 'depends_on', expression
    for expression in mappings.needs.expressions:
        yield 'needs', expression
