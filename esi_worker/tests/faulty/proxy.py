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

"""The proxy itself: accounts, rules and connections."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable
import dataclasses
import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import re
import socket
import struct
import threading
from typing import Self
from urllib import parse

from esi_worker.embedded import ports
from esi_worker.tests.faulty import faults
from esi_worker.tests.faulty.http import Answer, Fault, Request
from esi_worker.tests.faulty.weather import Weather

#: Seconds; only a failing test waits for it.
_PATIENCE = 60.0
#: Headers that concern a connection, which the proxy has two of.
_OF_CONNECTION = frozenset(
    ('connection', 'content-length', 'keep-alive', 'transfer-encoding')
)
Matcher = Callable[[Request], bool]


@dataclasses.dataclass(slots=True)
class Rule:
    """Which requests suffer what; ``left`` counts down to none."""

    fault: Fault
    matches: Matcher
    skip: int
    left: float

    def takes(self, request: Request) -> bool:
        """Whether it is this request's turn; counts it if it matches."""
        if self.left <= 0 or not self.matches(request):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.left -= 1
        return True


@dataclasses.dataclass(slots=True)
class Entry:
    """One request in the account.

    ``statuses`` holds the status of each answer that the service gave.
    """

    request: Request
    fault: str
    statuses: list[int] = dataclasses.field(default_factory=list)


class FaultProxy:
    """A context manager; ``endpoint`` is what the client is told.

    Without rules and weather all requests pass unharmed. When the service
    cannot be reached, the client's connection is reset.
    """

    def __init__(self, target: str, weather: Weather | None = None) -> None:
        """:param target: the URL that all requests go to"""
        url = parse.urlsplit(target)
        assert url.hostname is not None
        self.host, self.port = url.hostname, url.port
        self.weather = weather
        self.account: list[Entry] = []
        self.closing = threading.Event()
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = _Server((ports.LOOPBACK, 0), _Handler)
        self._server.proxy = self
        port = self._server.server_address[1]
        self.endpoint = f'http://{ports.LOOPBACK}:{port}{url.path}'

    def inject(
        self,
        fault: Fault,
        method: str = '',
        path: str = '',
        body: str = '',
        *,
        skip: int = 0,
        times: float = 1,
    ) -> Rule:
        """Let the next request of a kind suffer, or the next few.

        Of several rules for a request the one added first counts.

        :param method: all methods if empty
        :param path: a regular expression to find in path and query
        :param body: a text to find in the body
        :param skip: so many matching requests pass first
        :param times: so many suffer; ``math.inf`` for all
        """

        def matches(request: Request) -> bool:
            return (
                method in ('', request.method)
                and re.search(path, request.path) is not None
                and body in request.body
            )

        return self.when(matches, fault, skip=skip, times=times)

    def when(
        self,
        matches: Matcher,
        fault: Fault,
        *,
        skip: int = 0,
        times: float = 1,
    ) -> Rule:
        """As ``inject``, for requests that a function picks."""
        rule = Rule(fault, matches, skip, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """From now on all requests pass unharmed."""
        with self._lock:
            self._rules.clear()
            self.weather = None

    def requests(self, method: str = '', path: str = '') -> list[Request]:
        """The requests so far, picked as by ``inject``."""
        return [
            entry.request
            for entry in list(self.account)
            if method in ('', entry.request.method)
            and re.search(path, entry.request.path)
        ]

    def changes_of(self, name: str) -> list[str]:
        """The requests that were to change something of that name."""
        return [
            str(request)
            for request in self.requests()
            if request.method != 'GET' and name in request.path + request.body
        ]

    def suffered(self) -> collections.Counter[str]:
        """How many requests had which fault."""
        return collections.Counter(entry.fault for entry in self.account)

    def admit(self, request: Request) -> tuple[Entry, Fault]:
        """Enter a request into the account and decide its fate."""
        with self._lock:
            fault = self._fate(request)
            entry = Entry(request, type(fault).__name__)
            self.account.append(entry)
            return entry, fault

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _fate(self, request: Request) -> Fault:
        for rule in self._rules:
            if rule.takes(request):
                return rule.fault
        drawn = self.weather.fate(request) if self.weather else None
        return drawn or faults.Nothing()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, *_details: object) -> None:
        """A client that has gone is no news here."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = 'HTTP/1.1'
    server: _Server

    def pass_on(self) -> None:
        length = int(self.headers.get('Content-Length', 0))
        asked = Request(
            self.command,
            self.path,
            dict(self.headers),
            self.rfile.read(length),
        )
        entry, fault = self.server.proxy.admit(asked)
        exchange = _Exchange(self, entry)
        try:
            fault.befall(exchange)
        except (OSError, http.client.HTTPException):
            exchange.reset()

    def log_message(self, *_details: object) -> None:
        """The account is enough."""


class _Exchange:
    """What faults do to one request."""

    def __init__(self, handler: _Handler, entry: Entry) -> None:
        self.request = entry.request
        self._entry = entry
        self._handler = handler
        self._proxy = handler.server.proxy

    def forward(self) -> Answer:
        connection = http.client.HTTPConnection(
            self._proxy.host, self._proxy.port, timeout=_PATIENCE
        )
        try:
            connection.request(
                self.request.method,
                self.request.path,
                self.request.content,
                _without_connection(self.request.headers.items()),
            )
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self._entry.statuses.append(answer.status)
        headers = _without_connection(answer.getheaders())
        return Answer(answer.status, headers, content)

    def answer(self, answer: Answer) -> None:
        self.cut(answer, len(answer.content))

    def cut(self, answer: Answer, length: int) -> None:
        handler = self._handler
        handler.send_response_only(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header('Content-Length', str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content[:length])
        if length < len(answer.content):
            self.hang_up()

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def reset(self) -> None:
        self._handler.close_connection = True
        connection = self._handler.connection
        if connection.fileno() < 0:
            return
        linger = struct.pack('ii', 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # Files made of the socket would keep it open.
        socket.close(connection.detach())

    def wait(self, seconds: float) -> None:
        self._proxy.closing.wait(seconds)


for _method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE'):
    setattr(_Handler, f'do_{_method}', _Handler.pass_on)


def _without_connection(
    headers: Iterable[tuple[str, str]],
) -> dict[str, str]:
    return {
        name: value
        for name, value in headers
        if name.lower() not in _OF_CONNECTION
    }
