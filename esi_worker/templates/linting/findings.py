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

"""What the linter says, and the rules as data."""

from __future__ import annotations

import dataclasses
import enum

from esi_worker.model.codec import Json


class Severity(enum.StrEnum):
    """How bad a finding is."""

    #: A job that comes to it fails, or makes the wrong thing.
    ERROR = 'error'
    #: It looks like a mistake.
    WARNING = 'warning'
    #: It may well be meant.
    NOTE = 'note'


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is checked."""

    id: str
    severity: Severity
    summary: str
    #: The service makes no jobs with a template that has this fault.
    blocks: bool = False


def _error(id_: str, summary: str, *, blocks: bool = False) -> Rule:
    return Rule(id_, Severity.ERROR, summary, blocks)


def _warning(id_: str, summary: str) -> Rule:
    return Rule(id_, Severity.WARNING, summary)


MALFORMED = _error(
    'malformed', 'the template or its mappings cannot be read', blocks=True
)
UNKNOWN_FIELD = _error(
    'unknown-field', 'the schema lacks a field', blocks=True
)
UNKNOWN_RELATION = _error(
    'unknown-relation', 'a step of a path is none', blocks=True
)
UNKNOWN_TYPE = _error('unknown-type', 'no schema declares a type', blocks=True)
NO_STACK = _error('no-stack', 'an output is taken of what has no stack')
UNKNOWN_OUTPUT = _error('unknown-output', 'no template gives an output')
VARIABLE_NOT_MAPPED = _error(
    'variable-not-mapped', 'the text uses a variable that nobody gives'
)
NOT_DECLARED = _error(
    'parameter-not-declared',
    'Heat refuses what the text does not declare',
    blocks=True,
)
NOT_MAPPED = _error(
    'parameter-not-mapped',
    'Heat misses a parameter without a default',
    blocks=True,
)
WRONG_CONSTANT = _error(
    'wrong-constant',
    "a constant does not fit its parameter's type",
    blocks=True,
)
WRONG_HANDLER = _error(
    'wrong-handler', "another handler's template is chosen", blocks=True
)
PERHAPS_NOT_MAPPED = _warning(
    'parameter-perhaps-not-mapped',
    'a parameter that is declared at times is never given',
)
ONLY_DEFAULT = Rule(
    'only-default',
    Severity.NOTE,
    'nothing is ever given for a parameter with a default',
)
NO_TEMPLATE = _warning('no-template', 'what is chosen does not exist')
OUTPUT_OF_SOME = _warning(
    'output-of-some', 'not every template of a type gives an output'
)
STEP_DISAGREES = _warning(
    'step-disagrees', 'a step names another type than the schema'
)
VARIABLE_NOT_USED = _warning(
    'variable-not-used', 'the text does not use a variable'
)
NO_TIMEOUT = Rule('no-timeout', Severity.NOTE, 'no heat_timeout is given')
NEVER_CHOSEN = _warning('never-chosen', 'no type chooses the template')
UNCLEAR_TEXT = _warning(
    'unclear-text', 'what the text declares cannot be found out'
)

RULES = (
    MALFORMED,
    UNKNOWN_FIELD,
    UNKNOWN_RELATION,
    UNKNOWN_TYPE,
    NO_STACK,
    UNKNOWN_OUTPUT,
    VARIABLE_NOT_MAPPED,
    NOT_DECLARED,
    NOT_MAPPED,
    WRONG_CONSTANT,
    WRONG_HANDLER,
    NO_TEMPLATE,
    PERHAPS_NOT_MAPPED,
    ONLY_DEFAULT,
    OUTPUT_OF_SOME,
    STEP_DISAGREES,
    VARIABLE_NOT_USED,
    NO_TIMEOUT,
    NEVER_CHOSEN,
    UNCLEAR_TEXT,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    ``template`` is empty for a fault of a choice, ``resource_type`` for
    one that does not depend on the type. ``parameter`` also names a
    variable or an option. ``chosen`` tells that some type may choose
    the template.
    """

    rule: Rule
    message: str
    template: str = ''
    source: str = ''
    resource_type: str = ''
    parameter: str = ''
    chosen: bool = True

    @property
    def severity(self) -> Severity:
        """What is never chosen breaks nothing."""
        if self.rule.severity is Severity.ERROR and not self.chosen:
            return Severity.WARNING
        return self.rule.severity

    @property
    def place(self) -> str:
        """Where it is, for people."""
        parts = []
        if self.template:
            parts.append(f'template "{self.template}"')
        if self.resource_type:
            parts.append(f'for "{self.resource_type}"')
        if self.parameter:
            parts.append(f'parameter "{self.parameter}"')
        return ' '.join(parts)

    def __str__(self) -> str:
        source = f' ({self.source})' if self.source else ''
        return (
            f'{self.severity.value}: {self.place}{source}: {self.message} '
            f'[{self.rule.id}]'
        )

    def to_json(self) -> dict[str, Json]:
        return {
            'severity': self.severity.value,
            'rule': self.rule.id,
            'template': self.template,
            'resource_type': self.resource_type,
            'parameter': self.parameter,
            'message': self.message,
            'source': self.source,
        }
