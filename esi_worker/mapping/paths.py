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

"""Paths: following references from one resource to another.

A step is a field that the type's relations know, a type with the field
that holds the id, or an expression that gives the name of a relation.
In a loop the relations are those of the list's items; the step ``''``
says that the item itself is the id. A dot leads into an object.
Only configs are read, never states.
"""

from __future__ import annotations

import abc
import dataclasses

from esi_worker.mapping.expressions import Expression, Nested
from esi_worker.mapping.scope import NOTHING, Result, Scope, kind
from esi_worker.model import ResourceRef
from esi_worker.model.codec import Json


class Step(abc.ABC):
    """One reference to be followed."""

    @abc.abstractmethod
    def resolve(self, scope: Scope, text: str) -> Reference:
        """Find out where the step leads from the body at hand.

        :param text: the whole expression, for errors
        :raises MappingError: the body's type has no such relation
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A type and the field that holds the id.

    An empty field means that the body itself is the id. ``found_by``
    is what was visited to learn this.
    """

    type: str
    field: str
    found_by: Result = NOTHING

    def read(self, scope: Scope, text: str) -> Json:
        """What lies where the id should be."""
        if not self.field:
            return scope.body
        names = tuple(self.field.split('.'))
        if len(names) == 1 or scope.relation(self.field):
            return scope.read(self.field, text)
        return Nested(names, text).evaluate(scope).value


@dataclasses.dataclass(frozen=True, slots=True)
class RelationStep(Step):
    """A field whose relation tells the type."""

    field: str

    def resolve(self, scope: Scope, text: str) -> Reference:
        return _related(scope, self.field, text)


@dataclasses.dataclass(frozen=True, slots=True)
class TypedStep(Step):
    """A field with the type that it refers to."""

    type: str
    field: str

    def resolve(self, scope: Scope, text: str) -> Reference:
        return Reference(self.type, self.field)


@dataclasses.dataclass(frozen=True, slots=True)
class ComputedStep(Step):
    """An expression on the body at hand that names a relation."""

    name: Expression

    def resolve(self, scope: Scope, text: str) -> Reference:
        result = self.name.evaluate(scope)
        if not isinstance(result.value, str):
            raise scope.error(
                text,
                f'a step of the path gives {kind(result.value)} for '
                f'{scope.label}; it must give the name of a field',
            )
        reference = _related(scope, result.value, text)
        return dataclasses.replace(reference, found_by=result)


def _related(scope: Scope, field: str, text: str) -> Reference:
    target = scope.place.member(field).relation
    if target is None:
        raise scope.error(
            text,
            f'"{field}" is no relation of {_owner(scope)} (at '
            f'{scope.label}); declare the relation or write the step as '
            '{"type": ..., "id": ...}',
        )
    return Reference(target, field)


def _owner(scope: Scope) -> str:
    place = scope.place
    if place.type is None:
        return 'a list item' if scope.type is None else 'it'
    inside = f', {place.inside}' if place.inside else ''
    return f'"{place.type.name}"{inside}'


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """Where a path has led.

    ``scope`` and ``ref`` are None when a target is missing and the
    evaluation is lenient.
    """

    visited: Result
    scope: Scope | None = None
    ref: ResourceRef | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """One or more steps."""

    steps: tuple[Step, ...]

    def follow(self, scope: Scope, text: str) -> Arrival:
        """Go all steps.

        :raises MissingReference: a target is missing and the scope is
            not lenient
        :raises MappingError: a step does not fit the body at hand
        """
        visited = NOTHING
        ref = scope.origin
        for step in self.steps:
            reference = step.resolve(scope, text)
            visited = reference.found_by.after(visited)
            target = _target(scope, reference, text)
            if target is None:
                self._at_empty(scope, reference, text)
                return Arrival(visited)
            ref = target
            visited = Result.visited(None, (ref,)).after(visited)
            body = scope.view.body(ref)
            if body is None:
                _miss(scope, reference, ref, text)
                return Arrival(visited)
            scope = scope.enter(ref, body)
        return Arrival(visited, scope, ref)

    def _at_empty(self, scope: Scope, reference: Reference, text: str) -> None:
        """A field that should name a target is empty."""
        if scope.lenient:
            return
        raise scope.missing(
            text,
            f'{_field(scope, reference)} is empty, it should name a '
            f'resource of type "{reference.type}"',
            reference.type,
            '',
        )


@dataclasses.dataclass(frozen=True, slots=True)
class OptionalPath(Path):
    """A path that may end early, where a field names no target."""

    def _at_empty(self, scope: Scope, reference: Reference, text: str) -> None:
        return


def _target(
    scope: Scope, reference: Reference, text: str
) -> ResourceRef | None:
    """The resource that is named, or None when none is."""
    value = reference.read(scope, text)
    if value is None or value == '':
        return None
    if not isinstance(value, str):
        raise scope.error(
            text,
            f'{_field(scope, reference)} is {kind(value)}, it should be '
            f'the id of a resource of type "{reference.type}"',
        )
    return ResourceRef(reference.type, value)


def _field(scope: Scope, reference: Reference) -> str:
    if not reference.field:
        return scope.label
    return f'the field "{reference.field}" of {scope.label}'


def _miss(
    scope: Scope, reference: Reference, ref: ResourceRef, text: str
) -> None:
    if scope.lenient:
        return
    reason = f'{ref} does not exist (yet)'
    if reference.type not in scope.types:
        reason = (
            f'{ref} cannot be known: no schema and no driver.yaml '
            f'declares the type "{reference.type}"'
        )
    named_by = f'field "{reference.field}" of ' if reference.field else ''
    raise scope.missing(
        text,
        f'{reason}; it is named by {named_by}{scope.label}',
        ref.type,
        ref.id,
    )
