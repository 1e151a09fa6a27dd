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

"""JSON values inside expressions: their text and their equality."""

from __future__ import annotations

from esi_worker.mapping.scope import Scope, kind
from esi_worker.model.codec import Json


def text_of(
    value: Json, scope: Scope, expression: str, name: str
) -> str | None:
    """A value as a piece of a string.

    Strings stay, numbers and booleans take their JSON form.

    :param name: which operand this is, for errors
    :returns: None for null in a lenient scope
    :raises MappingError: null, a list or an object
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int | float):
        return str(value)
    if value is None and scope.lenient:
        return None
    raise scope.error(
        expression,
        f'{name} is {kind(value)} for {scope.label}; '
        'a string or a number is needed',
    )


def same(left: Json, right: Json) -> bool:
    """Whether two values are the same JSON; ``1`` is not ``true``."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
