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

"""Lists of references, for their own sake.

The options ``depends_on`` and ``needs`` of a template name resources
whose values nobody wants. A reference is one of

* a relation of the resource, such as ``network_id``, ``port_ids[]`` or
  ``networks[].port``;
* ``{"path": [...]}``, whose steps may lead through lists as well;
* any object form of an expression: what it visits is referred to.

A field that names no target refers to nothing. A target that is named
and missing is an error, unless ``ignore_missing`` is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esi_worker import exceptions
from esi_worker.mapping import expressions as nodes
from esi_worker.mapping.parser import FORMS, IGNORE_MISSING, Parser
from esi_worker.mapping.paths import OptionalPath, Step
from esi_worker.mapping.scope import Result, Scope, describe, kind
from esi_worker.model.codec import Json

_LIST = '[]'


class ReferenceList:
    """The references that one option of a template names."""

    def __init__(self, template_id: str, option: str, raw: Json) -> None:
        """:param raw: as it is stored; null stands for no references
        :raises MappingError: a reference is malformed
        """
        self.where = f'template "{template_id}", option "{option}"'
        raw = [] if raw is None else raw
        if not isinstance(raw, list):
            raise exceptions.MappingError(
                f'{self.where} is {kind(raw)}, a list of references is needed'
            )
        #: The references as they were written.
        self.raw: Sequence[Json] = raw
        parser = _ReferenceParser(self.where)
        self.expressions = tuple(parser.reference(item, 1) for item in raw)

    def __bool__(self) -> bool:
        return bool(self.expressions)

    def evaluate(self, start: Scope) -> Result:
        """Everything that is referred to, in order; the value is null.

        :raises MissingReference: a target is missing
        :raises MappingError: a reference does not fit the body
        """
        scope = start.at(self.where, '')
        results = []
        for expression in self.expressions:
            try:
                results.append(expression.evaluate(scope))
            except exceptions.MappingError:
                if not scope.lenient:
                    raise
        return Result(None).after(*results)


class _ReferenceParser(Parser):
    """Parses references, which may lead through lists."""

    def reference(self, raw: Json, depth: int) -> nodes.Expression:
        if isinstance(raw, str):
            return self.chain(raw, [raw], depth)
        if not isinstance(raw, Mapping):
            self.fail(raw, f'{kind(raw)} is no reference')
        if 'path' not in raw or not FORMS.keys().isdisjoint(raw):
            return self.expression(raw, depth)
        self.check_keys(raw, {'path', IGNORE_MISSING})
        steps = raw['path']
        if not isinstance(steps, list) or not steps:
            self.fail(raw, '"path" must be a list of steps')
        node = self.chain(raw, steps, depth)
        ignored = isinstance(self.ignoring(raw, node), nodes.IgnoreMissing)
        return nodes.Unneeded(node) if ignored else node

    def chain(
        self, raw: Json, steps: Sequence[Json], depth: int
    ) -> nodes.Expression:
        """Steps one after the other, each list as a loop."""
        path: list[Step] = []
        for index, step in enumerate(steps):
            if isinstance(step, str) and _LIST in step:
                name, _, rest = step.partition(_LIST)
                following = [rest.removeprefix('.'), *steps[index + 1 :]]
                items = self.source(raw, path, name)
                self.loops += 1
                body = self.chain(raw, following, depth)
                self.loops -= 1
                return nodes.ForEach(items, body, describe(raw))
            path.append(self.step(raw, step, depth))
        return nodes.Reference(OptionalPath(tuple(path)), describe(raw))

    def source(
        self, raw: Json, path: Sequence[Step], name: str
    ) -> nodes.Expression:
        """The list of that name, at the end of a path."""
        names = tuple(name.split('.'))
        if not all(names) or (path and len(names) > 1):
            self.fail(raw, f'"{name}{_LIST}" is no name of a list')
        if path:
            return nodes.RemoteField(
                OptionalPath(tuple(path)), name, describe(raw)
            )
        if len(names) > 1:
            return nodes.Nested(names, describe(raw))
        return nodes.Field(name, describe(raw))
