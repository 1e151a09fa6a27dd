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

"""An end for exchanges over sockets, however slowly others talk.

The timeout of a socket begins anew with every byte that arrives, so who
sends one now and then is listened to for hours. Sockets of a ``Limit``
are shut down when its time is over, and whoever waits for them goes on.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from types import TracebackType
from typing import Any, Self

import requests
from requests import adapters
from urllib3 import connection, connectionpool

_LOCAL = threading.local()


class Limit:
    """A time for everything that one thread does within the context.

    It holds for connections of a ``session()``, and for the sockets that
    are given to ``watch``.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._twins: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        #: Whether the time is over.
        self.over = False

    def __enter__(self) -> Self:
        _LOCAL.limit = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _LOCAL.limit = None
        self._timer.cancel()
        with self._lock:
            for twin in self._twins:
                twin.close()
            self._twins.clear()

    def watch(self, watched: socket.socket) -> None:
        """Shut this connection down, too, when the time is over."""
        # TLS takes the socket over, and its number with it.
        twin = socket.socket(fileno=os.dup(watched.fileno()))
        with self._lock:
            self._twins.append(twin)
            if self.over:
                shut(twin)

    def _end(self) -> None:
        with self._lock:
            self.over = True
            for twin in self._twins:
                shut(twin)


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """Connect within a time, however many addresses the host has.

    :raises OSError: no address can be connected to; a refusal counts more
        than silence
    """
    deadline = time.monotonic() + seconds
    places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    errors: list[OSError] = []
    for number, (family, kind, protocol, _, address) in enumerate(places):
        left = max(0.0, deadline - time.monotonic())
        connecting = socket.socket(family, kind, protocol)
        # Each gets its share of what is left; 0 would not wait at all.
        connecting.settimeout(max(left / (len(places) - number), 0.01))
        try:
            connecting.connect(address)
        except OSError as error:
            connecting.close()
            errors.append(error)
        else:
            return connecting
    refusals = [
        each for each in errors if isinstance(each, ConnectionRefusedError)
    ]
    raise (refusals or errors)[0]


def shut(connected: socket.socket) -> None:
    """Let whoever waits for this connection see that it has ended."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def session() -> requests.Session:
    """A session whose connections keep the limit of their thread."""
    made = requests.Session()
    for scheme in ('http://', 'https://'):
        made.mount(scheme, _Adapter())
    return made


def _watch(watched: Any) -> None:
    limit = getattr(_LOCAL, 'limit', None)
    if limit is not None and watched is not None:
        limit.watch(watched)


class _Http(connection.HTTPConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _watch(made)
        return made

    def request(self, *arguments: Any, **options: Any) -> None:
        # It may be a connection of an earlier request.
        _watch(self.sock)
        super().request(*arguments, **options)


class _Https(_Http, connection.HTTPSConnection):
    pass


class _HttpPool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(adapters.HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            'http': _HttpPool,
            'https': _HttpsPool,
        }
