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

"""Interfaces of devices, by their names.

One bulk walk of a device serves all targets on it, whatever their types.
``ifOperStatus`` 1 is UP, anything else DOWN, an interface that is not
there a failure; ``traffic.*`` are the raw octet counters (section 4.1 of
the reference of monitoring).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from esi_worker import exceptions
from esi_worker.collector.pollers import snmp
from esi_worker.collector.pollers.snmp_answers import Oid, Value, parse_oid
from esi_worker.collector.results import (
    DOWN,
    STATUS,
    UP,
    Failure,
    Result,
    Sample,
)
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target

NAME = parse_oid('1.3.6.1.2.1.31.1.1.1.1')
OPER_STATUS = parse_oid('1.3.6.1.2.1.2.2.1.8')
TRAFFIC = {
    'traffic.in': parse_oid('1.3.6.1.2.1.31.1.1.1.6'),
    'traffic.out': parse_oid('1.3.6.1.2.1.31.1.1.1.10'),
}
_OPER_UP = 1
#: The type that has no traffic; all others have all results.
_STATUS_ONLY = 'snmp_ports_status'

Table = Mapping[Oid, Mapping[Oid, Value]]


class SnmpPortsPoller(snmp.SnmpPoller):
    """The poller ``snmp_ports``, of three types of targets."""

    reporter: ClassVar[str] = 'SNMPPortPool'
    types: ClassVar[tuple[TargetType, ...]] = tuple(
        TargetType(
            name,
            results=results,
            properties=members({**snmp.AGENT, 'if_name': TEXT}, snmp.OPTIONAL),
            unpublished=unpublished,
        )
        for name, results, unpublished in (
            (_STATUS_ONLY, (STATUS,), frozenset[str]()),
            ('snmp_ports', (STATUS, *TRAFFIC), frozenset[str]()),
            # It shows a status and publishes none.
            ('snmp_ports_metric', (STATUS, *TRAFFIC), frozenset((STATUS,))),
        )
    )

    def pool_key(self, target: Target) -> str:
        return snmp.device(target)

    def affinity(self, target: Target) -> str:
        return f'snmp {target.properties["device_ip"]}'

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        columns = [NAME, OPER_STATUS]
        if any(target.type != _STATUS_ONLY for target in targets):
            columns.extend(TRAFFIC.values())
        try:
            table = self.client.walk(self.agent(targets[0]), columns, timeout)
        except exceptions.TransientError as error:
            host = targets[0].properties['device_ip']
            reason = f'{host}: {error}'
            return {
                target.id: tuple(_failures(target, reason))
                for target in targets
            }
        places = _places(table)
        return {
            target.id: tuple(_results(target, table, places))
            for target in targets
        }


def _places(table: Table) -> dict[str, Oid]:
    """Which row an interface is, by its name."""
    return {
        value.decode('utf-8', 'replace'): index
        for index, value in table[NAME].items()
        if isinstance(value, bytes)
    }


def _names(target: Target) -> Sequence[str]:
    if target.type == _STATUS_ONLY:
        return (STATUS,)
    return (STATUS, *TRAFFIC)


def _failures(target: Target, reason: str) -> Iterator[Result]:
    for name in _names(target):
        yield Failure(name, reason)


def _results(
    target: Target, table: Table, places: Mapping[str, Oid]
) -> Iterator[Result]:
    index = places.get(str(target.properties['if_name']))
    if index is None:
        yield from _failures(target, 'the device has no such interface')
        return
    status = table[OPER_STATUS].get(index)
    if status is None:
        yield Failure(STATUS, 'the interface has no ifOperStatus')
    else:
        yield Sample(STATUS, UP if status == _OPER_UP else DOWN)
    if target.type == _STATUS_ONLY:
        return
    for name, column in TRAFFIC.items():
        value = table[column].get(index)
        if isinstance(value, int):
            yield Sample(name, value)
        else:
            yield Failure(name, 'the interface has no octet counter')
