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

"""The short forms: one letter, then text without any escaping.

=====================================  ================================
``C<text>``                            a constant string
``P<field>``                           a field
``O<field>:<key>``                     a value inside an object
``Vauto_filled``                       the config's version
``F<type>+<field>:...:<field>``        a field at the end of references
``M<type>:<field>:<output>``           a stack's output
``A<short>&<short>...``                the parts as one string
=====================================  ================================
"""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.mapping import expressions as nodes
from esi_worker.mapping.paths import Path, TypedStep
from esi_worker.mapping.scope import complain, describe

#: The only source of a version.
AUTO_FILLED = 'auto_filled'


def parse(short: str, where: str) -> nodes.Expression:
    """Parse a short form.

    :param where: names template and parameter, for errors
    :raises MappingError: it is none, or not complete
    """
    parser = _PARSERS.get(short[:1])
    if parser is None:
        raise _error(where, short, 'it starts with none of C P O V F M A')
    return parser(short, where)


def _constant(short: str, where: str) -> nodes.Expression:
    return nodes.Constant(short[1:])


def _field(short: str, where: str) -> nodes.Expression:
    if not short[1:]:
        raise _error(where, short, 'the field is missing: P<field>')
    return nodes.Field(short[1:], describe(short))


def _nested(short: str, where: str) -> nodes.Expression:
    field, _, key = short[1:].partition(':')
    if not field or not key:
        raise _error(where, short, 'the form is O<field>:<key>')
    return nodes.Nested((field, key), describe(short))


def _version(short: str, where: str) -> nodes.Expression:
    if short[1:] != AUTO_FILLED:
        raise _error(where, short, f'the only version is V{AUTO_FILLED}')
    return nodes.Version()


def _remote_field(short: str, where: str) -> nodes.Expression:
    pieces = short[1:].split(':')
    hops = 0
    while hops < len(pieces) and '+' in pieces[hops]:
        hops += 1
    steps = tuple(_hop(piece, short, where) for piece in pieces[:hops])
    name = ':'.join(pieces[hops:])
    if not steps or not name:
        raise _error(where, short, _F_FORM)
    return nodes.RemoteField(Path(steps), name, describe(short))


_F_FORM = 'the form is F<type>+<field>:...:<field>'


def _hop(piece: str, short: str, where: str) -> TypedStep:
    type_, _, field = piece.partition('+')
    if not type_ or not field:
        raise _error(where, short, _F_FORM)
    return TypedStep(type_, field)


def _output(short: str, where: str) -> nodes.Expression:
    type_, _, rest = short[1:].partition(':')
    field, _, key = rest.partition(':')
    if not (type_ and field and key):
        raise _error(where, short, 'the form is M<type>:<field>:<output>')
    path = Path((TypedStep(type_, field),))
    return nodes.Output(path, key, describe(short))


def _concatenation(short: str, where: str) -> nodes.Expression:
    parts = short[1:].split('&')
    for part in parts:
        if part[:1] in ('A', 'M'):
            raise _error(where, short, f'"{part[:1]}" cannot be a part of "A"')
    return nodes.Concatenation(
        tuple(parse(part, where) for part in parts), describe(short)
    )


_PARSERS = {
    'C': _constant,
    'P': _field,
    'O': _nested,
    'V': _version,
    'F': _remote_field,
    'M': _output,
    'A': _concatenation,
}


def _error(where: str, short: str, reason: str) -> exceptions.MappingError:
    return exceptions.MappingError(complain(where, describe(short), reason))
