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

"""Requests to the members of an etcd cluster.

``EtcdClient`` sends one request to the first endpoint that takes it,
starting with the one that answered last. It gets and renews the auth
token, and raises only errors of ``esi_worker.exceptions``. What the
requests mean is left to ``EtcdStore``.

Every call has a timeout; a write that may have been applied is never
sent twice. Threads share a client. The proxies and ``.netrc`` of the
environment are ignored: the latter would replace the token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import itertools
import os
from typing import TypeVar, cast
import urllib.parse

import etcd3gw
import requests
import requests.adapters

from esi_worker import exceptions, metrics
from esi_worker.store import etcd_auth, etcd_codec, etcd_errors

_T = TypeVar('_T')


@dataclasses.dataclass(frozen=True, slots=True)
class Tls:
    """Files for TLS; all of them are optional."""

    ca_cert: str | None = None
    cert: str | None = None
    key: str | None = None

    def check(self) -> None:
        """Make sure that the files can be read.

        :raises ConfigurationError: one cannot; the message names it
        """
        for field in dataclasses.fields(self):
            path = getattr(self, field.name)
            if path and not os.access(path, os.R_OK):
                raise exceptions.ConfigurationError(
                    f'the file {path} of the option {field.name} of the '
                    'group etcd cannot be read'
                )


class EtcdClient:
    """The connections to all endpoints."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        timeout: float,
        tls: Tls | None = None,
        username: str | None = None,
        password: str | None = None,
        pool_size: int,
        source: str = '',
    ) -> None:
        self.endpoints = tuple(endpoints)
        self.timeout = timeout
        self.session = _session(tls or Tls(), pool_size, len(endpoints))
        self._clients = [
            _gateway(endpoint, self.session, timeout)
            for endpoint in self.endpoints
        ]
        if not self._clients:
            raise exceptions.ConfigurationError('no etcd endpoint is given')
        self._advice = f'; look at {source}' if source else ''
        self._good = 0
        self._auth = etcd_auth.Authenticator(
            username, password, self._authenticate
        )

    def call(
        self, path: str, payload: etcd_codec.Json, *, repeatable: bool
    ) -> etcd_codec.Json:
        """Send one request.

        :param repeatable: applying it twice does no harm
        :raises StoreUnavailable: it was not applied
        :raises StoreTimeout: it may have been applied
        """

        def send(client: etcd3gw.Etcd3Client, token: str) -> etcd_codec.Json:
            return _post(client, path, payload, token)

        with metrics.timed(metrics.ETCD_REQUESTS, path.rpartition('/')[2]):
            return self._auth.call(
                lambda token: self._try_all(send, token, repeatable)
            )

    def stream(self, path: str, body: str) -> requests.Response:
        """Open an endless answer; it has no read timeout."""

        def send(client: etcd3gw.Etcd3Client, token: str) -> requests.Response:
            response = client.session.post(
                client.get_url(path),
                data=body,
                stream=True,
                timeout=self.timeout,
                headers=_headers(token),
            )
            if response.status_code != requests.codes.ok:
                with response:
                    raise etcd3gw.exceptions.Etcd3Exception(response.text)
            _without_read_timeout(response)
            return response

        with metrics.timed(metrics.ETCD_REQUESTS, path.rpartition('/')[2]):
            return self._auth.call(
                lambda token: self._try_all(send, token, True)
            )

    def close(self) -> None:
        self.session.close()

    def _authenticate(self, username: str, password: str) -> str:
        payload = {'name': username, 'password': password}

        def send(client: etcd3gw.Etcd3Client, token: str) -> etcd_codec.Json:
            return _post(client, '/auth/authenticate', payload, token)

        return str(self._try_all(send, '', True)['token'])

    def _try_all(
        self,
        send: Callable[[etcd3gw.Etcd3Client, str], _T],
        token: str,
        repeatable: bool,
    ) -> _T:
        problems = []
        for index, client in self._in_order():
            try:
                answer = send(client, token)
            except etcd_errors.CALL_ERRORS as error:
                failure = etcd_errors.classify(error, client.base_url)
                problems.append(_passed_over(failure, repeatable))
            else:
                self._good = index
                return answer
        raise exceptions.StoreUnavailable(
            f'no etcd endpoint answers ({"; ".join(problems)}){self._advice}'
        )

    def _in_order(self) -> Iterator[tuple[int, etcd3gw.Etcd3Client]]:
        numbered = list(enumerate(self._clients))
        good = self._good
        return itertools.chain(numbered[good:], numbered[:good])


def _passed_over(failure: etcd_errors.Failure, repeatable: bool) -> str:
    """Why this endpoint did not do it, unless that settles the call."""
    match failure.fate:
        case etcd_errors.Fate.REAUTHENTICATE:
            raise etcd_auth.TokenRejected(str(failure.error)) from None
        case etcd_errors.Fate.REFUSED:
            raise failure.error from None
        case etcd_errors.Fate.UNKNOWN if not repeatable:
            raise exceptions.StoreTimeout(str(failure.error)) from None
    return str(failure.error)


def _post(
    client: etcd3gw.Etcd3Client,
    path: str,
    payload: etcd_codec.Json,
    token: str,
) -> etcd_codec.Json:
    answer = client.post(
        client.get_url(path), json=payload, headers=_headers(token)
    )
    if not isinstance(answer, dict):
        raise ValueError('the answer is not from etcd')
    return cast(etcd_codec.Json, answer)


def _without_read_timeout(response: requests.Response) -> None:
    # The timeout was for the headers; a quiet stream is no error.
    sock = getattr(response.raw.connection, 'sock', None)
    if sock is not None:
        sock.settimeout(None)


def _headers(token: str) -> dict[str, str]:
    headers = {'Accept-Encoding': 'identity'}
    if token:
        headers['Authorization'] = token
    return headers


def _session(tls: Tls, pool_size: int, hosts: int) -> requests.Session:
    tls.check()
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(
        pool_connections=hosts, pool_maxsize=pool_size
    )
    session.mount('http://', adapter)
    session.mount('https://', adapter)
    if tls.ca_cert:
        session.verify = tls.ca_cert
    if tls.cert:
        session.cert = (tls.cert, tls.key) if tls.key else tls.cert
    return session


def _gateway(
    endpoint: str, session: requests.Session, timeout: float
) -> etcd3gw.Etcd3Client:
    scheme, host, port = split_endpoint(endpoint)
    # Asking for the version first would cost a request and can fail.
    return etcd3gw.Etcd3Client(
        host,
        port,
        scheme,
        timeout=timeout,
        api_path='/v3/',
        session=session,
    )


def split_endpoint(endpoint: str) -> tuple[str, str, int]:
    """Take an endpoint apart.

    :raises ConfigurationError: it is not like http://host:port; what is
        given is not repeated, for it may hold a password
    """
    try:
        url = urllib.parse.urlsplit(endpoint)
        port = url.port or 2379
    except ValueError:
        url, port = urllib.parse.urlsplit(''), 0
    wrong = '@' in url.netloc or url.path.strip('/') or url.query
    if url.scheme not in ('http', 'https') or not url.hostname or wrong:
        raise exceptions.ConfigurationError(
            'an etcd endpoint must look like http://host:2379 or '
            'https://host:2379, without user, path and query; correct the '
            'option "endpoints" in the group [etcd]'
        )
    return url.scheme, url.hostname, port
