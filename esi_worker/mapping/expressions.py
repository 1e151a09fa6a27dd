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

"""The expression tree: one class per construct of the language.

Expressions keep nothing between evaluations and may be evaluated from
several threads at once. ``text`` is the expression as it was written,
for errors. The rules are sections 3 and 4 of the reference of the
mapping language.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import TYPE_CHECKING

from esi_worker import exceptions
from esi_worker.mapping import values
from esi_worker.mapping.scope import NOTHING, Result, Scope, kind
from esi_worker.model import Param, ParamType, ResourceRef
from esi_worker.model.codec import Json

if TYPE_CHECKING:
    from esi_worker.mapping.conditions import Condition
    from esi_worker.mapping.paths import Path


class Expression(abc.ABC):
    """One node of the tree."""

    __slots__ = ()

    @abc.abstractmethod
    def evaluate(self, scope: Scope) -> Result:
        """Compute the value and the resources visited.

        :raises MissingReference: a target is missing and the scope is
            not lenient
        :raises MappingError: the expression does not fit the body
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A fixed value."""

    value: Json

    def evaluate(self, scope: Scope) -> Result:
        return Result(self.value)


@dataclasses.dataclass(frozen=True, slots=True)
class Version(Expression):
    """The version of the resource's config."""

    def evaluate(self, scope: Scope) -> Result:
        return Result(scope.version)


@dataclasses.dataclass(frozen=True, slots=True)
class Field(Expression):
    """A field of the body at hand; a relation adds what it refers to."""

    name: str
    text: str

    def evaluate(self, scope: Scope) -> Result:
        value = scope.read(self.name, self.text)
        target = scope.relation(self.name)
        place = scope.place.member(self.name)
        if target is None or not isinstance(value, str) or not value:
            return Result(value, place=place)
        result = Result.visited(value, (ResourceRef(target, value),))
        return dataclasses.replace(result, place=place)


@dataclasses.dataclass(frozen=True, slots=True)
class RemoteField(Expression):
    """A field of the resource at the end of a path."""

    path: Path
    name: str
    text: str

    def evaluate(self, scope: Scope) -> Result:
        arrival = self.path.follow(scope, self.text)
        if arrival.scope is None:
            return NOTHING.after(arrival.visited)
        value = arrival.scope.read(self.name, self.text)
        place = arrival.scope.place.member(self.name)
        return Result(value, place=place).after(arrival.visited)


@dataclasses.dataclass(frozen=True, slots=True)
class Reference(Expression):
    """The resource at the end of a path, for its own sake."""

    path: Path
    text: str

    def evaluate(self, scope: Scope) -> Result:
        arrival = self.path.follow(scope, self.text)
        value = None if arrival.ref is None else arrival.ref.id
        return Result(value).after(arrival.visited)


@dataclasses.dataclass(frozen=True, slots=True)
class Nested(Expression):
    """A value inside an object-valued field."""

    names: tuple[str, ...]
    text: str

    def evaluate(self, scope: Scope) -> Result:
        value = scope.read(self.names[0], self.text)
        for depth, name in enumerate(self.names[1:], start=1):
            if value is None:
                break
            if not isinstance(value, dict):
                object_ = '.'.join(self.names[:depth])
                raise scope.error(
                    self.text,
                    f'the field "{object_}" of {scope.label} is '
                    f'{kind(value)}, no object that may hold "{name}"',
                )
            value = value.get(name)
        place = scope.place.member('.'.join(self.names))
        return Result(value, place=place)


@dataclasses.dataclass(frozen=True, slots=True)
class Output(Expression):
    """An output of a stack, to be read when the job runs.

    Without a path it is the stack of the resource itself, which is not
    counted among the visited ones.
    """

    path: Path | None
    key: str
    text: str

    def evaluate(self, scope: Scope) -> Result:
        if self.path is None:
            return self._own(scope)
        arrival = self.path.follow(scope, self.text)
        if arrival.ref is None:
            return NOTHING.after(arrival.visited)
        found = Result(self._value(arrival.ref), ParamType.OUTPUT_KEY)
        return found.after(arrival.visited)

    def _own(self, scope: Scope) -> Result:
        if not scope.origin.id:
            raise scope.error(
                self.text, f'the field "id" of {scope.origin} is missing'
            )
        return Result(self._value(scope.origin), ParamType.OUTPUT_KEY)

    def _value(self, ref: ResourceRef) -> dict[str, str]:
        return {'output_key': self.key, **ref.to_json()}


@dataclasses.dataclass(frozen=True, slots=True)
class Concatenation(Expression):
    """The parts' values as one string."""

    parts: tuple[Expression, ...]
    text: str

    def evaluate(self, scope: Scope) -> Result:
        results = [part.evaluate(scope) for part in self.parts]
        pieces = [
            values.text_of(result.value, scope, self.text, f'part {index}')
            for index, result in enumerate(results, start=1)
        ]
        known = [piece for piece in pieces if piece is not None]
        whole = ''.join(known) if len(known) == len(pieces) else None
        return Result(whole).after(*results)


@dataclasses.dataclass(frozen=True, slots=True)
class Conditional(Expression):
    """One of two expressions."""

    condition: Condition
    then: Expression
    otherwise: Expression

    def evaluate(self, scope: Scope) -> Result:
        holds, operands = self.condition.holds(scope)
        chosen = self.then if holds else self.otherwise
        return chosen.evaluate(scope).after(*operands)


@dataclasses.dataclass(frozen=True, slots=True)
class ForEach(Expression):
    """An expression on each item of a list.

    Plain values make a plain list; otherwise each item becomes a
    parameter of its own. Resources are gathered in the outer result.
    """

    source: Expression
    body: Expression
    text: str

    def evaluate(self, scope: Scope) -> Result:
        source = self.source.evaluate(scope)
        items = self._items(scope, source.value)
        results = [
            self.body.evaluate(scope.item(index, item, source.place))
            for index, item in enumerate(items)
        ]
        return _gather(scope.parameter, results).after(source, *results)

    def _items(self, scope: Scope, value: Json) -> list[Json]:
        if value is None or value == '':
            return []
        if not isinstance(value, list):
            raise scope.error(
                self.text,
                f'for_field gives {kind(value)} for {scope.label}, '
                'a list is needed',
            )
        return value


def _gather(name: str, results: list[Result]) -> Result:
    if all(result.type is ParamType.VALUE for result in results):
        return Result([result.value for result in results])
    items = tuple(Param(name, result.type, result.value) for result in results)
    return Result(items, ParamType.LIST)


@dataclasses.dataclass(frozen=True, slots=True)
class IgnoreMissing(Expression):
    """An expression that gives ``''`` when a target is missing.

    What it refers to is visited, but not needed.
    """

    inner: Expression

    def evaluate(self, scope: Scope) -> Result:
        try:
            result = self.inner.evaluate(scope.strict())
        except exceptions.MissingReference:
            return Result('')
        return dataclasses.replace(result, needs=frozenset())


@dataclasses.dataclass(frozen=True, slots=True)
class Unneeded(Expression):
    """An expression whose targets may be missing.

    What it refers to is visited all the same, but not needed.
    """

    inner: Expression

    def evaluate(self, scope: Scope) -> Result:
        result = self.inner.evaluate(scope.forgiving())
        return dataclasses.replace(result, needs=frozenset())
