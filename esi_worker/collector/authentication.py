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

"""Who may use the HTTP API: nobody asked, a token, or Keystone's word.

Each is WSGI middleware. Without a valid token the answer is 401, and
403 when Keystone knows the user but the user has no role that may.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
import hmac
import importlib
import json
import os
from pathlib import Path
import threading
from typing import Any

from oslo_log import log as logging

from esi_worker import exceptions

LOG = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

_HEADERS = [('Content-Type', 'application/json')]


class Tokens:
    """The tokens of a file, read again when it changes."""

    def __init__(self, path: str | None) -> None:
        """Read the file.

        :raises ConfigurationError: it cannot be read, or has no token
        """
        if not path:
            raise exceptions.ConfigurationError(
                'auth = token needs a file of tokens: set token_file in '
                '[collector]'
            )
        self._path = Path(path)
        self._lock = threading.Lock()
        self._changed_at = self._stamp()
        self._tokens = self._read()

    def all(self) -> list[str]:
        """The tokens that are valid now."""
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp != self._changed_at:
                    self._tokens, self._changed_at = self._read(), stamp
            except exceptions.ConfigurationError as error:
                LOG.error('The earlier tokens stay valid: %s', error)
            return self._tokens

    def accept(self, token: str) -> bool:
        """Whether a token is valid; takes as long for any wrong one."""
        given = token.encode()
        found = [
            hmac.compare_digest(each.encode(), given) for each in self.all()
        ]
        return any(found)

    def _stamp(self) -> tuple[int, int]:
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise self._unusable(str(error.strerror)) from None
        return found.st_mtime_ns, found.st_ino

    def _read(self) -> list[str]:
        try:
            text = self._path.read_text(encoding='ascii')
        except OSError as error:
            raise self._unusable(str(error.strerror)) from None
        except ValueError:
            raise self._unusable('it is not ASCII') from None
        tokens = [line.strip() for line in text.splitlines()]
        found = [each for each in tokens if each and not each.startswith('#')]
        if not found:
            raise self._unusable('it holds no token')
        return found

    def _unusable(self, reason: str) -> exceptions.ConfigurationError:
        return exceptions.ConfigurationError(
            f'the token file {self._path} cannot be used: {reason}; correct '
            'it, or token_file in [collector]'
        )


def protected(application: Wsgi, conf: Any, tokens: Tokens | None) -> Wsgi:
    """The application behind what the option ``auth`` asks for.

    :raises ConfigurationError: that cannot be used
    """
    group = conf.collector
    if group.auth == 'none':
        return application
    if group.auth == 'token':
        assert tokens is not None
        guarded = _with_token(application, tokens)
    else:
        guarded = _with_keystone(application, conf, group.allowed_roles)
    return _open(application, guarded, frozenset(group.open_paths))


def given_token(environ: dict[str, Any]) -> str:
    """The token of a request, empty when it has none."""
    token = environ.get('HTTP_X_AUTH_TOKEN', '')
    if token:
        return str(token)
    kind, _, value = environ.get('HTTP_AUTHORIZATION', '').partition(' ')
    return str(value).strip() if kind.lower() == 'bearer' else ''


def _open(inner: Wsgi, guarded: Wsgi, paths: Collection[str]) -> Wsgi:
    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_open = environ.get('PATH_INFO') in paths
        return (inner if is_open else guarded)(environ, start_response)

    return call


def _with_token(inner: Wsgi, tokens: Tokens) -> Wsgi:
    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        token = given_token(environ)
        if token and tokens.accept(token):
            return inner(environ, start_response)
        return _refuse(
            start_response,
            '401 Unauthorized',
            'send a valid token in X-Auth-Token or Authorization: Bearer',
            [('WWW-Authenticate', 'Bearer')],
        )

    return call


def _with_keystone(inner: Wsgi, conf: Any, roles: Collection[str]) -> Wsgi:
    try:
        # Only who asks for it needs it.
        auth_token = importlib.import_module('keystonemiddleware.auth_token')
    except ImportError:
        raise exceptions.ConfigurationError(
            'auth = keystone in [collector] needs keystonemiddleware: '
            'install esi-worker[keystone]'
        ) from None
    checked: Wsgi = auth_token.AuthProtocol(
        with_roles(inner, roles), {'oslo_config_config': conf}
    )
    return checked


def with_roles(inner: Wsgi, roles: Collection[str]) -> Wsgi:
    """Let in who has one of these roles, as Keystone's middleware says."""
    wanted = {role.lower() for role in roles}

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        has = environ.get('HTTP_X_ROLES', '').lower().split(',')
        if wanted.intersection(role.strip() for role in has):
            return inner(environ, start_response)
        return _refuse(
            start_response,
            '403 Forbidden',
            f'this needs one of the roles {", ".join(sorted(wanted))}',
        )

    return call


def _refuse(
    start_response: Any,
    status: str,
    description: str,
    headers: list[tuple[str, str]] | None = None,
) -> Iterable[bytes]:
    body = json.dumps(
        {'title': status.partition(' ')[2], 'description': description}
    ).encode()
    length = ('Content-Length', str(len(body)))
    start_response(status, [*_HEADERS, length, *(headers or ())])
    return [body]
