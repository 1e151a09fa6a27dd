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

"""Virtual machine interfaces, as the analytics server sees them.

One GET per interface name, for all targets of that name (section 4.1 of
the reference of monitoring). An interface that is not there is a
failure: whether it works is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import http
import json
import time
from typing import Any, ClassVar
from urllib import parse

from oslo_config import cfg
import requests

from esi_worker import exceptions, plugins
from esi_worker.collector.pollers import base
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
        'machine interfaces, such as http://analytics:8081. Without it '
        'the status of every virtual machine interface is FAIL.',
    ),
]

_AGENT = 'UveVMInterfaceAgent'
_ACTIVE = 'l2_active'
#: An answer is a few dozen bytes.
_MAX_ANSWER_BYTES = 1024 * 1024
_CHUNK_BYTES = 16 * 1024


class _CannotTell(exceptions.TransientError):
    """The analytics server does not tell."""


class VirtualMachineInterfacePoller(base.Poller):
    """Looks whether the data plane of an interface is active."""

    reporter: ClassVar[str] = 'contrail_vmi'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'virtual_machine_interface',
            results=(STATUS,),
            properties=members({'fq_name': TEXT}),
        ),
    )

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('collector', OPTIONS),)

    def pool_key(self, target: Target) -> str:
        return str(target.properties['fq_name'])

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        result = self._status(self.pool_key(targets[0]), timeout)
        return {target.id: (result,) for target in targets}

    def _status(self, fq_name: str, timeout: float) -> Result:
        try:
            return Sample(STATUS, _status_of(self._ask(fq_name, timeout)))
        except (_CannotTell, requests.RequestException) as error:
            return Failure(STATUS, f'{fq_name}: {error}')

    def _ask(self, fq_name: str, timeout: float) -> Any:
        url = self.context.conf.collector.analytics_url
        if not url:
            raise _CannotTell(
                'no analytics server is configured; '
                'set analytics_url in [collector]'
            )
        name = parse.quote(fq_name, safe=':')
        return _get(
            f'{url.rstrip("/")}/analytics/uves/virtual-machine-interface/'
            f'{name}?cfilt={_AGENT}:{_ACTIVE}',
            timeout,
        )


def _status_of(answer: Any) -> str:
    agent = answer.get(_AGENT) if isinstance(answer, dict) else None
    active = agent.get(_ACTIVE) if isinstance(agent, dict) else None
    if not isinstance(active, bool):
        raise _CannotTell(
            'the analytics server does not know the interface, '
            f'or not its {_AGENT}.{_ACTIVE}'
        )
    return UP if active else DOWN


def _get(url: str, timeout: float) -> Any:
    """Get JSON; ``timeout`` bounds the whole exchange."""
    deadline = time.monotonic() + timeout
    with requests.Session() as session:
        # A proxy or a netrc file of the environment is not meant for us.
        session.trust_env = False
        with session.get(
            url, timeout=timeout, stream=True, allow_redirects=False
        ) as response:
            if response.status_code != http.HTTPStatus.OK:
                raise _CannotTell(
                    f'the analytics server answered {response.status_code}'
                )
            body = _read(response, deadline)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _CannotTell('the analytics server did not answer JSON') from None


def _read(response: requests.Response, deadline: float) -> bytes:
    body = b''
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            raise _CannotTell('the answer of the analytics server is too long')
        if time.monotonic() > deadline:
            raise _CannotTell('the analytics server answers too slowly')
    return body
