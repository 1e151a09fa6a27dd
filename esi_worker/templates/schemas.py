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

"""The REST server's schemas: resource types, relations and choices.

Read from a file or a URL. What is taken from a schema is section 1 of
the reference of the mapping language: ``id``, ``plural``, ``prefix``,
``metadata.template_path`` and the relations, those of members and list
items too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import dataclasses
import json
import time

from oslo_log import log as logging
import requests

from esi_worker import exceptions
from esi_worker.mapping import Choice
from esi_worker.model import ResourceType
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)

#: Seconds between attempts to reach the REST server.
DELAYS = (1, 2, 4, 8, 16)
#: Seconds that one attempt may take.
TIMEOUT = 30

HEAT_WORKER = 'heat_worker'


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """One resource type and the choice of its Heat template, if any."""

    type: ResourceType
    choice: Choice | None = None


def load(
    source: str, sleep: Callable[[float], None] = time.sleep
) -> tuple[Schema, ...]:
    """Read all schemas.

    :param source: a file, or an ``http(s)://`` URL
    :param sleep: waits for some seconds between attempts
    :raises ConfigurationError: naming the source, the field and the fix
    """
    if source.startswith(('http://', 'https://')):
        document = _fetch(source, sleep)
    else:
        document = _read(source)
    return tuple(_schemas(source, document))


def _read(path: str) -> Json:
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError) as exc:
        raise _error(path, f'it cannot be read as JSON: {exc}') from exc


def _fetch(url: str, sleep: Callable[[float], None]) -> Json:
    for delay in (*DELAYS, None):
        try:
            response = requests.get(url, timeout=TIMEOUT)
            response.raise_for_status()
            return response.json()
        except (requests.RequestException, ValueError) as exc:
            if delay is None:
                raise _error(
                    url, f'the REST server gave no schemas: {_short(exc)}'
                ) from exc
            LOG.warning(
                'No schemas from %(url)s (%(reason)s); '
                'trying again in %(delay)d s',
                {'url': url, 'reason': _short(exc), 'delay': delay},
            )
            sleep(delay)
    raise AssertionError('the last attempt returns or raises')


def _short(exc: Exception) -> str:
    response = getattr(exc, 'response', None)
    if response is not None:
        return f'HTTP status {response.status_code}'
    return type(exc).__name__


def _schemas(source: str, document: Json) -> Iterator[Schema]:
    if isinstance(document, Mapping):
        document = document.get('schemas')
    if not isinstance(document, list):
        raise _error(source, 'the field "schemas" must be a list')
    for index, raw in enumerate(document):
        if not isinstance(raw, Mapping):
            raise _error(source, f'schemas[{index}] is no object')
        place = f'schemas[{index}] ({raw.get("id")})'
        yield _schema(source, place, raw)


def _schema(source: str, place: str, raw: Mapping[str, Json]) -> Schema:
    id_, plural, prefix = (
        _text(source, place, raw, name) for name in ('id', 'plural', 'prefix')
    )
    properties = _object(
        source, place, _object(source, place, raw, 'schema'), 'properties'
    )
    found = dict(_relations('', properties))
    relations = {name: found[name] for name in properties if name in found}
    type_ = ResourceType(
        id_,
        plural,
        '/' + prefix.strip('/'),
        relations,
        frozenset(properties) if properties else None,
        {name: found[name] for name in found.keys() - relations.keys()},
    )
    return Schema(type_, _choice(source, place, id_, raw))


def _relations(place: str, properties: Json) -> Iterator[tuple[str, str]]:
    """Relations by place, as ``ResourceType.nested`` writes places."""
    if not isinstance(properties, Mapping):
        return
    for name, definition in properties.items():
        yield from _relations_of(f'{place}{name}', definition)


def _relations_of(place: str, definition: Json) -> Iterator[tuple[str, str]]:
    if not isinstance(definition, Mapping):
        return
    if isinstance(definition.get('relation'), str):
        yield place, definition['relation']
    yield from _relations(f'{place}.', definition.get('properties'))
    yield from _relations_of(f'{place}[]', definition.get('items'))


def _choice(
    source: str, place: str, id_: str, raw: Mapping[str, Json]
) -> Choice | None:
    expression = _object(source, place, raw, 'metadata').get('template_path')
    if not expression:
        return None
    try:
        return Choice(HEAT_WORKER, id_, expression)
    except exceptions.MappingError as exc:
        raise _error(source, f'{place}.metadata.template_path: {exc}') from exc


def _text(source: str, place: str, raw: Mapping[str, Json], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise _error(source, f'{place}.{name} must be a string')
    return value


def _object(
    source: str, place: str, raw: Mapping[str, Json], name: str
) -> Mapping[str, Json]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _error(source, f'{place}.{name} must be an object')
    return value


def _error(source: str, reason: str) -> exceptions.ConfigurationError:
    return exceptions.ConfigurationError(
        f'{source}: {reason}; correct it, or the option '
        '"schemas" in the group [resources]'
    )
