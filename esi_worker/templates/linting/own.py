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

"""What a template says about itself: its text against its parameters.

These faults depend on nothing outside the template.
"""

from __future__ import annotations

from collections.abc import Iterator

from esi_worker.mapping.parameters import DEPENDENCY_ONLY
from esi_worker.templates.linting import constants, findings
from esi_worker.templates.linting.findings import Rule
from esi_worker.templates.linting.texts import TextFacts
from esi_worker.templates.template import Template, canonical_handler

#: What Heat's parameters are told from.
JINJA_PREFIX = 'jinja_'
TIMEOUT = 'heat_timeout'
_HEAT = 'heat_worker'

Fault = tuple[Rule, str]


def check_text(
    template: Template, facts: TextFacts
) -> Iterator[tuple[str, Fault]]:
    """The faults, each with the parameter or variable it is about."""
    yield from _variables(template, facts)
    if canonical_handler(template.handler) != _HEAT:
        return
    yield from _timeout(template)
    if facts.problem:
        yield '', (findings.UNCLEAR_TEXT, facts.problem)
    if facts.parameters is not None:
        yield from _declared(template, facts)
        yield from _given(template, facts)


def _variables(
    template: Template, facts: TextFacts
) -> Iterator[tuple[str, Fault]]:
    heat = canonical_handler(template.handler) == _HEAT
    given = {
        name
        for name in template.mappings.expressions
        if name.startswith(JINJA_PREFIX) or not heat
    }
    for name in sorted(facts.variables - given):
        hint = ''
        if name in template.mappings.expressions:
            hint = f'; only names that begin with "{JINJA_PREFIX}" are given'
        yield (
            name,
            (
                findings.VARIABLE_NOT_MAPPED,
                f'the text uses the variable "{name}", which no mapping '
                f'gives{hint}',
            ),
        )
    for name in sorted(given - facts.variables):
        if heat and not name.startswith(DEPENDENCY_ONLY):
            yield (
                name,
                (findings.VARIABLE_NOT_USED, 'the text does not use it'),
            )


def _timeout(template: Template) -> Iterator[tuple[str, Fault]]:
    expression = template.mappings.expressions.get(TIMEOUT)
    if expression is None:
        yield (
            TIMEOUT,
            (findings.NO_TIMEOUT, 'it is not given, so the default counts'),
        )
        return
    for value in constants.of(expression):
        if value is not None and not constants.is_timeout(value):
            yield (
                TIMEOUT,
                (
                    findings.WRONG_CONSTANT,
                    f'{value!r} is no number of minutes',
                ),
            )


def _declared(
    template: Template, facts: TextFacts
) -> Iterator[tuple[str, Fault]]:
    """What is given is declared, and of the declared type."""
    declared = facts.parameters or {}
    for name, expression in template.mappings.expressions.items():
        if name == TIMEOUT or name.startswith(JINJA_PREFIX):
            continue
        if name not in declared:
            yield (
                name,
                (
                    findings.NOT_DECLARED,
                    'the text declares no such parameter; Heat refuses it',
                ),
            )
            continue
        type_ = declared[name].type
        for value in constants.of(expression):
            if not constants.fits(type_, value):
                yield (
                    name,
                    (
                        findings.WRONG_CONSTANT,
                        f'the constant {value!r} is no {type_}',
                    ),
                )


def _given(
    template: Template, facts: TextFacts
) -> Iterator[tuple[str, Fault]]:
    """What is declared is given, above all what has no default."""
    for name, declared in (facts.parameters or {}).items():
        if name in template.mappings.expressions:
            continue
        rule, what = findings.PERHAPS_NOT_MAPPED, 'perhaps declared without'
        if declared.has_default:
            rule, what = findings.ONLY_DEFAULT, 'declared with'
        elif declared.required:
            rule, what = findings.NOT_MAPPED, 'declared without'
        yield name, (rule, f'it is {what} a default; no mapping gives it')
