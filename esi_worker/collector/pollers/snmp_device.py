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

"""Devices, as their SNMP agents see themselves.

A device that answers is UP; one whose time does not go on is DOWN (the
check of the first generation; section 4.1 of the reference of
monitoring). Firewalls and load balancers have metrics besides; each that
the device lacks is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import threading
from typing import ClassVar

from esi_worker import exceptions
from esi_worker.collector.pollers import base, snmp
from esi_worker.collector.pollers.snmp_answers import Oid, Value, parse_oid
from esi_worker.collector.results import (
    DOWN,
    STATUS,
    UP,
    Failure,
    Result,
    Sample,
)
from esi_worker.collector.target_types import TargetType, members
from esi_worker.collector.targets import Target

UPTIME = parse_oid('1.3.6.1.2.1.1.3.0')

#: The metrics of each type, by the names of the results.
METRICS: Mapping[str, Mapping[str, Oid]] = {
    'snmp_device_fw': {
        'cpu.user': parse_oid('1.3.6.1.4.1.2021.11.9.0'),
        'cpu.system': parse_oid('1.3.6.1.4.1.2021.11.10.0'),
        'cpu.idle': parse_oid('1.3.6.1.4.1.2021.11.11.0'),
        'memory.total': parse_oid('1.3.6.1.4.1.2021.4.5.0'),
        'memory.available': parse_oid('1.3.6.1.4.1.2021.4.6.0'),
        'tcp.active': parse_oid('1.3.6.1.2.1.6.5.0'),
        'tcp.passive': parse_oid('1.3.6.1.2.1.6.6.0'),
    },
    'snmp_device_lb': {
        'cpu.usage': parse_oid('1.3.6.1.4.1.5951.4.1.1.41.1.0'),
        'memory.usage': parse_oid('1.3.6.1.4.1.5951.4.1.1.41.2.0'),
        'http.request': parse_oid('1.3.6.1.4.1.5951.4.1.1.48.67.0'),
        'tcp.client': parse_oid('1.3.6.1.4.1.5951.4.1.1.46.2.0'),
        'tcp.server': parse_oid('1.3.6.1.4.1.5951.4.1.1.46.1.0'),
    },
}
#: sysUpTime counts hundredths of seconds.
_NOTICEABLE_SECONDS = 1.0


class SnmpDevicePoller(snmp.SnmpPoller):
    """The poller ``snmp_device``."""

    reporter: ClassVar[str] = 'SnmpDeviceAgent'
    types: ClassVar[tuple[TargetType, ...]] = tuple(
        TargetType(
            name,
            results=(STATUS, *METRICS.get(name, ())),
            properties=members(snmp.AGENT, snmp.OPTIONAL),
        )
        for name in ('snmp_device', *METRICS)
    )

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self._lock = threading.Lock()
        #: When a device had been up for how long, by target.
        self._uptimes: dict[str, tuple[float, Value]] = {}

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        return {
            target.id: tuple(self._results(target, timeout))
            for target in targets
        }

    def forget(self, pool_key: str) -> None:
        with self._lock:
            self._uptimes.pop(pool_key, None)

    def _results(self, target: Target, timeout: float) -> Iterator[Result]:
        metrics = METRICS.get(target.type, {})
        try:
            values = self.client.get(
                self.agent(target), [UPTIME, *metrics.values()], timeout
            )
        except exceptions.TransientError as error:
            host = target.properties['device_ip']
            for name in (STATUS, *metrics):
                yield Failure(name, f'{host}: {error}')
            return
        yield self._status(target, values)
        for name, oid in metrics.items():
            yield _metric(name, values.get(oid))

    def _status(self, target: Target, values: Mapping[Oid, Value]) -> Result:
        uptime = values.get(UPTIME)
        if uptime is None:
            return Failure(STATUS, 'the agent does not tell its sysUpTime')
        now = self.context.clock.monotonic()
        with self._lock:
            before = self._uptimes.get(target.id)
            self._uptimes[target.id] = now, uptime
        if before is None or now - before[0] < _NOTICEABLE_SECONDS:
            return Sample(STATUS, UP)
        return Sample(STATUS, DOWN if uptime == before[1] else UP)


def _metric(name: str, value: Value | None) -> Result:
    """A metric; some agents tell their numbers as texts."""
    if isinstance(value, bytes):
        try:
            value = int(value)
        except ValueError:
            value = None
    if value is None:
        return Failure(name, 'the agent does not tell')
    return Sample(name, value)
