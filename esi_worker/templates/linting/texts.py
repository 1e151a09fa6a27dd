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

"""What the text of a template declares, without rendering it.

A Heat template in Jinja is no YAML before it is rendered, and what it
declares may depend on values. So it is read twice: with all that stands
in any branch, and with what stands in no block at all. The first says
what may be declared, the second what certainly is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
from typing import Any

import jinja2
from jinja2 import meta
import yaml

from esi_worker.model.codec import Json

_VERSIONS = ('heat_template_version', 'HeatTemplateFormatVersion')
#: The one in C is ten times as fast.
_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_OPENING = frozenset(('if', 'for', 'macro', 'call', 'filter', 'with'))


@dataclasses.dataclass(frozen=True, slots=True)
class Declared:
    """A parameter that a Heat template declares.

    ``required`` tells that it has no default and stands in no block.
    """

    type: str
    has_default: bool
    required: bool


@dataclasses.dataclass(frozen=True, slots=True)
class TextFacts:
    """What is known of a text.

    ``parameters`` and ``outputs`` are None when the text is no Heat
    template; ``problem`` says why one cannot be understood.
    """

    variables: frozenset[str]
    parameters: Mapping[str, Declared] | None = None
    outputs: frozenset[str] | None = None
    problem: str = ''

    @classmethod
    def read(cls, environment: jinja2.Environment, text: str) -> TextFacts:
        """:raises jinja2.TemplateError: it is no Jinja"""
        names = meta.find_undeclared_variables(environment.parse(text))
        variables = frozenset(names - environment.globals.keys())
        if not any(version in text for version in _VERSIONS):
            return cls(variables)
        try:
            every = _load(''.join(_data(environment, text, False)))
            outer = _load(''.join(_data(environment, text, True)))
        except (
            yaml.YAMLError,
            ValueError,
            TypeError,
            RecursionError,
        ) as error:
            reason = str(error).replace('\n', ' ')
            return cls(variables, problem=f'it is no plain YAML: {reason}')
        return cls(
            variables,
            _parameters(every, outer),
            frozenset(map(str, _section(every, 'outputs'))),
        )


def _data(
    environment: jinja2.Environment, text: str, outer: bool
) -> Iterator[str]:
    """The text with a word for each value.

    :param outer: only what stands in no block
    """
    depth, begins = 0, False
    for _, kind, value in environment.lex(text):
        if kind == 'block_begin':
            begins = True
        elif begins and kind == 'name':
            begins = False
            if value in _OPENING:
                depth += 1
            elif value.startswith('end') and depth:
                depth -= 1
        elif outer and depth:
            continue
        elif kind == 'variable_begin':
            yield 'value'
        elif kind == 'data':
            yield value


def _load(text: str) -> Mapping[str, Json]:
    document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise ValueError('it is no mapping')
    return document


def _section(document: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    section = document.get(name, document.get(name.capitalize()))
    return section if isinstance(section, Mapping) else {}


def _parameters(
    every: Mapping[str, Json], outer: Mapping[str, Json]
) -> dict[str, Declared]:
    certain = _section(outer, 'parameters')
    return {
        str(name): _declared(definition, name in certain)
        for name, definition in _section(every, 'parameters').items()
    }


def _declared(definition: Json, certain: bool) -> Declared:
    if not isinstance(definition, Mapping):
        return Declared('', False, False)
    type_ = str(definition.get('type', definition.get('Type', ''))).lower()
    has_default = 'default' in definition or 'Default' in definition
    return Declared(type_, has_default, certain and not has_default)
