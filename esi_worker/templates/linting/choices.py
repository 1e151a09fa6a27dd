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

"""Which templates a choice may give."""

from __future__ import annotations

from collections.abc import Iterator
import re

from esi_worker.mapping import Choice
from esi_worker.mapping import expressions as nodes


class Possible:
    """The template ids that a choice may give, as patterns."""

    def __init__(self, choice: Choice) -> None:
        self._patterns = [
            re.compile(pattern) for pattern in _patterns(choice.expression)
        ]
        #: Ids that are given as they stand.
        self.fixed = tuple(dict.fromkeys(_fixed(choice.expression)))

    def __contains__(self, template_id: str) -> bool:
        return any(each.fullmatch(template_id) for each in self._patterns)


def _fixed(expression: nodes.Expression) -> Iterator[str]:
    match expression:
        case nodes.Constant(str() as value):
            yield value
        case nodes.Conditional(_, then, otherwise):
            yield from _fixed(then)
            yield from _fixed(otherwise)


def _patterns(expression: nodes.Expression) -> Iterator[str]:
    match expression:
        case nodes.Constant(value):
            if value is not None:
                yield re.escape(str(value))
        case nodes.Conditional(_, then, otherwise):
            yield from _patterns(then)
            yield from _patterns(otherwise)
        case nodes.Concatenation(parts):
            yield ''.join(
                '(?:' + '|'.join(_patterns(part)) + ')' for part in parts
            )
        case _:
            yield '.*'
