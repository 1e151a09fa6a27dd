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

"""Files with desired states, as people write them.

YAML or JSON, one resource or a list, any number of YAML documents::

    type: network
    id: net-1
    body:
      tenant_id: demo
      admin_state_up: true

``type`` and ``body`` are required. The id may stand next to the type, in
the body, or in both; it ends up in the body, where templates expect it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import dataclasses
import sys
from typing import Any

import yaml

from esi_worker import exceptions
from esi_worker.model import ResourceRef, TypeRegistry
from esi_worker.model.codec import Json

_FIELDS = ('type', 'id', 'body')


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """The desired state of one resource, and where it was written."""

    ref: ResourceRef
    path: str
    body: dict[str, Json]
    source: str


def read(files: Iterable[str], types: TypeRegistry) -> list[Document]:
    """Read files; ``-`` is the standard input.

    :raises TerminalError: naming the file, the document, the field and
        the fix
    """
    found: dict[ResourceRef, Document] = {}
    for name in files:
        for document in _read_file(name, types):
            known = found.setdefault(document.ref, document)
            if known is not document:
                raise exceptions.TerminalError(
                    f'{document.source}: {document.ref} is already in '
                    f'{known.source}; leave one of them out'
                )
    return list(found.values())


def _read_file(name: str, types: TypeRegistry) -> Iterator[Document]:
    number = 0
    for value in _load(name):
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            number += 1
            yield _document(f'{name}, resource {number}', item, types)


def _load(name: str) -> list[Any]:
    try:
        if name == '-':
            return list(yaml.safe_load_all(sys.stdin))
        with open(name, encoding='utf-8') as file:
            return list(yaml.safe_load_all(file))
    except (OSError, UnicodeDecodeError) as error:
        raise exceptions.TerminalError(
            f'{name} cannot be read: {error}'
        ) from error
    except yaml.YAMLError as error:
        place = getattr(error, 'problem_mark', None)
        line = f', line {place.line + 1}' if place is not None else ''
        problem = getattr(error, 'problem', None) or 'not YAML'
        raise exceptions.TerminalError(
            f'{name}{line}: this is neither YAML nor JSON: {problem}'
        ) from None


def _document(source: str, item: Any, types: TypeRegistry) -> Document:
    if not isinstance(item, dict):
        raise _wrong(source, 'an object with type, id and body is expected')
    unknown = [str(name) for name in item if name not in _FIELDS]
    if unknown:
        raise _wrong(
            source,
            f'the field "{unknown[0]}" is not known; what describes the '
            'resource belongs into "body"',
        )
    name, body = item.get('type'), item.get('body')
    type_ = types.get(name) if isinstance(name, str) else None
    if type_ is None:
        known = ', '.join(sorted(each.name for each in types))
        raise _wrong(source, f'the field "type" must be one of: {known}')
    if not isinstance(body, dict):
        raise _wrong(source, 'the field "body" must be an object')
    resource_id = _id(source, item.get('id'), body.get('id'))
    body = {str(key): _plain(source, body[key]) for key in body}
    return Document(
        ResourceRef(type_.name, resource_id),
        type_.path(resource_id),
        {**body, 'id': resource_id},
        source,
    )


def _id(source: str, outer: Any, inner: Any) -> str:
    found = {value for value in (outer, inner) if value is not None}
    if len(found) != 1:
        problem = 'two different ids' if found else 'no id'
        raise _wrong(source, f'there is {problem}; set the field "id"')
    (value,) = found
    if not isinstance(value, str) or not value or value != value.strip('/ '):
        raise _wrong(
            source, 'the field "id" must be a text; put it into quotes'
        )
    return value


def _plain(source: str, value: Any) -> Json:
    """What JSON can hold; YAML also has dates and sets."""
    if isinstance(value, dict):
        return {str(key): _plain(source, value[key]) for key in value}
    if isinstance(value, list):
        return [_plain(source, each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise _wrong(
        source,
        f'a value is a {type(value).__name__}, which JSON does not have; '
        'put it into quotes',
    )


def _wrong(source: str, problem: str) -> exceptions.TerminalError:
    return exceptions.TerminalError(f'{source}: {problem}')
