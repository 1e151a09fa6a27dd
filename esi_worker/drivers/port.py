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

"""The driver of ports.

The addresses of a port go into the text of its template as they are, so
they are checked before a job exists.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NoReturn

from esi_worker import exceptions
from esi_worker.drivers.base import Plan, View
from esi_worker.drivers.mapping import MappingDriver
from esi_worker.model import Resource
from esi_worker.model.codec import Json

_ID = re.compile(r'[\w.:-]+')


class PortDriver(MappingDriver):
    """The default driver, with a check of ``fixed_ips``."""

    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        if not lenient and self.workable(resource):
            _check_fixed_ips(resource)
        return super().plan(resource, view, lenient=lenient)


def _check_fixed_ips(resource: Resource) -> None:
    """Check each entry ``{"subnet_id", "ip_address"}``.

    :raises MappingError: naming the port, the entry and the field
    """
    entries = resource.body.get('fixed_ips')
    if entries is None:
        return
    if not isinstance(entries, list):
        _fail(resource, 'fixed_ips', 'must be a list')
    for index, entry in enumerate(entries):
        place = f'fixed_ips[{index}]'
        if not isinstance(entry, dict):
            _fail(resource, place, 'must be an object with a "subnet_id"')
        _check_subnet(resource, f'{place}.subnet_id', entry.get('subnet_id'))
        _check_address(
            resource, f'{place}.ip_address', entry.get('ip_address')
        )


def _check_subnet(resource: Resource, place: str, value: Json) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        _fail(resource, place, 'must be the id of a subnet')


def _check_address(resource: Resource, place: str, value: Json) -> None:
    if value is None or value == '':
        return
    try:
        if isinstance(value, str):
            ipaddress.ip_interface(value)
            return
    except ValueError:
        pass
    _fail(resource, place, 'must be an IP address')


def _fail(resource: Resource, place: str, reason: str) -> NoReturn:
    raise exceptions.MappingError(
        f'{resource.ref}: the field "{place}" {reason}'
    )
