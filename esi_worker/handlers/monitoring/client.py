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

"""Asks the collector over HTTP (section 2 of the reference of
monitoring).

Each call is safe to repeat: registering a target that is there gives the
same target, and one that is gone is as good as deleted. An answer that
says "not now", or none at all, is a ``CollectorUnavailable``; one that
says "not like this" a ``CollectorRefused``.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import http
import threading
from typing import Any, NoReturn
from urllib import parse

from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
import requests

from esi_worker import exceptions
from esi_worker.handlers.monitoring import options
from esi_worker.model.codec import Json

_STATUS = 'status'
_REFUSED = frozenset(
    (
        http.HTTPStatus.BAD_REQUEST,
        http.HTTPStatus.CONFLICT,
        http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        http.HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        http.HTTPStatus.UNPROCESSABLE_ENTITY,
    )
)
_FORBIDDEN = frozenset(
    (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
)


class CollectorUnavailable(exceptions.TransientError):
    """The collector does not answer as it should."""


class CollectorRefused(exceptions.TerminalError):
    """The collector refuses a target."""


@dataclasses.dataclass(frozen=True, slots=True)
class KnownTarget:
    """What matters of a target that is registered."""

    id: str
    field_name: str
    version: int


class CollectorClient:
    """Registers, looks at and removes targets; thread-safe."""

    def __init__(self, conf: Any) -> None:
        self._conf = conf[options.GROUP]
        self._base = str(self._conf.collector_url).rstrip('/')
        self._local = threading.local()
        self._lock = threading.Lock()
        self._loader = conf
        self._keystone: tuple[Any, Any] | None = None

    def register(self, body: Mapping[str, Json], limit: float) -> str:
        """Register a target, or find that it is registered.

        :param body: the eight members of a target
        :param limit: seconds that the request may take at most
        :returns: its id
        :raises CollectorRefused: it cannot be monitored like this
        :raises CollectorUnavailable: nobody knows whether it is
        """
        answer = self._ask('POST', '/targets', limit, dict(body))
        try:
            return str(answer['id'])
        except (TypeError, KeyError):
            self._no_collector('POST /targets without an id')

    def targets(
        self, resource_type: str, resource_id: str, limit: float
    ) -> list[KnownTarget]:
        """All targets of a resource, whoever has registered them.

        :param resource_type: the plural
        """
        query = parse.urlencode(
            {'resource_type': resource_type, 'resource_id': resource_id}
        )
        answer = self._ask('GET', f'/targets?{query}', limit)
        try:
            return [
                KnownTarget(
                    str(found['id']),
                    str(found['field_name']),
                    int(found['version']),
                )
                for found in answer['targets']
            ]
        except (TypeError, KeyError, ValueError):
            self._no_collector('GET /targets without targets')

    def status(self, target_id: str, limit: float) -> Json:
        """The last status of a target, None when there is none yet.

        :raises CollectorUnavailable: also when the target is gone: it
            has to be registered again
        """
        answer = self._ask('GET', _path(target_id), limit)
        if answer is None:
            raise CollectorUnavailable(f'the target {target_id} is gone')
        try:
            return next(
                (
                    value['value']
                    for value in answer['values']
                    if value['key'] == _STATUS
                ),
                None,
            )
        except (TypeError, KeyError):
            self._no_collector('GET /targets/<id> without values')

    def delete(self, target_id: str, limit: float) -> None:
        """Remove a target and what was published for it."""
        self._ask('DELETE', _path(target_id), limit)

    def _ask(
        self, method: str, path: str, limit: float, body: Json = None
    ) -> Any:
        """:returns: the decoded answer, None for no content and for 404"""
        asked = f'{method} {path.partition("?")[0]}'
        try:
            response = self._session().request(
                method,
                self._base + path,
                json=body,
                headers=self._headers(),
                timeout=min(limit, self._conf.timeout or limit),
                allow_redirects=method == 'GET',
            )
        except requests.RequestException as error:
            raise CollectorUnavailable(
                f'the collector at {self._base} does not answer {asked} '
                f'({type(error).__name__}); start it, or correct '
                f'collector_url in [{options.GROUP}]'
            ) from None
        return self._decoded(asked, response)

    def _decoded(self, asked: str, response: requests.Response) -> Any:
        status = response.status_code
        if status in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_FOUND):
            return None
        if status in _REFUSED:
            raise CollectorRefused(
                f'the collector refuses {asked} with {status}: '
                f'{_reason(response)}'
            )
        if status in _FORBIDDEN:
            raise CollectorUnavailable(
                f'the collector does not trust us: {asked} gives {status}; '
                f'correct token or auth_type in [{options.GROUP}]'
            )
        if not response.ok or response.is_redirect:
            raise CollectorUnavailable(
                f'the collector at {self._base} answers {asked} with {status}'
            )
        try:
            return response.json()
        except ValueError:
            self._no_collector(f'{asked} without JSON')

    def _no_collector(self, what: str) -> NoReturn:
        raise CollectorUnavailable(
            f'{self._base} answers {what}; correct collector_url in '
            f'[{options.GROUP}], this is no collector'
        ) from None

    def _session(self) -> requests.Session:
        """A session of this thread; connections are kept."""
        session: requests.Session | None = getattr(
            self._local, 'session', None
        )
        if session is None:
            session = self._local.session = requests.Session()
            # The collector is reached directly, whatever the environment
            # says.
            session.trust_env = False
            session.verify = self._conf.cafile or not self._conf.insecure
            if self._conf.certfile:
                session.cert = (
                    (self._conf.certfile, self._conf.keyfile)
                    if self._conf.keyfile
                    else self._conf.certfile
                )
        return session

    def _headers(self) -> dict[str, str]:
        if self._conf.auth_type:
            return self._of_keystone()
        token = self._conf.token
        return {'X-Auth-Token': token} if token else {}

    def _of_keystone(self) -> dict[str, str]:
        with self._lock:
            if self._keystone is None:
                auth = loading.load_auth_from_conf_options(
                    self._loader, options.GROUP
                )
                session = loading.load_session_from_conf_options(
                    self._loader, options.GROUP, auth=auth
                )
                self._keystone = auth, session
            _, session = self._keystone
        try:
            return session.get_auth_headers() or {}
        except keystone_errors.ClientException as error:
            raise CollectorUnavailable(
                f'no token for the collector ({type(error).__name__}); see '
                f'the options of Keystone in [{options.GROUP}]'
            ) from None


def _path(target_id: str) -> str:
    return f'/targets/{parse.quote(target_id, safe="")}'


def _reason(response: requests.Response) -> str:
    try:
        return str(response.json()['description'])
    except (ValueError, TypeError, KeyError):
        return str(response.reason)
