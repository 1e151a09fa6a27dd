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

"""What SNMP agents answer, in plain numbers and bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esi_worker import exceptions

#: A device with more interfaces than that is broken.
_MAX_ROWS = 20_000

Oid = tuple[int, ...]
Value = int | bytes


class SnmpError(exceptions.TransientError):
    """The agent does not tell."""


def parse_oid(text: str) -> Oid:
    return tuple(int(part) for part in text.strip('.').split('.'))


def checked(answer: Any) -> list[tuple[Oid, Any]]:
    """The variables of an answer.

    :raises SnmpError: it is an error
    """
    indication, status, _, variables = answer
    if indication:
        # Such as "No SNMP response received before timeout"; it speaks of
        # the exchange, never of what was exchanged.
        raise SnmpError(str(indication))
    if status:
        raise SnmpError(f'the agent answers {status.prettyPrint()}')
    return [(tuple(oid), value) for oid, value in map(tuple, variables)]


def rows(
    variables: Sequence[tuple[Oid, Any]],
    places: Mapping[Oid, Oid],
    found: dict[Oid, dict[Oid, Value]],
) -> dict[Oid, Oid]:
    """Take the rows of an answer to a bulk request.

    :param places: where each column was asked to go on
    :param found: takes the values in, by column and the row's index
    :returns: where the columns that have not ended go on
    :raises SnmpError: there are more rows than any device has
    """
    columns = list(places)
    left = dict(places)
    if not variables:
        return {}
    for number, (oid, value) in enumerate(variables):
        column = columns[number % len(columns)]
        if column not in left:
            continue
        inside = oid[: len(column)] == column
        # An agent that goes backwards would be asked for ever.
        if not inside or is_absent(value) or oid <= left[column]:
            del left[column]
            continue
        left[column] = oid
        found[column][oid[len(column) :]] = plain(value)
        if len(found[column]) > _MAX_ROWS:
            raise SnmpError('the agent has too many rows')
    return left


def is_absent(value: Any) -> bool:
    """Whether the agent has no such object."""
    from pysnmp.proto import rfc1905

    return isinstance(
        value,
        rfc1905.NoSuchObject | rfc1905.NoSuchInstance | rfc1905.EndOfMibView,
    )


def plain(value: Any) -> Value:
    """A number, or the bytes of anything else."""
    from pyasn1.type import univ

    return int(value) if isinstance(value, univ.Integer) else bytes(value)
