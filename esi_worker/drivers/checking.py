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

"""Checks of fields, for drivers.

Each raises an ``InvalidResource`` that names the resource, the place of
the value in its body, and what has to stand there. The value itself is
not shown, for it may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
import ipaddress
import re
from typing import NoReturn, TypeVar

from esi_worker import exceptions
from esi_worker.model import Resource
from esi_worker.model.codec import Json

T = TypeVar('T')

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ID = re.compile(r'[\w.:-]+')


def fail(resource: Resource, place: str, reason: str) -> NoReturn:
    """Refuse the value at a place, such as ``fixed_ips[0].subnet_id``."""
    raise exceptions.InvalidResource(
        f'{resource.ref}: the field "{place}" {reason}'
    )


def objects(
    resource: Resource, place: str, value: Json
) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Go through a list of objects with the place of each.

    Null is an empty list.
    """
    if value is None:
        return
    if not isinstance(value, list):
        fail(resource, place, 'must be a list')
    for index, item in enumerate(value):
        inside = f'{place}[{index}]'
        if not isinstance(item, Mapping):
            fail(resource, inside, 'must be an object')
        yield inside, item


def identifier(resource: Resource, place: str, value: Json, of: str) -> str:
    """A value that must be the id of a resource.

    :param of: what kind, with its article: ``a subnet``
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        fail(resource, place, f'must be the id of {of}')
    return value


def integer(
    resource: Resource,
    place: str,
    value: Json,
    lowest: int,
    highest: int | None = None,
) -> int:
    """A value that must be a whole number within limits."""
    wanted = f'of at least {lowest}'
    if highest is not None:
        wanted = f'from {lowest} to {highest}'
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or value < lowest
        or (highest is not None and value > highest)
    ):
        fail(resource, place, f'must be a whole number {wanted}')
    return value


def one_of(
    resource: Resource, place: str, value: Json, words: Collection[str]
) -> str:
    """A value that must be one of some words."""
    if not isinstance(value, str) or value not in words:
        known = ', '.join(f'"{word}"' for word in words)
        fail(resource, place, f'must be one of {known}')
    return value


def address(resource: Resource, place: str, value: Json) -> Address | None:
    """An IP address, with a mask or without; empty stands for none."""
    found = _parsed(
        resource, place, value, ipaddress.ip_interface, 'an IP address'
    )
    return None if found is None else found.ip


def network(resource: Resource, place: str, value: Json) -> Network | None:
    """An address range; empty stands for none."""
    return _parsed(
        resource,
        place,
        value,
        lambda text: ipaddress.ip_network(text, strict=False),
        'an address range such as 10.0.0.0/24',
    )


def within(
    resource: Resource,
    place: str,
    inner: Address | None,
    outer: Network | None,
) -> None:
    """An address that must lie in a range, if both are known."""
    if inner is not None and outer is not None and inner not in outer:
        fail(resource, place, f'must be an address in {outer}')


def _parsed(
    resource: Resource,
    place: str,
    value: Json,
    parse: Callable[[str], T],
    wanted: str,
) -> T | None:
    if value is None or value == '':
        return None
    try:
        if isinstance(value, str):
            return parse(value)
    except ValueError:
        pass
    fail(resource, place, f'must be {wanted}')
