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

"""Whole sets of expressions: a template's parameters, and choices.

Both are parsed once, when a template is read, and evaluated for every
version of every resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses

from esi_worker import exceptions
from esi_worker.mapping import expressions as nodes
from esi_worker.mapping import paths, tree
from esi_worker.mapping.parser import parse_at
from esi_worker.mapping.references import ReferenceList
from esi_worker.mapping.scope import Bodies, Result, Scope, describe, kind
from esi_worker.model import (
    Param,
    ParamType,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.model.codec import Json

#: Parameters that only order jobs; nothing reads their values.
DEPENDENCY_ONLY = ('jinja_force_dependency', 'jinja_dummy_dependency')
#: The parameter that carries what ``depends_on`` refers to.
DEPENDS_ON = 'jinja_depends_on'


def parse(
    expression: Json, *, template: str, parameter: str
) -> nodes.Expression:
    """Parse one expression.

    :param expression: a short form or the object form, decoded
    :raises MappingError: it is malformed; the message names template,
        parameter and expression
    """
    return parse_at(expression, _where(template, parameter))


def _where(template: str, parameter: str) -> str:
    return f'template "{template}", parameter "{parameter}"'


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """The parameters in the order of their names.

    ``needs`` are the references that hold off the deletion of their
    targets. ``after`` are those of the option ``needs``, which no
    parameter carries; ``held_by`` are those that have to be worked on
    first, of all that have to exist.
    """

    params: tuple[Param, ...]
    needs: frozenset[ResourceRef] = frozenset()
    after: frozenset[ResourceRef] = frozenset()
    held_by: frozenset[ResourceRef] = frozenset()


class ParameterMappings:
    """What one template takes from a resource.

    ``expressions`` are those of its parameters by name; ``depends_on``
    and ``needs`` are references that only order jobs, those of
    ``needs`` in one direction.
    """

    def __init__(
        self,
        template_id: str,
        raw: Json,
        *,
        depends_on: ReferenceList | None = None,
        needs: ReferenceList | None = None,
    ) -> None:
        """:raises MappingError: an expression is malformed"""
        if not isinstance(raw, Mapping):
            raise exceptions.MappingError(
                f'template "{template_id}": parameter_mappings is '
                f'{kind(raw)}, an object is needed'
            )
        self.template_id = template_id
        #: The expressions as they were written.
        self.raw: Mapping[str, Json] = raw
        self.expressions: dict[str, nodes.Expression] = {
            name: parse(raw[name], template=template_id, parameter=name)
            for name in sorted(raw, key=str)
        }
        if DEPENDS_ON in self.expressions:
            raise exceptions.MappingError(
                f'template "{template_id}": the parameter "{DEPENDS_ON}" is '
                'made from the option "depends_on"; give it another name'
            )
        none = ReferenceList(template_id, 'none', [])
        self.depends_on = depends_on or none
        self.needs = needs or none

    def evaluate(
        self,
        resource_type: ResourceType,
        body: Mapping[str, Json],
        version: int,
        view: Bodies,
        types: TypeRegistry,
        *,
        resource_id: str | None = None,
        lenient: bool = False,
    ) -> Evaluation:
        """Compute all parameters for one version of a resource.

        :param view: the configs of the other resources
        :param resource_id: None takes the body's ``id``
        :param lenient: what cannot be computed is null, and no error
        :raises MissingReference: a target is missing
        :raises MappingError: an expression does not fit the body
        """
        start = Scope.start(
            ResourceRef(resource_type.name, _own_id(resource_id, body)),
            resource_type,
            body,
            version,
            view,
            types,
            lenient=lenient,
        )
        return self._collect(start)

    def _collect(self, start: Scope) -> Evaluation:
        params: list[Param] = []
        needs: frozenset[ResourceRef] = frozenset()
        for name, expression in self.expressions.items():
            scope = start.at(_where(self.template_id, name), name)
            result = _evaluate(expression, scope)
            params.append(
                Param(name, result.type, result.value, result.resources)
            )
            if not name.startswith(DEPENDENCY_ONLY):
                needs |= result.needs
        dependencies = self.depends_on.evaluate(start)
        if self.depends_on:
            params.append(
                Param(
                    DEPENDS_ON, ParamType.VALUE, None, dependencies.resources
                )
            )
        ahead = self.needs.evaluate(start)
        needs |= ahead.needs
        return Evaluation(
            tuple(sorted(params, key=lambda param: param.name)),
            needs,
            frozenset(ahead.resources),
            needs | dependencies.needs,
        )


def _own_id(resource_id: str | None, body: Mapping[str, Json]) -> str:
    return resource_id or str(body.get('id') or '')


def _evaluate(expression: nodes.Expression, scope: Scope) -> Result:
    """Evaluate; an error costs a lenient scope only the value."""
    try:
        return expression.evaluate(scope)
    except exceptions.MappingError:
        if scope.lenient:
            return Result(None)
        raise


class _NoBodies:
    """A choice sees nothing but the resource's own body."""

    def body(self, ref: ResourceRef) -> None:
        return None


class Choice:
    """The expression that chooses a handler's template for a type.

    It sees only the resource's own body, for a handler repeats the
    choice when the job runs.
    """

    def __init__(self, handler: str, resource_type: str, raw: Json) -> None:
        """:raises MappingError: it is malformed or follows references"""
        self.handler = handler
        self.resource_type = resource_type
        self.where = f'template choice of {handler} for "{resource_type}"'
        self.text = describe(raw)
        self.expression = parse_at(raw, self.where)
        for node in tree.walk(self.expression):
            if isinstance(node, paths.Path | nodes.Output | nodes.ForEach):
                raise exceptions.MappingError(
                    f'{self.where}, expression {self.text}: '
                    'a choice may only look at the resource itself'
                )

    def evaluate(
        self,
        resource_type: ResourceType,
        body: Mapping[str, Json],
        version: int,
        types: TypeRegistry,
        *,
        resource_id: str | None = None,
    ) -> str | None:
        """The template id, or None when there is no work.

        :raises MappingError: the expression does not fit the body or
            gives something else
        """
        scope = Scope.start(
            ResourceRef(resource_type.name, _own_id(resource_id, body)),
            resource_type,
            body,
            version,
            _NoBodies(),
            types,
            lenient=False,
        ).at(self.where, '')
        result = self.expression.evaluate(scope).value
        if result is None:
            return None
        if not isinstance(result, str) or not result:
            raise scope.error(
                self.text,
                f'it gives {kind(result)} for {scope.origin}; '
                'the id of a template or null is needed',
            )
        return result


def with_previous(
    params: Sequence[Param], previous: Sequence[Param]
) -> tuple[Param, ...]:
    """Let a job refer also to what the previous version referred to.

    Each parameter's resources are followed by those of the previous
    version's parameter of the same name (section 4.3 of the reference
    of the mapping language); types and values stay.
    """
    before = {param.name: param.resources for param in previous}
    return tuple(
        dataclasses.replace(
            param, resources=param.resources + before.get(param.name, ())
        )
        for param in params
    )


__all__ = (
    'Choice',
    'Evaluation',
    'ParameterMappings',
    'parse',
    'with_previous',
)
