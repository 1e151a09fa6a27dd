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


"""Counters of firewall filters of a router, over NETCONF.

The type ``igs_counter`` (section 4 of the reference of monitoring). The
names of the filters were fixed in the original system, too. A counter
that cannot be read is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from esi_worker import exceptions
from esi_worker.collector.pollers import netconf_poller
from esi_worker.collector.results import Failure, Result, Sample
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target

#: Which filter and which property a result comes from.
_SOURCES = {
    'traffic.in': ('INET_IN', 'counter_name_in'),
    'traffic.out': ('INET_OUT', 'counter_name_out'),
}


class IgsCounterPoller(netconf_poller.NetconfPoller):
    """The poller ``igs_counter``."""

    reporter: ClassVar[str] = 'IGSCounterAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'igs_counter',
            results=tuple(_SOURCES),
            properties=members(
                {
                    **netconf_poller.DEVICE,
                    'counter_name_in': TEXT,
                    'counter_name_out': TEXT,
                    'primary_device_ip': TEXT,
                    'secondary_device_ip': TEXT,
                }
            ),
        ),
    )

    def pool_key(self, target: Target) -> str:
        return str(target.properties['host'])

    def affinity(self, target: Target) -> str:
        """The same as that of the VRRP and BGP targets of the pair."""
        wanted = target.properties
        devices = wanted['primary_device_ip'], wanted['secondary_device_ip']
        return f'netconf {netconf_poller.pair(devices)}'

    def questions(
        self, target: Target
    ) -> Mapping[str, netconf_poller.Question]:
        endpoint = self.endpoint(target.properties)
        return {
            name: (
                endpoint,
                ('get-firewall-filter-information', 'filtername', filter_name),
            )
            for name, (filter_name, _) in _SOURCES.items()
        }

    def results(
        self, target: Target, answers: Mapping[str, Any]
    ) -> Iterator[Result]:
        for name, (_, property_name) in _SOURCES.items():
            answer = answers.get(name, answers.get(''))
            if isinstance(answer, exceptions.TransientError):
                yield Failure(name, str(answer))
                continue
            counter = str(target.properties[property_name])
            value = _bytes(answer, counter)
            if value is None:
                yield Failure(name, f'the filter has no counter {counter}')
            else:
                yield Sample(name, value)


def _bytes(reply: Any, wanted: str) -> int | None:
    for counter in reply.iter('{*}counter'):
        if counter.findtext('{*}counter-name', '').strip() == wanted:
            text = counter.findtext('{*}byte-count', '').strip()
            return int(text) if text.isdecimal() else None
    return None
