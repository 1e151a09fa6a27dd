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

"""Plain checks: a page, a port, and nothing at all.

A server that refuses, or answers otherwise than wanted, is DOWN. One that
does not answer is a failure: it may be the way to it that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import time
from typing import ClassVar

from esi_worker.collector import deadlines
from esi_worker.collector.pollers import base, ports, web
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

#: How long the server took to answer, in seconds.
TIME = 'time'

_URL = {
    'type': 'string',
    # It may name a user, and an address of IPv6.
    'pattern': r'^https?://([^/?#@\s]*@)?([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])'
    '(:[0-9]{1,5})?([/?#]|$)',
    'description': 'a URL that begins with http:// or https://',
}


class HttpPoller(base.Poller):
    """The poller ``http``: a page is there.

    ``properties``: ``url``; optionally ``status``, the wanted status, by
    default any below 400, ``contains``, a text that has to be in the
    page, and ``insecure``, true to trust any certificate.
    """

    reporter: ClassVar[str] = 'HttpAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'http',
            results=(STATUS, TIME),
            properties=members(
                {'url': _URL},
                {
                    'status': {
                        'type': 'integer',
                        'minimum': 100,
                        'maximum': 599,
                    },
                    'contains': TEXT,
                    'insecure': {'type': 'boolean'},
                },
            ),
        ),
    )
    #: It may hold a password.
    secrets: ClassVar[frozenset[str]] = frozenset(('url',))

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        return {target.id: _page(target, timeout) for target in targets}


def _page(target: Target, timeout: float) -> Sequence[Result]:
    wanted = target.properties
    started = time.monotonic()
    try:
        answer = web.get(
            str(wanted['url']),
            timeout,
            verify=not wanted.get('insecure', False),
        )
    except web.WebError as error:
        if _is_refusal(error):
            return (Sample(STATUS, DOWN),)
        return (Failure(STATUS, str(error)),)
    status = wanted.get('status')
    good = answer.status < 400 if status is None else answer.status == status
    good &= str(wanted.get('contains', '')).encode() in answer.body
    return (
        Sample(STATUS, UP if good else DOWN),
        Sample(TIME, round(time.monotonic() - started, 6)),
    )


def _is_refusal(error: BaseException | None) -> bool:
    """Whether somebody is there who refuses to be connected to."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        reason = getattr(error, 'reason', None)
        if not isinstance(reason, BaseException):
            # urllib3 hands its reason on as an argument.
            arguments = getattr(error, 'args', ())
            reason = next(
                (each for each in arguments if isinstance(each, Exception)),
                None,
            )
        error = error.__cause__ or reason
    return False


class TcpPoller(base.Poller):
    """The poller ``tcp``: a port accepts connections.

    ``properties``: ``host`` and ``port``.
    """

    reporter: ClassVar[str] = 'TcpAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'tcp',
            results=(STATUS, TIME),
            properties=members({'host': TEXT, 'port': ports.SCHEMA}),
        ),
    )

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        return {target.id: _connection(target, timeout) for target in targets}


def _connection(target: Target, timeout: float) -> Sequence[Result]:
    host = str(target.properties['host'])
    port = ports.number(target.properties['port'], 0)
    started = time.monotonic()
    try:
        deadlines.connect(host, port, timeout).close()
    except ConnectionRefusedError:
        return (Sample(STATUS, DOWN),)
    except (OSError, ValueError) as error:
        return (Failure(STATUS, f'{host}:{port}: {type(error).__name__}'),)
    return (
        Sample(STATUS, UP),
        Sample(TIME, round(time.monotonic() - started, 6)),
    )


class NoopPoller(base.Poller):
    """The poller ``noop``, for tests: says what the target says.

    ``properties``: optionally ``status``, by default UP.
    """

    reporter: ClassVar[str] = 'NoopAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'noop',
            results=(STATUS,),
            properties=members({}, {'status': TEXT}),
        ),
    )

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        return {
            target.id: (Sample(STATUS, target.properties.get('status', UP)),)
            for target in targets
        }
