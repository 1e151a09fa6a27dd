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

"""JSON as it lies in etcd.

Values that other programs read keep the original system's form: the
outer objects have sorted keys and Python's default separators (section
2.1 of the reference of the Heat worker).
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any, TypeVar

from esi_worker import exceptions

#: Any JSON value.
Json = Any
T = TypeVar('T')


def dumps(value: Json) -> str:
    """Encode with sorted keys."""
    return json.dumps(value, sort_keys=True)


def dumps_inner(value: Json) -> str:
    """Encode JSON that goes into a string; key order is kept."""
    return json.dumps(value)


def loads(key: str, text: str) -> Json:
    """Decode a stored value.

    :raises DecodeError: it is no JSON; the message names the key
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise exceptions.DecodeError(key, f'this is no JSON: {exc}') from exc


def loads_object(key: str, text: str) -> dict[str, Json]:
    """Decode a stored JSON object.

    :raises DecodeError: it is no JSON, or no object
    """
    value = loads(key, text)
    if not isinstance(value, dict):
        raise exceptions.DecodeError(
            key, f'a JSON object is expected, not {_kind(value)}'
        )
    return value


def field(key: str, record: Mapping[str, Json], name: str, kind: type[T]) -> T:
    """Take a required field of one type out of a decoded record.

    :raises DecodeError: the field is missing or of another type
    """
    if name not in record:
        raise exceptions.DecodeError(key, f'the field "{name}" is missing')
    value = record[name]
    if not isinstance(value, kind) or (
        kind is int and isinstance(value, bool)
    ):
        raise exceptions.DecodeError(
            key,
            f'the field "{name}" is {_kind(value)}, '
            f'{_NAMES.get(kind, kind.__name__)} is expected',
        )
    return value


def unknown(
    record: Mapping[str, Json], known: frozenset[str]
) -> dict[str, Json]:
    """The fields of a record that we do not know but keep."""
    return {name: record[name] for name in record if name not in known}


_NAMES: dict[type, str] = {
    str: 'a string',
    int: 'an integer',
    bool: 'true or false',
    list: 'a list',
    dict: 'an object',
    float: 'a number',
    type(None): 'null',
}


def _kind(value: Json) -> str:
    return _NAMES.get(type(value), type(value).__name__)
