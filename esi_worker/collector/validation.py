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

"""Makes a target out of a request's body, or says what is wrong with it.

All eight members must be there and no others (section 2.1 of the
reference of monitoring). A problem names the field and the fix, never a
value of ``properties``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import json
import re
from typing import Any, NoReturn

from esi_worker.collector import errors, schemas, targets
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.syncers.base import Syncer
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

_STRINGS = {
    'type': 'name the type of the target',
    'resource_type': "give the resource's plural, such as ports",
    'resource_id': "give the resource's id",
    'field_name': 'name this monitor among those of the resource',
    'tenant_id': "give the resource's tenant",
}
_OBJECTS = {
    'properties': 'give an object with what the type needs',
    'syncer_properties': 'give an object with a member for each syncer, '
    'or an empty one',
}
_VERSION = "give the version of the resource's config as an integer from 0 on"
_MEMBERS = (*_STRINGS, 'version', *_OBJECTS)

_MAX_LENGTH = 255
#: What goes into a key of etcd; an id may hold slashes.
_PATHS = {
    'resource_type': re.compile(r'[A-Za-z0-9_.-]+'),
    'resource_id': re.compile(r'[^/\s\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*'),
}


class TargetParser:
    """Knows what each type, poller and syncer needs."""

    def __init__(
        self,
        catalogue: Catalogue,
        syncers: Mapping[str, Syncer],
    ) -> None:
        self._catalogue = catalogue
        self._syncers = syncers

    def parse(self, body: bytes, created_at: str) -> Target:
        """Decode and check a body.

        :param created_at: when the target is made, as RFC 3339 text
        :raises InvalidTarget: it cannot be monitored
        """
        fields = _decoded(body)
        _refuse(_problems_of_members(fields))
        _refuse(self._problems_of_type(fields))
        identity = targets.target_id(
            fields['resource_type'],
            fields['resource_id'],
            fields['field_name'],
            fields['version'],
        )
        target = Target(id=identity, created_at=created_at, **fields)
        _refuse(self._catalogue.problems(target))
        return target

    def _problems_of_type(self, fields: Mapping[str, Json]) -> Iterator[str]:
        served = self._catalogue.get(fields['type'])
        if served is None:
            known = ', '.join(row.name for row in self._catalogue)
            yield f'the field "type" names no known type: known are {known}'
            return
        yield from schemas.problems(
            fields['properties'], served.type.properties, 'properties'
        )
        yield from self._problems_of_syncers(fields['syncer_properties'])

    def _problems_of_syncers(
        self, settings: Mapping[str, Json]
    ) -> Iterator[str]:
        for name, options in settings.items():
            if not isinstance(options, dict):
                yield (
                    f'the field "syncer_properties.{name}" is no object: '
                    'give the options of the syncer as an object'
                )
            elif name in self._syncers:
                for problem in self._syncers[name].problems(options):
                    yield f'in "syncer_properties": {problem}'


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body, parse_constant=_refuse_constant)
        # What etcd or another program cannot hold stays outside.
        json.dumps(fields, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise errors.InvalidTarget(
            ['the body is no JSON text in UTF-8: send an object']
        ) from None
    if not isinstance(fields, dict):
        raise errors.InvalidTarget(['the body is no object: send an object'])
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise errors.InvalidTarget(found)


def _problems_of_members(fields: Mapping[str, Json]) -> Iterator[str]:
    for name, fix in _STRINGS.items():
        yield from _problems_of_string(fields, name, fix)
    version = fields.get('version')
    if not isinstance(version, int) or isinstance(version, bool):
        yield f'the field "version" is missing or no integer: {_VERSION}'
    elif version < 0:
        yield f'the field "version" is negative: {_VERSION}'
    for name, fix in _OBJECTS.items():
        if not isinstance(fields.get(name), dict):
            yield f'the field "{name}" is missing or no object: {fix}'
    for name in fields:
        if name not in _MEMBERS:
            known = ', '.join(_MEMBERS)
            yield (
                f'the field "{name[:40]}" is unknown: leave it out, '
                f'known are {known}'
            )


def _problems_of_string(
    fields: Mapping[str, Json], name: str, fix: str
) -> Iterator[str]:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        yield f'the field "{name}" is missing or no string: {fix}'
        return
    if len(value) > _MAX_LENGTH:
        yield (
            f'the field "{name}" has more than {_MAX_LENGTH} characters: {fix}'
        )
    pattern = _PATHS.get(name)
    if pattern is not None and not pattern.fullmatch(value):
        yield (
            f'the field "{name}" holds a character that a key cannot '
            f'hold: {fix}'
        )
