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

"""How operators name a resource.

Any of ``port <id>``, ``port:<id>``, ``v2.0/ports/<id>`` and the whole
config key.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from esi_worker import exceptions, store
from esi_worker.model import ResourceRef, TypeRegistry

HELP = (
    'the resource: its type and its id, or <type>:<id>, or its path such '
    'as v2.0/ports/<id>'
)


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name one resource, see ``words_of``."""
    parser.add_argument('resource', metavar='RESOURCE', help=HELP)
    parser.add_argument(
        'id', nargs='?', metavar='ID', help='its id, after its type'
    )


def words_of(parsed_args: argparse.Namespace) -> list[str]:
    """The words of the arguments that name one resource."""
    words = (parsed_args.resource, parsed_args.id)
    return [word for word in words if word is not None]


def add_several(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names one resource or several."""
    parser.add_argument(
        'resource',
        nargs='+',
        metavar='RESOURCE',
        help='the resources: a type and ids of it, or each as <type>:<id> or '
        'by its path such as v2.0/ports/<id>',
    )


def path_of(
    words: Sequence[str], keys: store.KeyLayout, types: TypeRegistry
) -> str:
    """The path of the resource that words name.

    :raises TerminalError: they name none
    """
    if len(words) == 2:
        return _by_type(words[0], words[1], types)
    if len(words) > 2:
        raise exceptions.TerminalError(
            f'"{" ".join(words)}" names no resource; {HELP}'
        )
    word = words[0]
    if '/' not in word and ':' in word:
        name, _, resource_id = word.partition(':')
        return _by_type(name, resource_id, types)
    path = (keys.config_path(word) or word).strip('/')
    if '/' not in path:
        raise exceptions.TerminalError(f'"{word}" names no resource; {HELP}')
    return path


def paths_of(
    words: Sequence[str], keys: store.KeyLayout, types: TypeRegistry
) -> list[str]:
    """The paths of the resources that words name.

    :raises TerminalError: one of them names none
    """
    name, *ids = words
    if ids and not {'/', ':'} & set(name):
        return [_by_type(name, each, types) for each in ids]
    return [path_of([word], keys, types) for word in words]


def ref_of(path: str, types: TypeRegistry) -> ResourceRef:
    """The type and the id of a resource.

    :raises TerminalError: its type is not known
    """
    place = types.locate(path)
    if place is None:
        raise exceptions.TerminalError(
            f'{path} is of no known resource type; the folders of '
            '[resources] template_paths, or its schemas, must declare it'
        )
    return ResourceRef(place[0].name, place[1])


def _by_type(name: str, resource_id: str, types: TypeRegistry) -> str:
    type_ = types.get(name)
    if type_ is None:
        known = ', '.join(sorted(each.name for each in types))
        raise exceptions.TerminalError(
            f'"{name}" is no known resource type; known are: {known}'
        )
    if not resource_id:
        raise exceptions.TerminalError('the id of the resource is empty')
    return type_.path(resource_id)
