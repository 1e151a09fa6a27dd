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
reference of monitoring). They are checked with the schemas that
``openapi`` shows. A problem names the field and the fix, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import json
import math
from typing import Any, NoReturn

from esi_worker.collector import errors, members, schemas, targets
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.syncers.base import Syncer
from esi_worker.collector.target_types import Schema
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json


class TargetParser:
    """Knows what each type, poller and syncer needs."""

    def __init__(
        self, catalogue: Catalogue, syncers: Mapping[str, Syncer]
    ) -> None:
        self._catalogue = catalogue
        self._syncers = syncers

    def syncer_schemas(self) -> dict[str, Schema]:
        """What the settings of each syncer that is enabled look like."""
        return {name: self._syncers[name].settings for name in self._syncers}

    def parse(self, body: bytes, created_at: str) -> Target:
        """Decode and check a body.

        :param created_at: when the target is made, as RFC 3339 text
        :raises InvalidTarget: it cannot be monitored
        """
        fields = _decoded(body)
        _refuse(_problems_of_members(fields))
        _refuse(self._problems_of_type(fields))
        # To a schema 3.0 is an integer; to a REST server it is not.
        fields['version'] = int(fields['version'])
        identity = targets.identity_of(
            fields['resource_type'],
            fields['resource_id'],
            fields['field_name'],
            fields['version'],
        )
        target = Target(id=identity, created_at=created_at, **fields)
        _refuse(self._catalogue.problems(target))
        _refuse(self._problems_of_syncers(target))
        affinity = self._catalogue.affinity(target)
        return dataclasses.replace(target, affinity=affinity)

    def _problems_of_type(self, fields: Mapping[str, Json]) -> Iterator[str]:
        served = self._catalogue.get(fields['type'])
        if served is None:
            known = ', '.join(row.name for row in self._catalogue)
            yield f'the field "type" names no known type: known are {known}'
            return
        yield from schemas.problems(
            fields['properties'], served.type.properties, 'properties'
        )
        settings = fields['syncer_properties']
        for name, schema in self.syncer_schemas().items():
            if name in settings:
                field = f'syncer_properties.{name}'
                yield from schemas.problems(settings[name], schema, field)

    def _problems_of_syncers(self, target: Target) -> Iterator[str]:
        for name, settings in target.syncer_properties.items():
            if name in self._syncers:
                for problem in self._syncers[name].problems(settings):
                    yield f'in "syncer_properties": {problem}'


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(
            body, parse_constant=_refuse_constant, parse_float=_finite
        )
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


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise errors.InvalidTarget(found)


def _problems_of_members(fields: Mapping[str, Json]) -> Iterator[str]:
    for name, schema in members.MEMBERS.items():
        fix = schema['description']
        if name not in fields:
            yield f'the field "{name}" is missing: {fix}'
            continue
        yield from schemas.problems(fields[name], schema, name)
    for name in fields:
        if name not in members.MEMBERS:
            known = ', '.join(members.MEMBERS)
            yield (
                f'the field "{name[:40]}" is unknown: leave it out, '
                f'known are {known}'
            )
