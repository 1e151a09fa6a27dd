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

"""From the JSON of an expression to its tree.

A string is a short form; an object is told by its leading key. Inside
``equal``, ``regexp`` and ``concatenate`` a string is a literal, in a
``path`` it names a relation. Whatever is malformed is refused here,
with a ``MappingError``, so that evaluation need not check it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import re
from typing import NoReturn

from esi_worker import exceptions
from esi_worker.mapping import conditions, short, tree
from esi_worker.mapping import expressions as nodes
from esi_worker.mapping.paths import (
    ComputedStep,
    Path,
    RelationStep,
    Step,
    TypedStep,
)
from esi_worker.mapping.scope import complain, describe, kind
from esi_worker.model.codec import Json

#: How deep expressions may stand in one another.
MAX_DEPTH = 20

IGNORE_MISSING = 'ignore_missing'


def parse_at(raw: Json, where: str) -> nodes.Expression:
    """Parse an expression.

    :param where: names template and parameter, for errors
    :raises MappingError: it is malformed
    """
    return Parser(where).expression(raw, 1)


class Parser:
    """Parses the expressions of one place.

    :param where: names template and parameter, for errors
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.loops = 0

    def expression(self, raw: Json, depth: int) -> nodes.Expression:
        if isinstance(raw, str):
            return short.parse(raw, self.where)
        if not isinstance(raw, Mapping):
            self.fail(raw, f'{kind(raw)} is no expression')
        if depth > MAX_DEPTH:
            self.fail(raw, f'it stands more than {MAX_DEPTH} levels deep')
        for leader, (build, others) in FORMS.items():
            if leader in raw:
                self.check_keys(raw, {leader, *others, IGNORE_MISSING})
                node = build(self, raw, depth)
                return self.ignoring(raw, node)
        known = ', '.join(FORMS)
        self.fail(raw, f'an object needs one of the keys {known}')

    def ignoring(
        self, raw: Mapping[str, Json], node: nodes.Expression
    ) -> nodes.Expression:
        ignore = raw.get(IGNORE_MISSING, False)
        if not isinstance(ignore, bool):
            self.fail(raw, f'"{IGNORE_MISSING}" must be true or false')
        return nodes.IgnoreMissing(node) if ignore else node

    def constant(
        self, raw: Mapping[str, Json], depth: int
    ) -> nodes.Expression:
        return nodes.Constant(raw['constant'])

    def version(self, raw: Mapping[str, Json], depth: int) -> nodes.Expression:
        if raw['version'] != short.AUTO_FILLED:
            self.fail(raw, f'the only version is "{short.AUTO_FILLED}"')
        return nodes.Version()

    def field(self, raw: Mapping[str, Json], depth: int) -> nodes.Expression:
        name = self.name(raw, 'field')
        path = self.path(raw, depth)
        if path is None:
            return nodes.Field(name, describe(raw))
        return nodes.RemoteField(path, name, describe(raw))

    def output(self, raw: Mapping[str, Json], depth: int) -> nodes.Expression:
        key = self.name(raw, 'output_key')
        return nodes.Output(self.path(raw, depth), key, describe(raw))

    def nested(self, raw: Mapping[str, Json], depth: int) -> nodes.Expression:
        names = raw['nested']
        if (
            not isinstance(names, list)
            or len(names) < 2
            or not all(isinstance(name, str) and name for name in names)
        ):
            self.fail(raw, '"nested" must be a list of two names or more')
        return nodes.Nested(tuple(names), describe(raw))

    def concatenate(
        self, raw: Mapping[str, Json], depth: int
    ) -> nodes.Expression:
        parts = raw['concatenate']
        if not isinstance(parts, list) or not parts:
            self.fail(raw, '"concatenate" must be a list of parts')
        return nodes.Concatenation(
            tuple(self.operand(part, depth) for part in parts), describe(raw)
        )

    def conditional(
        self, raw: Mapping[str, Json], depth: int
    ) -> nodes.Expression:
        for key in ('then_mapping', 'else_mapping'):
            if key not in raw:
                self.fail(raw, f'"{key}" is missing')
        return nodes.Conditional(
            self.condition(raw, depth),
            self.expression(raw['then_mapping'], depth + 1),
            self.expression(raw['else_mapping'], depth + 1),
        )

    def condition(
        self, raw: Mapping[str, Json], depth: int
    ) -> conditions.Condition:
        condition = raw['if_mapping']
        if not isinstance(condition, Mapping) or len(condition) != 1:
            self.fail(raw, '"if_mapping" must hold "equal" or "regexp"')
        ((name, operands),) = condition.items()
        if name not in ('equal', 'regexp'):
            self.fail(raw, '"if_mapping" must hold "equal" or "regexp"')
        if not isinstance(operands, list) or len(operands) != 2:
            self.fail(raw, f'"{name}" must be a list of two operands')
        left, right = (self.operand(operand, depth) for operand in operands)
        if name == 'equal':
            return conditions.Equal(left, right)
        self.check_pattern(raw, right)
        return conditions.Matches(left, right, describe(raw))

    def check_pattern(
        self, raw: Mapping[str, Json], pattern: nodes.Expression
    ) -> None:
        if not isinstance(pattern, nodes.Constant):
            return
        if not isinstance(pattern.value, str):
            self.fail(raw, f'the pattern is {kind(pattern.value)}, no string')
        try:
            re.compile(pattern.value)
        except (re.error, RecursionError, OverflowError) as exc:
            self.fail(raw, f'the pattern does not compile: {exc}')

    def loop(self, raw: Mapping[str, Json], depth: int) -> nodes.Expression:
        if 'for_mapping' not in raw:
            self.fail(raw, '"for_mapping" is missing')
        source = raw['for_field']
        if isinstance(source, str):
            source = {'field': source}
        items = self.immediate(source, depth)
        self.loops += 1
        body = self.expression(raw['for_mapping'], depth + 1)
        self.loops -= 1
        return nodes.ForEach(items, body, describe(raw))

    def operand(self, raw: Json, depth: int) -> nodes.Expression:
        """An expression, or a literal of any other kind."""
        if isinstance(raw, Mapping):
            return self.immediate(raw, depth)
        return nodes.Constant(raw)

    def immediate(self, raw: Json, depth: int) -> nodes.Expression:
        """An expression whose value is known before the job runs."""
        node = self.expression(raw, depth + 1)
        if any(isinstance(part, nodes.Output) for part in tree.walk(node)):
            self.fail(
                raw,
                'an output is known only when the job runs '
                'and cannot be used here',
            )
        return node

    def path(self, raw: Mapping[str, Json], depth: int) -> Path | None:
        steps = raw.get('path')
        if 'path' not in raw:
            return None
        if not isinstance(steps, list) or not steps:
            self.fail(raw, '"path" must be a list of steps')
        return Path(tuple(self.step(raw, step, depth) for step in steps))

    def step(self, raw: Json, step: Json, depth: int) -> Step:
        if isinstance(step, str):
            return self.relation(raw, step)
        if not isinstance(step, Mapping):
            self.fail(raw, f'a step of the path is {kind(step)}')
        if 'type' not in step and 'id' not in step:
            return ComputedStep(self.immediate(step, depth))
        self.check_keys(step, {'type', 'id'})
        field = step.get('id')
        if not isinstance(field, str):
            self.fail(
                step, '"id" must name the field of the id, or be "" for items'
            )
        return TypedStep(self.name(step, 'type'), field)

    def relation(self, raw: Json, step: str) -> Step:
        """A name, dots before members; empty for the item of a loop."""
        if not step and not self.loops:
            self.fail(raw, 'only in "for_mapping" may a step be empty')
        if '[]' in step:
            self.fail(raw, f'"{step}" is a list; use "for_field"')
        if step and not all(step.split('.')):
            self.fail(raw, f'"{step}" is no name of a relation')
        return RelationStep(step)

    def name(self, raw: Mapping[str, Json], key: str) -> str:
        value = raw.get(key)
        if not isinstance(value, str) or not value:
            self.fail(raw, f'"{key}" must be a string that is not empty')
        return value

    def check_keys(self, raw: Mapping[str, Json], known: set[str]) -> None:
        unknown = sorted(str(key) for key in raw if key not in known)
        if unknown:
            names = ', '.join(f'"{key}"' for key in unknown)
            self.fail(raw, f'the key {names} does not belong here')

    def fail(self, raw: Json, reason: str) -> NoReturn:
        raise exceptions.MappingError(
            complain(self.where, describe(raw), reason)
        )


_Build = Callable[[Parser, Mapping[str, Json], int], nodes.Expression]
#: The object forms by their leading keys.
FORMS: dict[str, tuple[_Build, tuple[str, ...]]] = {
    'constant': (Parser.constant, ()),
    'field': (Parser.field, ('path',)),
    'output_key': (Parser.output, ('path',)),
    'nested': (Parser.nested, ()),
    'concatenate': (Parser.concatenate, ()),
    'version': (Parser.version, ()),
    'if_mapping': (Parser.conditional, ('then_mapping', 'else_mapping')),
    'for_field': (Parser.loop, ('for_mapping',)),
}
