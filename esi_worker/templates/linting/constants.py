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

"""Whether a constant can be what Heat wants of a parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import json

from esi_worker.mapping import expressions as nodes
from esi_worker.model.codec import Json

_BOOLEANS = frozenset(
    ('t', 'true', 'on', 'y', 'yes', '1', 'f', 'false', 'off', 'n', 'no', '0')
)


def of(expression: nodes.Expression) -> Iterator[Json]:
    """The constants that an expression may give as a whole."""
    if isinstance(expression, nodes.Constant):
        yield expression.value
    elif isinstance(expression, nodes.Conditional):
        yield from of(expression.then)
        yield from of(expression.otherwise)
    elif isinstance(expression, nodes.IgnoreMissing | nodes.Unneeded):
        yield from of(expression.inner)


def fits(type_: str, value: Json) -> bool:
    """Whether Heat takes a value for a type; null counts as not given."""
    check = _CHECKS.get(type_)
    return value is None or check is None or check(value)


def is_timeout(value: Json) -> bool:
    """Whether it is a number of minutes, also as text."""
    try:
        return not isinstance(value, bool) and int(value) > 0
    except (TypeError, ValueError):
        return False


def _is_number(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_boolean(value: Json) -> bool:
    return str(value).lower() in _BOOLEANS


def _is_text(value: Json) -> bool:
    return not isinstance(value, list | dict)


def _is_list(value: Json) -> bool:
    return isinstance(value, list | str)


def _is_json(value: Json) -> bool:
    if not isinstance(value, str):
        return isinstance(value, list | dict)
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


_CHECKS: Mapping[str, Callable[[Json], bool]] = {
    'number': _is_number,
    'boolean': _is_boolean,
    'string': _is_text,
    'comma_delimited_list': _is_list,
    'commadelimitedlist': _is_list,
    'json': _is_json,
}
