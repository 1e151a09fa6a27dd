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

"""What an expression sees while it is evaluated, and what it gives.

A ``Scope`` stands at one body: the resource's own at first, then that
of a resource on a path, or one item of a list. It is never changed;
following a reference or entering a list makes a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json
from typing import Protocol

from esi_worker import exceptions
from esi_worker.model import (
    ParamType,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.model.codec import Json

#: The longest piece of an expression that an error shows, in characters.
MAX_TEXT = 200


class Bodies(Protocol):
    """Read access to the configs of other resources."""

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        """The body of a resource's config, or None when there is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where in the config of a type a value lies.

    ``inside`` is written like ``ResourceType.nested``; it is empty for
    the whole body. ``type`` is None when nothing is known of it.
    """

    type: ResourceType | None
    inside: str = ''

    def member(self, name: str) -> Place:
        """A field; an empty name stands for the value itself."""
        joined = '.'.join(part for part in (self.inside, name) if part)
        return Place(self.type, joined)

    def item(self) -> Place:
        """The items of a list."""
        return Place(self.type, f'{self.inside}[]')

    @property
    def relation(self) -> str | None:
        """The type that a value at this place refers to, if any."""
        if self.type is None:
            return None
        top = self.type.relations.get(self.inside)
        return top or self.type.nested.get(self.inside)


#: A place of which nothing is known.
NOWHERE = Place(None)


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What an expression gives.

    ``resources`` are those visited, in order; ``needs`` are the ones
    among them that must outlive the resource at hand. ``place`` is
    where the value was read, if it was.
    """

    value: Json
    type: ParamType = ParamType.VALUE
    resources: tuple[ResourceRef, ...] = ()
    needs: frozenset[ResourceRef] = frozenset()
    place: Place = NOWHERE

    @classmethod
    def visited(
        cls,
        value: Json,
        resources: tuple[ResourceRef, ...],
        type: ParamType = ParamType.VALUE,
    ) -> Result:
        """A result that needs everything it visited."""
        return cls(value, type, resources, frozenset(resources))

    def after(self, *earlier: Result) -> Result:
        """This result, preceded by what others visited on the way."""
        resources: tuple[ResourceRef, ...] = ()
        needs = self.needs
        for result in earlier:
            resources += result.resources
            needs |= result.needs
        return dataclasses.replace(
            self, resources=resources + self.resources, needs=needs
        )


#: Null, with nothing visited.
NOTHING = Result(None)


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """The body at hand and everything around it.

    ``where`` names template and parameter for errors, ``label`` the
    body. ``origin`` is the resource whose parameters are evaluated.
    ``type`` is None when nothing is known of the body's fields;
    ``place`` is where the body lies.
    """

    where: str
    parameter: str
    origin: ResourceRef
    version: int
    view: Bodies
    types: TypeRegistry
    lenient: bool
    body: Json
    type: ResourceType | None
    label: str
    place: Place = NOWHERE

    @classmethod
    def start(
        cls,
        origin: ResourceRef,
        type: ResourceType,
        body: Mapping[str, Json],
        version: int,
        view: Bodies,
        types: TypeRegistry,
        *,
        lenient: bool,
    ) -> Scope:
        """The scope of a whole resource; ``at`` names the place."""
        return cls(
            where='',
            parameter='',
            origin=origin,
            version=version,
            view=view,
            types=types,
            lenient=lenient,
            body=body,
            type=type,
            label=str(origin),
            place=Place(type),
        )

    def at(self, where: str, parameter: str) -> Scope:
        """The same for another expression."""
        return dataclasses.replace(self, where=where, parameter=parameter)

    def enter(self, ref: ResourceRef, body: Mapping[str, Json]) -> Scope:
        """Step to another resource."""
        type_ = self.types.get(ref.type)
        return dataclasses.replace(
            self, body=body, type=type_, label=str(ref), place=Place(type_)
        )

    def item(self, index: int, item: Json, place: Place) -> Scope:
        """Step to one item of a list.

        :param place: where the list lies
        """
        return dataclasses.replace(
            self,
            body=item,
            type=None,
            label=f'item {index} of {self.label}',
            place=place.item(),
        )

    def strict(self) -> Scope:
        """The same, but a missing target is an error."""
        return dataclasses.replace(self, lenient=False)

    def forgiving(self) -> Scope:
        """The same, but a missing target is no error."""
        return dataclasses.replace(self, lenient=True)

    def read(self, field: str, text: str) -> Json:
        """The value of a field of the body; null when it is absent.

        :param text: the expression, for errors
        :raises MappingError: the body is no object, or its type's
            schema lacks the field, whether or not the body has it
        """
        if not isinstance(self.body, Mapping):
            raise self.error(
                text,
                f'the field "{field}" cannot be read: '
                f'{self.label} is {kind(self.body)}, no object',
            )
        fields = None if self.type is None else self.type.fields
        if fields is not None and field not in fields:
            assert self.type is not None
            raise self.error(
                text,
                f'the schema of "{self.type.name}" has no field "{field}"; '
                'correct the mapping or the schema',
            )
        return self.body.get(field)

    def relation(self, field: str) -> str | None:
        """The type that a field of the body refers to, if any."""
        return None if self.type is None else self.type.relations.get(field)

    def error(self, text: str, reason: str) -> exceptions.MappingError:
        return exceptions.MappingError(complain(self.where, text, reason))

    def missing(
        self, text: str, reason: str, type: str, id: str
    ) -> exceptions.MissingReference:
        return exceptions.MissingReference(
            complain(self.where, text, reason), type, id
        )


def complain(where: str, text: str, reason: str) -> str:
    """The text of an error about an expression."""
    return f'{where}, expression {text}: {reason}'


def describe(expression: Json) -> str:
    """An expression as errors show it, cut when it is long."""
    try:
        text = json.dumps(expression, default=str)
    except (ValueError, TypeError, RecursionError):
        return '(one that is no JSON or too deep to show)'
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + '...'


def kind(value: Json) -> str:
    """What sort of JSON value this is, for errors."""
    if value is None:
        return 'null'
    if isinstance(value, bool):
        return 'true or false'
    if isinstance(value, int | float):
        return 'a number'
    if isinstance(value, str):
        return 'a string'
    return 'an object' if isinstance(value, Mapping) else 'a list'
