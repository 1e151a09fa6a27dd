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

"""A proxy between a worker and its Heat that keeps an account.

It knows which requests were made, and can keep an answer back until the
test lets it go; so a test decides how old a worker's knowledge is.
"""

from __future__ import annotations

import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
from typing import Self
from urllib import parse

from esi_worker.embedded import ports

#: Seconds; only a failing test waits for it.
_PATIENCE = 60.0


class RecordingProxy:
    """A context manager; ``endpoint`` is what the worker is told."""

    def __init__(self, target: str) -> None:
        """:param target: the URL that all requests go to"""
        url = parse.urlsplit(target)
        assert url.hostname is not None
        self.host, self.port = url.hostname, url.port
        #: Method and path, and the body.
        self.requests: list[tuple[str, str]] = []
        #: Set when an answer is being kept back.
        self.asked = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._server = ThreadingHTTPServer((ports.LOOPBACK, 0), _Handler)
        self._server.daemon_threads = True
        self._server.proxy = self  # type: ignore[attr-defined]
        port = self._server.server_address[1]
        self.endpoint = f'http://{ports.LOOPBACK}:{port}{url.path}'

    def changes_of(self, name: str) -> list[str]:
        """The requests that were to change something of that name."""
        return [
            line
            for line, body in self.requests
            if not line.startswith('GET ') and name in line + body
        ]

    def hold(self) -> None:
        """Keep all answers back from now on."""
        self._go.clear()

    def release(self) -> None:
        """Let the answers go."""
        self._go.set()

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        """Ask the target, and answer when that is wanted."""
        length = int(handler.headers.get('Content-Length', 0))
        body = handler.rfile.read(length)
        line = f'{handler.command} {handler.path}'
        self.requests.append((line, body.decode('utf-8', 'replace')))
        connection = http.client.HTTPConnection(
            self.host, self.port, timeout=_PATIENCE
        )
        connection.request(
            handler.command,
            handler.path,
            body,
            dict(handler.headers),
        )
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if not self._go.is_set():
            self.asked.set()
            self._go.wait(_PATIENCE)
        handler.send_response(answer.status)
        for name in ('Content-Type', 'Location'):
            if value := answer.getheader(name):
                handler.send_header(name, value)
        handler.send_header('Content-Length', str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, daemon=True
        ).start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def _pass_on(self) -> None:
        proxy: RecordingProxy = self.server.proxy  # type: ignore[attr-defined]
        proxy.pass_on(self)

    def log_message(self, *_details: object) -> None:
        """The account is enough."""


for _method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE'):
    setattr(_Handler, f'do_{_method}', _Handler._pass_on)
