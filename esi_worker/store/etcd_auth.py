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

"""User name, password and token of an etcd client.

A token runs out, and a member that was restarted may not know it any
more. Then it is renewed once, without the caller noticing.
"""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import TypeVar

from oslo_log import log as logging

from esi_worker import exceptions

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')


class TokenRejected(exceptions.StoreAuthError):
    """etcd does not know the token; the request was not applied."""


class Authenticator:
    """Holds the token for all threads."""

    def __init__(
        self,
        username: str | None,
        password: str | None,
        authenticate: Callable[[str, str], str],
    ) -> None:
        self._username = username
        self._password = password
        self._authenticate = authenticate
        self._token: str | None = None if username else ''
        self._lock = threading.Lock()

    def call(self, send: Callable[[str], _T]) -> _T:
        """Send with a token, and once more when it is rejected.

        :raises StoreAuthError: etcd refuses the user
        """
        token = self._current(None)
        try:
            return send(token)
        except TokenRejected as error:
            if not self._username:
                raise exceptions.StoreAuthError(
                    'etcd wants a user name and a password; set the '
                    'options username and password of the group etcd'
                ) from error
        return send(self._current(token))

    def _current(self, rejected: str | None) -> str:
        """The token, a new one when there is none but the rejected."""
        with self._lock:
            if self._token is None or self._token == rejected:
                self._token = self._renewed()
            return self._token

    def _renewed(self) -> str:
        assert self._username is not None
        try:
            return self._authenticate(self._username, self._password or '')
        except exceptions.StoreAuthError as error:
            if 'not enabled' not in str(error):
                raise
            LOG.warning('etcd has no authentication, none is used')
            return ''
