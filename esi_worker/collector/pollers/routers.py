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


"""Pairs of routers: VRRP groups and BGP peers, over NETCONF.

The status of a pool is a map of what each side says, in capitals:
``{"primary": "MASTER", "secondary": "BACKUP"}``. Several vrids give
``primary_vrid<i>`` and ``secondary_vrid<i>``, where i is the position in
the list, from 1 on, not the vrid (section 4.1 of the reference of
monitoring). A side that is not known is FAIL; when nothing is known, so
is the whole status. ``vrrp_session`` and ``bgp_session`` are the targets
of the first generation, with one side and a plain status.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from esi_worker import exceptions
from esi_worker.collector.pollers.netconf_poller import (
    DEVICE,
    NetconfPoller,
    Question,
    pair,
)
from esi_worker.collector.results import (
    FAIL,
    STATUS,
    Failure,
    Result,
    Sample,
)
from esi_worker.collector.target_types import (
    TEXT,
    Schema,
    TargetType,
    members,
)
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

_VRID: Final[Schema] = {
    'type': ['integer', 'string'],
    'minimum': 0,
    'maximum': 255,
    'pattern': '^[0-9]{1,3}$',
    'description': 'a vrid from 0 to 255',
}


class SidesPoller(NetconfPoller, abc.ABC):
    """Base of pollers whose status says how each side is."""

    @abc.abstractmethod
    def words(self, target: Target) -> tuple[str, ...]:
        """The RPC, followed by names and values of its arguments."""

    @abc.abstractmethod
    def states(
        self, target: Target, side: Mapping[str, Json], reply: Any
    ) -> Mapping[str, str | None]:
        """The states by what is put after the name of the side."""

    def sides(self, target: Target) -> Mapping[str, Mapping[str, Json]]:
        """The properties of the sides; a session has one, without name."""
        if 'host' in target.properties:
            return {'': target.properties}
        return {
            name: target.properties[name] for name in ('primary', 'secondary')
        }

    def pool_key(self, target: Target) -> str:
        return pair(side['host'] for side in self.sides(target).values())

    def affinity(self, target: Target) -> str:
        return f'netconf {self.pool_key(target)}'

    def questions(self, target: Target) -> Mapping[str, Question]:
        return {
            name: (self.endpoint(side), self.words(target))
            for name, side in self.sides(target).items()
        }

    def results(
        self, target: Target, answers: Mapping[str, Any]
    ) -> Iterator[Result]:
        found: dict[str, str | None] = {}
        reasons: list[str] = []
        for name, side in self.sides(target).items():
            answer = answers.get(name, answers.get(''))
            if isinstance(answer, exceptions.TransientError):
                reasons.append(str(answer))
                found.update(self._unknown(target, name, side))
                continue
            for suffix, state in self.states(target, side, answer).items():
                found[name + suffix] = state
        if all(state is None for state in found.values()):
            reasons = reasons or [f'{self.pool_key(target)}: it is not there']
            yield Failure(STATUS, '; '.join(reasons))
        elif '' in found:
            yield Sample(STATUS, found[''])
        else:
            yield Sample(STATUS, {name: found[name] or FAIL for name in found})

    def _unknown(
        self, target: Target, name: str, side: Mapping[str, Json]
    ) -> dict[str, None]:
        suffixes = self.states(target, side, None)
        return {name + suffix: None for suffix in suffixes}


class VrrpPoller(SidesPoller):
    """The poller of ``vrrp_pool`` and ``vrrp_session``."""

    reporter: ClassVar[str] = 'VRRPAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'vrrp_pool',
            results=(STATUS,),
            properties=members(
                {
                    'vrid': {'type': 'array', 'minItems': 1, 'items': _VRID},
                    'primary': members({**DEVICE, 'interface': TEXT}),
                    'secondary': members({**DEVICE, 'interface': TEXT}),
                }
            ),
        ),
        TargetType(
            'vrrp_session',
            results=(STATUS,),
            properties=members({**DEVICE, 'interface': TEXT, 'vrid': _VRID}),
        ),
    )

    def words(self, target: Target) -> tuple[str, ...]:
        return ('get-vrrp-information',)

    def states(
        self, target: Target, side: Mapping[str, Json], reply: Any
    ) -> Mapping[str, str | None]:
        vrids = target.properties['vrid']
        if not isinstance(vrids, list):
            vrids = [vrids]
        states = {
            (_text(entry, 'interface'), _text(entry, 'group')): _text(
                entry, 'vrrp-state'
            )
            for entry in _elements(reply, 'vrrp-interface')
        }
        return {
            _place(number, len(vrids)): _upper(
                states.get((str(side['interface']), str(int(vrid))))
            )
            for number, vrid in enumerate(vrids, start=1)
        }


class BgpPoller(SidesPoller):
    """The poller of ``bgp_pool`` and ``bgp_session``."""

    reporter: ClassVar[str] = 'BGPAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'bgp_pool',
            results=(STATUS,),
            properties=members(
                {
                    'instance': TEXT,
                    'primary': members({**DEVICE, 'peer_address': TEXT}),
                    'secondary': members({**DEVICE, 'peer_address': TEXT}),
                }
            ),
        ),
        TargetType(
            'bgp_session',
            results=(STATUS,),
            properties=members(
                {**DEVICE, 'peer_address': TEXT, 'instance': TEXT}
            ),
        ),
    )

    def words(self, target: Target) -> tuple[str, ...]:
        return (
            'get-bgp-summary-information',
            'exact-instance',
            str(target.properties['instance']),
        )

    def states(
        self, target: Target, side: Mapping[str, Json], reply: Any
    ) -> Mapping[str, str | None]:
        wanted = str(side['peer_address'])
        for peer in _elements(reply, 'bgp-peer'):
            # Junos may put "+<port>" after the address.
            address = (_text(peer, 'peer-address') or '').partition('+')[0]
            if address == wanted:
                return {'': _upper(_text(peer, 'peer-state'))}
        return {'': None}


def _place(number: int, count: int) -> str:
    return '' if count == 1 else f'_vrid{number}'


def _elements(root: Any, name: str) -> Iterator[Any]:
    """All elements of a name, whatever their namespace."""
    if root is not None:
        yield from root.iter(f'{{*}}{name}')


def _text(element: Any, name: str) -> str | None:
    found = element.find(f'{{*}}{name}')
    return None if found is None else str(found.text or '').strip()


def _upper(state: str | None) -> str | None:
    return state.upper() if state else None
