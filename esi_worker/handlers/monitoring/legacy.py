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

"""Sections of the first generation as targets of today.

In 2017 the types had other names, properties had other names, and what
was monitored beside a session was measured only (section 4.3 of the
reference of workflows, 6.1 of the reference of monitoring). Types that
are not named here are types of the collector and pass untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import dataclasses

from esi_worker.handlers.monitoring.sections import Section

#: A section that reads what another resource has published.
READER = 'etcd_reader'
#: A message to somebody who is not there any more.
_MESSENGER = 'kafka_messenger'
_SESSIONS = frozenset(('vrrp_session', 'bgp_session'))
_PORTS = frozenset(('physical_port', 'logical_port'))


@dataclasses.dataclass(frozen=True, slots=True)
class _Successor:
    """What a type has become; ``names`` are properties renamed."""

    type: str
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    dropped: frozenset[str] = frozenset()


_DEVICE = _Successor('snmp_device', {'ip': 'device_ip'}, frozenset(('mibs',)))
_PORT_NAMES = {'name': 'if_name'}
_SUCCESSORS: Mapping[str, _Successor] = {
    'switch': _DEVICE,
    'router': _DEVICE,
    'physical_port': _Successor(
        'snmp_ports_status', _PORT_NAMES, frozenset(('mibs',))
    ),
    'logical_port': _Successor(
        'snmp_ports', _PORT_NAMES, frozenset(('mibs',))
    ),
    'nova_vm': _Successor('compute'),
}
_MEASURED = _Successor('snmp_ports_metric', _PORT_NAMES, frozenset(('mibs',)))
_WANTED = {
    'vrrp_session': 'master',
    'bgp_session': 'ESTABLISHED',
}


def modernized(found: Iterable[Section]) -> Iterator[Section]:
    """Translate the sections of one template."""
    sections = list(found)
    has_session = any(section.type in _SESSIONS for section in sections)
    for section in sections:
        if section.type == _MESSENGER:
            continue
        if has_session and section.type in _PORTS:
            yield _renamed(section, _MEASURED, syncers={})
        elif section.type in _SUCCESSORS:
            yield _renamed(section, _SUCCESSORS[section.type])
        else:
            yield _with_wanted(section)


def _renamed(
    section: Section,
    successor: _Successor,
    syncers: Mapping[str, object] | None = None,
) -> Section:
    if section.syncer_properties is not None:
        syncers = section.syncer_properties
    return dataclasses.replace(
        section,
        type=successor.type,
        syncer_properties=syncers,
        properties={
            successor.names.get(name, name): value
            for name, value in section.properties.items()
            if name not in successor.dropped
        },
    )


def _with_wanted(section: Section) -> Section:
    if section.wanted is None and section.type in _WANTED:
        return dataclasses.replace(section, wanted=_WANTED[section.type])
    return section


def word(section: Section, status: object) -> object:
    """A status in the words that workers have always published.

    The collector says UP, MASTER and BACKUP where a worker says ACTIVE,
    master and backup (section 9.3 of the reference of monitoring).
    """
    if status == 'UP':
        return 'ACTIVE'
    if section.type == 'vrrp_session' and isinstance(status, str):
        return status if status == 'FAIL' else status.lower()
    return status
