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

"""Asks the collector over HTTP, on behalf of Heat.

What cannot be served right now is repeated until the timeout of the
option ``request_timeout_second``; errors say what to change. A collector
that is protected gets the option ``token``, or tokens of Keystone as the
options of keystoneauth in the same group say.

This module needs Heat, keystoneauth and requests, and nothing of
esi-worker.
"""

from __future__ import annotations

from collections.abc import Collection
import functools
import http
import time
from typing import Any

from heat.common import exception
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from oslo_config import cfg
import requests

GROUP = 'collector_agents'
_TIMEOUT = 'request_timeout_second'
OPTIONS = [
    cfg.HostAddressOpt(
        'host', default='127.0.0.1', help='Host of the collector.'
    ),
    cfg.PortOpt('port', default=7070, help='Port of the collector.'),
    cfg.URIOpt(
        'url',
        schemes=['http', 'https'],
        help='Base URL of the collector; overrides host and port.',
    ),
    cfg.IntOpt(
        _TIMEOUT,
        default=10,
        min=1,
        help='Seconds within which the collector has to answer; until then '
        'a request that cannot be served is repeated.',
    ),
    cfg.StrOpt(
        'token',
        secret=True,
        help='The token that the collector asks for, when it is protected '
        'by one. With auth_type the tokens of Keystone are sent instead.',
    ),
]
cfg.CONF.register_opts(
    [
        *OPTIONS,
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
    ],
    group=GROUP,
)

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
_TRY_AGAIN = frozenset(
    (
        http.HTTPStatus.BAD_GATEWAY,
        http.HTTPStatus.SERVICE_UNAVAILABLE,
        http.HTTPStatus.GATEWAY_TIMEOUT,
    )
)
_FORBIDDEN = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)


class CollectorError(exception.Error):
    """The collector did not do what it was asked."""


def request(
    method: str, path: str, expected: Collection[int], json: Any = None
) -> requests.Response:
    """Ask the collector, again and again until the timeout.

    :param path: what follows the base URL
    :param expected: status codes that are no error
    :raises CollectorError: it answered something else, or not in time
    """
    deadline = time.monotonic() + cfg.CONF.collector_agents[_TIMEOUT]
    pause = _FIRST_PAUSE
    with _session() as session:
        while True:
            left = deadline - time.monotonic()
            answer = _try(session, method, path, json, max(left, 0.1))
            if isinstance(answer, requests.Response):
                return _checked(answer, method, path, expected)
            if time.monotonic() + pause >= deadline:
                raise CollectorError(_unreachable(method, path, answer))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _try(
    session: requests.Session,
    method: str,
    path: str,
    json: Any,
    timeout: float,
) -> requests.Response | str:
    """:returns: an answer, or why there is none yet"""
    try:
        answer = session.request(
            method,
            base_url() + path,
            json=json,
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return type(error).__name__
    if answer.status_code in _TRY_AGAIN:
        return f'status {answer.status_code}'
    return answer


def _session() -> requests.Session:
    conf = cfg.CONF[GROUP]
    session = requests.Session()
    # The collector is reached directly, whatever the environment says.
    session.trust_env = False
    session.verify = conf.cafile or not conf.insecure
    if conf.certfile:
        session.cert = (
            (conf.certfile, conf.keyfile) if conf.keyfile else conf.certfile
        )
    session.headers.update(_token(conf))
    return session


def _token(conf: Any) -> dict[str, str]:
    """:raises CollectorError: Keystone gives none"""
    if not conf.auth_type:
        return {'X-Auth-Token': conf.token} if conf.token else {}
    try:
        return _keystone().get_auth_headers() or {}
    except keystone_errors.ClientException as error:
        raise CollectorError(
            f'Keystone gives no token for the collector '
            f'({type(error).__name__}); see the options in [{GROUP}] of the '
            'configuration of Heat'
        )


@functools.cache
def _keystone() -> Any:
    """A session that keeps its token while that is valid."""
    auth = loading.load_auth_from_conf_options(cfg.CONF, GROUP)
    session = loading.load_session_from_conf_options(
        cfg.CONF, GROUP, auth=auth
    )
    if session.timeout is None:
        # Else a Keystone that never answers keeps a thread of Heat.
        session.timeout = cfg.CONF.collector_agents[_TIMEOUT]
    return session


def _checked(
    answer: requests.Response,
    method: str,
    path: str,
    expected: Collection[int],
) -> requests.Response:
    if answer.status_code in expected:
        return answer
    try:
        reason = answer.json()['description']
    except (ValueError, TypeError, KeyError):
        reason = answer.reason
    if answer.status_code in _FORBIDDEN:
        reason = (
            f'{reason}; set token or auth_type in [{GROUP}] of the '
            'configuration of Heat'
        )
    raise CollectorError(
        f'{base_url()} answered {method} {path} with '
        f'{answer.status_code}: {reason}'
    )


def _unreachable(method: str, path: str, reason: str) -> str:
    return (
        f'the collector at {base_url()} did not serve {method} {path} '
        f'within {cfg.CONF.collector_agents[_TIMEOUT]} s ({reason}); start '
        f'it, or set host and port in [{GROUP}] of the configuration of Heat'
    )


def base_url() -> str:
    """Where the collector is, without a closing slash."""
    conf = cfg.CONF.collector_agents
    if conf.url:
        return str(conf.url).rstrip('/')
    host = f'[{conf.host}]' if ':' in conf.host else conf.host
    return f'http://{host}:{conf.port}'
