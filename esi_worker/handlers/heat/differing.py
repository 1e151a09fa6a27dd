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

"""What an update would change, property by property.

Heat says which resources of a stack an update would touch, but not in
what. That is worked out here, from what the stack was last asked to be
and what it shall be: parameters are filled in, everything else that
Heat would work out itself is shown as the template has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
import json
from typing import Any

import yaml

from esi_worker import masking
from esi_worker.handlers.base import Change, Difference
from esi_worker.handlers.heat import backend, errors
from esi_worker.model.codec import Json

#: The part under which changed outputs are shown.
OUTPUTS = '(outputs)'
_OUTPUT = 'output'


def wanted(request: backend.StackRequest) -> backend.StackContent:
    """What a request asks for, in the form of what Heat has.

    :raises HeatRefused: its template is none
    """
    try:
        template = yaml.safe_load(request.template)
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise errors.HeatRefused(
            f'its template is no YAML: {reason}'
        ) from None
    if not isinstance(template, dict):
        raise errors.HeatRefused('its template is no object')
    return backend.StackContent(template, request.parameters)


def of_creation(
    content: backend.StackContent, secrets: Set[str]
) -> list[Difference]:
    """What the creation of a stack would add."""
    names = tuple(resources(content))
    changes = backend.StackChanges(added=names)
    return of_update(_NOTHING, content, changes, secrets)


def of_deletion(
    content: backend.StackContent, secrets: Set[str]
) -> list[Difference]:
    """What the deletion of a stack would take away."""
    names = tuple(resources(content))
    changes = backend.StackChanges(deleted=names)
    return _Comparison(content, _NOTHING, secrets).of_resources(changes)


def of_update(
    before: backend.StackContent,
    after: backend.StackContent,
    changes: backend.StackChanges,
    secrets: Set[str],
) -> list[Difference]:
    """What an update would change.

    :param changes: what Heat says of it
    :param secrets: texts that are not to be shown
    """
    comparison = _Comparison(before, after, secrets)
    return [*comparison.of_resources(changes), *comparison.of_outputs()]


class _Comparison:
    """Two contents of a stack, side by side."""

    def __init__(
        self,
        before: backend.StackContent,
        after: backend.StackContent,
        secrets: Set[str],
    ) -> None:
        self._sides = (before, after)
        self._secrets = {
            *secrets,
            *_hidden_values(before),
            *_hidden_values(after),
            *masking.secrets_in([resources(side) for side in self._sides]),
        }

    def of_resources(self, changes: backend.StackChanges) -> list[Difference]:
        return [
            difference
            for change, names in (
                (Change.ADD, changes.added),
                (Change.UPDATE, changes.updated),
                (Change.REPLACE, changes.replaced),
                (Change.DELETE, changes.deleted),
            )
            for name in sorted(names)
            for difference in self._of_resource(name, change)
        ]

    def of_outputs(self) -> Iterator[Difference]:
        before, after = (
            _filled(side.template.get('outputs') or {}, side)
            for side in self._sides
        )
        for name in _differing(before, after):
            if name not in before:
                change = Change.ADD
            elif name not in after:
                change = Change.DELETE
            else:
                change = Change.UPDATE
            yield Difference(
                OUTPUTS,
                _OUTPUT,
                change,
                name,
                self._text(_value(before.get(name))),
                self._text(_value(after.get(name))),
            )

    def _of_resource(self, name: str, change: Change) -> list[Difference]:
        before, after = (
            resources(side).get(name) or {} for side in self._sides
        )
        kind = str(after.get('type') or before.get('type') or '')
        if change is Change.DELETE:
            return [Difference(name, kind, change)]
        old, new = (
            before.get('properties') or {},
            after.get('properties') or {},
        )
        found = [
            Difference(
                name,
                kind,
                change,
                field,
                self._text(old.get(field)),
                self._text(new.get(field)),
            )
            for field in _differing(old, new)
        ]
        # Something that Heat sees and we do not, such as its metadata.
        return found or [Difference(name, kind, change)]

    def _text(self, value: Json) -> str:
        if value is None:
            return ''
        text = value if isinstance(value, str) else json.dumps(value)
        return masking.masked(text, self._secrets)


def resources(content: backend.StackContent) -> dict[str, dict[str, Json]]:
    """The resources by name, with parameters filled in."""
    found = _filled(content.template.get('resources') or {}, content)
    return {
        name: resource
        for name, resource in found.items()
        if isinstance(resource, dict)
    }


def _filled(value: Json, content: backend.StackContent) -> Json:
    """Put parameters in the place of ``get_param`` at any depth."""
    if isinstance(value, list):
        return [_filled(item, content) for item in value]
    if not isinstance(value, Mapping):
        return value
    if list(value) == ['get_param']:
        return _parameter(value, content)
    return {name: _filled(item, content) for name, item in value.items()}


def _parameter(
    call: Mapping[str, Json], content: backend.StackContent
) -> Json:
    """``{get_param: name}`` or ``{get_param: [name, key, ...]}``."""
    argument = call['get_param']
    name, *path = argument if isinstance(argument, list) else [argument]
    if not isinstance(name, str):
        return call
    value: Any = content.parameters.get(name)
    if value is None:
        declared = content.template.get('parameters') or {}
        value = (declared.get(name) or {}).get('default')
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return call
    return value


def _hidden_values(content: backend.StackContent) -> Iterator[str]:
    declared = content.template.get('parameters') or {}
    for name, value in content.parameters.items():
        if (declared.get(name) or {}).get('hidden') and value is not None:
            yield str(value)


def _differing(
    before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterable[str]:
    names = dict.fromkeys((*before, *after))
    return [name for name in names if before.get(name) != after.get(name)]


def _value(output: Json) -> Json:
    return output.get('value') if isinstance(output, dict) else output


_NOTHING = backend.StackContent({}, {})
