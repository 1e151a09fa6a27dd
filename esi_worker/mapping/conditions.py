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

"""The conditions of an ``if_mapping``."""

from __future__ import annotations

import abc
import dataclasses
import re

from esi_worker.mapping import values
from esi_worker.mapping.expressions import Expression
from esi_worker.mapping.scope import Result, Scope


class Condition(abc.ABC):
    """What an ``if_mapping`` asks."""

    __slots__ = ()

    @abc.abstractmethod
    def holds(self, scope: Scope) -> tuple[bool, tuple[Result, ...]]:
        """The answer and the results of the operands."""


@dataclasses.dataclass(frozen=True, slots=True)
class Equal(Condition):
    """Both operands are the same JSON value."""

    left: Expression
    right: Expression

    def holds(self, scope: Scope) -> tuple[bool, tuple[Result, ...]]:
        left, right = self.left.evaluate(scope), self.right.evaluate(scope)
        return values.same(left.value, right.value), (left, right)


@dataclasses.dataclass(frozen=True, slots=True)
class Matches(Condition):
    """The pattern matches at the subject's start; null counts as ''."""

    subject: Expression
    pattern: Expression
    text: str

    def holds(self, scope: Scope) -> tuple[bool, tuple[Result, ...]]:
        results = self.subject.evaluate(scope), self.pattern.evaluate(scope)
        subject, pattern = (
            ''
            if result.value is None
            else values.text_of(result.value, scope, self.text, operand)
            for result, operand in zip(
                results, ('the subject', 'the pattern'), strict=True
            )
        )
        try:
            match = re.match(pattern or '', subject or '')
        except (re.error, RecursionError, OverflowError) as exc:
            raise scope.error(
                self.text, f'the pattern does not compile: {exc}'
            ) from exc
        return match is not None, results
