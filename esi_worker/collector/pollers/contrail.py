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

"""Networks and their interfaces, as the analytics server sees them.

One GET tells of many objects: targets whose names differ only after the
first character of their last part are one pool (section 4.1 of the
reference of monitoring). A pool with one name asks for that name alone.
Every target gets an answer, those with equal names too. An interface
that is not there is a failure: whether it works is unknown. A network
that is not there is down.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterator, Mapping, Sequence
import http
from typing import Any, ClassVar
from urllib import parse

from oslo_config import cfg

from esi_worker import plugins
from esi_worker.collector.pollers import base, web
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

OPTIONS = [
    cfg.URIOpt(
        'analytics_url',
        schemes=['http', 'https'],
        help='Base URL of the analytics server that knows the virtual '
        'networks and machine interfaces, such as http://analytics:8081. '
        'Without it the status of all of them is FAIL.',
    ),
]

#: Some hundreds of bytes an object.
_MAX_BYTES = 64 * 1024 * 1024
_TRAFFIC = ('traffic.in', 'traffic.out')


class AnalyticsPoller(base.Poller, abc.ABC):
    """Base of pollers that ask for objects by ``fq_name``."""

    #: The kind of object in the server's URLs.
    kind: ClassVar[str]
    #: The attributes that are asked for; all of them if there are none.
    attributes: ClassVar[Collection[str]] = ()

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('collector', OPTIONS),)

    def pool_key(self, target: Target) -> str:
        return _pattern(str(target.properties['fq_name']))

    def affinity(self, target: Target) -> str:
        return f'analytics {self.pool_key(target)}'

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        names = {str(target.properties['fq_name']) for target in targets}
        try:
            found = self._objects(names, timeout)
        except web.WebError as error:
            reason = f'the analytics server: {error}'
            return {
                target.id: tuple(self.failures(reason)) for target in targets
            }
        return {
            target.id: tuple(
                self.read(found.get(str(target.properties['fq_name'])))
            )
            for target in targets
        }

    @abc.abstractmethod
    def read(self, seen: Mapping[str, Any] | None) -> Iterator[Result]:
        """The results of an object.

        :param seen: what the server tells of it; None when it tells
            nothing
        """

    @abc.abstractmethod
    def failures(self, reason: str) -> Iterator[Result]:
        """The results when nothing is known."""

    def _objects(
        self, names: Collection[str], timeout: float
    ) -> Mapping[str, Mapping[str, Any]]:
        """What the server tells of objects, by their names.

        :raises WebError: it tells nothing
        """
        if len(names) == 1:
            (name,) = names
            answer = self._ask(name, timeout)
            if not isinstance(answer, dict):
                raise web.WebError('it did not answer an object')
            return {name: answer} if answer else {}
        pattern = _pattern(next(iter(names)))
        return _indexed(self._ask(pattern, timeout))

    def _ask(self, name: str, timeout: float) -> Any:
        base_url = self.context.conf.collector.analytics_url
        if not base_url:
            raise web.WebError(
                'none is configured; set analytics_url in [collector]'
            )
        query = '?flat'
        if self.attributes:
            query = f'?cfilt={",".join(self.attributes)}'
        url = (
            f'{base_url.rstrip("/")}/analytics/uves/{self.kind}/'
            f'{parse.quote(name, safe=":*")}{query}'
        )
        answer = web.get(url, timeout, max_bytes=_MAX_BYTES)
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return {}
        if answer.status != http.HTTPStatus.OK:
            raise web.WebError(f'it answered {answer.status}')
        return answer.json()


class VirtualMachineInterfacePoller(AnalyticsPoller):
    """Looks whether the data plane of an interface is active."""

    reporter: ClassVar[str] = 'contrail_vmi'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'virtual_machine_interface',
            results=(STATUS, *_TRAFFIC),
            properties=members({'fq_name': TEXT}),
        ),
    )
    kind: ClassVar[str] = 'virtual-machine-interface'
    attributes: ClassVar[Collection[str]] = (
        'UveVMInterfaceAgent:l2_active',
        'UveVMInterfaceAgent:if_stats',
    )

    def read(self, seen: Mapping[str, Any] | None) -> Iterator[Result]:
        agent = None if seen is None else seen.get('UveVMInterfaceAgent')
        if not isinstance(agent, dict):
            yield from self.failures(
                'the analytics server does not know the interface'
            )
            return
        active = agent.get('l2_active')
        if isinstance(active, bool):
            yield Sample(STATUS, UP if active else DOWN)
        else:
            yield Failure(
                STATUS,
                'the analytics server does not know l2_active of the '
                'interface',
            )
        yield from _traffic(agent.get('if_stats'))

    def failures(self, reason: str) -> Iterator[Result]:
        yield Failure(STATUS, reason)


class VirtualNetworkPoller(AnalyticsPoller):
    """Looks whether the controller knows a network."""

    reporter: ClassVar[str] = 'contrail_vn'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'virtual_network',
            results=(STATUS,),
            properties=members({'fq_name': TEXT}),
        ),
    )
    kind: ClassVar[str] = 'virtual-network'

    def read(self, seen: Mapping[str, Any] | None) -> Iterator[Result]:
        parts = (seen or {}).values()
        if seen and not any(isinstance(part, dict) for part in parts):
            # Such as {"error": "..."}.
            yield from self.failures('the analytics server told no network')
            return
        yield Sample(STATUS, UP if seen else DOWN)

    def failures(self, reason: str) -> Iterator[Result]:
        yield Failure(STATUS, reason)


def _pattern(fq_name: str) -> str:
    """The names that are asked for together with this one.

    A name of another form than ``domain:project:name`` stands alone.
    """
    parts = fq_name.split(':')
    if len(parts) != 3 or not all(parts) or '*' in fq_name:
        return fq_name
    return f'{parts[0]}:*:{parts[2][0]}*'


def _indexed(answer: Any) -> dict[str, Mapping[str, Any]]:
    """An answer ``{"value": [{"name", "value"}]}`` by name."""
    if answer == {}:
        return {}
    entries = answer.get('value') if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise web.WebError('it did not answer a list of objects')
    found = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get('value'), dict):
            found[str(entry.get('name'))] = entry['value']
    return found


def _traffic(statistics: Any) -> Iterator[Result]:
    """The octets since the server's last look, where it tells them."""
    if not isinstance(statistics, dict):
        return
    for name, member in zip(_TRAFFIC, ('in_bytes', 'out_bytes'), strict=True):
        value = statistics.get(member)
        if isinstance(value, int) and not isinstance(value, bool):
            yield Sample(name, value)
