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

"""Expressions against schemas, without any resource at hand.

Goes through an expression as its evaluation would, with the type of the
body where that has the body. What cannot be known, such as the fields of
list items, is not complained of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import dataclasses

from esi_worker.mapping import conditions, paths
from esi_worker.mapping import expressions as nodes
from esi_worker.mapping.scope import NOWHERE, Place
from esi_worker.model import ResourceType, TypeRegistry
from esi_worker.templates.linting import findings
from esi_worker.templates.linting.findings import Rule

Fault = tuple[Rule, str]
OutputCheck = Callable[[str, str], Iterator[Fault]]


@dataclasses.dataclass(frozen=True, slots=True)
class Spot:
    """Where an expression stands.

    ``type`` is None inside a list or where nothing is known; ``known``
    tells that the way up to here could be followed, ``optional`` that a
    target which is missing is no error.
    """

    type: ResourceType | None
    place: Place = NOWHERE
    known: bool = True
    optional: bool = False

    @classmethod
    def at(cls, type_: ResourceType) -> Spot:
        return cls(type_, Place(type_))


LOST = Spot(None, NOWHERE, False)


class MappingChecker:
    """Checks the expressions for one resource type."""

    def __init__(
        self,
        types: TypeRegistry,
        start: ResourceType,
        check_output: OutputCheck,
    ) -> None:
        """:param check_output: checks an output of a type's stacks"""
        self._types = types
        self._start = start
        self._check_output = check_output

    def check(self, expression: nodes.Expression) -> Iterator[Fault]:
        """The faults of an expression on the resource itself."""
        yield from self._check(expression, Spot.at(self._start))

    def _check(self, node: nodes.Expression, spot: Spot) -> Iterator[Fault]:
        yield from self._look_up(node, spot)
        yield from self._check_parts(node, spot)

    def _look_up(self, node: nodes.Expression, spot: Spot) -> Iterator[Fault]:
        """What an expression itself reads."""
        match node:
            case nodes.Field(name, _):
                yield from _field(spot, name)
            case nodes.Nested(names, _):
                yield from _field(spot, names[0])
            case nodes.RemoteField(path, name, _):
                yield from self._path(path, spot)
                yield from _field(self._end(path, spot), name)
            case nodes.Reference(path, _):
                yield from self._path(path, spot)
            case nodes.Output(path, key, _):
                yield from self._output(path, key, spot)

    def _check_parts(
        self, node: nodes.Expression, spot: Spot
    ) -> Iterator[Fault]:
        match node:
            case nodes.Concatenation(parts, _):
                for part in parts:
                    yield from self._check(part, spot)
            case nodes.Conditional(condition, then, otherwise):
                for part in (*_operands(condition), then, otherwise):
                    yield from self._check(part, spot)
            case nodes.ForEach(source, body, _):
                yield from self._check(source, spot)
                place = self._place(source, spot).item()
                known = place.type is not None
                yield from self._check(
                    body, Spot(None, place, known, spot.optional)
                )
            case nodes.IgnoreMissing(inner) | nodes.Unneeded(inner):
                yield from self._check(
                    inner, dataclasses.replace(spot, optional=True)
                )

    def _output(
        self, path: paths.Path | None, key: str, spot: Spot
    ) -> Iterator[Fault]:
        if path is None:
            yield from self._check_output(self._start.name, key)
            return
        yield from self._path(path, spot)
        end = self._end(path, spot)
        if end.type is not None:
            yield from self._check_output(end.type.name, key)

    def _place(self, node: nodes.Expression, spot: Spot) -> Place:
        """Where the list of a loop lies."""
        match node:
            case nodes.Field(name, _):
                return spot.place.member(name)
            case nodes.Nested(names, _):
                return spot.place.member('.'.join(names))
            case nodes.RemoteField(path, name, _):
                return self._end(path, spot).place.member(name)
            case nodes.IgnoreMissing(inner) | nodes.Unneeded(inner):
                return self._place(inner, spot)
        return NOWHERE

    # --- paths ------------------------------------------------------------

    def _path(self, path: paths.Path, spot: Spot) -> Iterator[Fault]:
        for step in path.steps:
            yield from self._step(step, spot)
            spot = self._next(step, spot)

    def _end(self, path: paths.Path, spot: Spot) -> Spot:
        for step in path.steps:
            spot = self._next(step, spot)
        return spot

    def _step(self, step: paths.Step, spot: Spot) -> Iterator[Fault]:
        if not spot.known:
            return
        match step:
            case paths.RelationStep(field):
                yield from self._relation(field, spot)
            case paths.TypedStep(type_, field):
                if field:
                    yield from _field(spot, field.split('.')[0])
                yield from self._typed(type_, field, spot)
            case paths.ComputedStep(name):
                yield from self._check(name, spot)

    def _relation(self, field: str, spot: Spot) -> Iterator[Fault]:
        target = spot.place.member(field).relation
        if target is None:
            owner = spot.place.type
            name = '' if owner is None else f' of "{owner.name}"'
            yield (
                findings.UNKNOWN_RELATION,
                f'"{field}" is no relation{name}; declare it, or write the '
                'step as {"type": ..., "id": ...}',
            )
        elif target not in self._types and not spot.optional:
            yield _unknown_type(target)

    def _typed(self, type_: str, field: str, spot: Spot) -> Iterator[Fault]:
        if type_ not in self._types and not spot.optional:
            yield _unknown_type(type_)
        related = spot.place.member(field).relation
        if related is not None and related != type_:
            yield (
                findings.STEP_DISAGREES,
                f'the step takes "{field}" for a "{type_}", the schema for '
                f'a "{related}"',
            )

    def _next(self, step: paths.Step, spot: Spot) -> Spot:
        match step:
            case paths.RelationStep(field):
                name = spot.place.member(field).relation
            case paths.TypedStep(target, _):
                name = target
            case _:
                name = None
        type_ = None if name is None else self._types.get(name)
        if type_ is None:
            return LOST
        return dataclasses.replace(Spot.at(type_), optional=spot.optional)


def _field(spot: Spot, name: str) -> Iterator[Fault]:
    type_ = spot.type
    if type_ is None or type_.fields is None or name in type_.fields:
        return
    yield (
        findings.UNKNOWN_FIELD,
        f'the schema of "{type_.name}" has no field "{name}"',
    )


def _unknown_type(name: str) -> Fault:
    return (
        findings.UNKNOWN_TYPE,
        f'no schema and no driver.yaml declares the type "{name}"',
    )


def _operands(condition: conditions.Condition) -> tuple[nodes.Expression, ...]:
    match condition:
        case conditions.Equal(left, right):
            return left, right
        case conditions.Matches(subject, pattern, _):
            return subject, pattern
    return ()
