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

from __future__ import annotations

import contextlib
from pathlib import Path
import socket
import threading
from typing import Any

import fixtures
import requests
import testtools

from esi_worker import exceptions
from esi_worker.collector.serving import HttpServer, Tls

THREADS = 2


def hello(_environ: Any, start_response: Any) -> list[bytes]:
    start_response('200 OK', [('Content-Length', '5')])
    return [b'hello']


class TestHttpServer(testtools.TestCase):
    def server(
        self,
        port: int = 0,
        tls: Tls | None = None,
        request_seconds: float = 60.0,
    ) -> HttpServer:
        server = HttpServer(
            '127.0.0.1',
            port,
            threads=THREADS,
            max_body_bytes=1024,
            tls=tls,
            request_seconds=request_seconds,
        )
        self.addCleanup(server.stop, 10.0)
        return server

    def get(self, server: HttpServer) -> str:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(
                f'http://127.0.0.1:{server.port}/', timeout=30
            ).text

    def test_serves(self) -> None:
        server = self.server()
        server.start(hello)

        self.assertEqual('hello', self.get(server))

    def test_connections_that_say_nothing_get_no_thread(self) -> None:
        server = self.server()
        server.start(hello)
        for _ in range(5 * THREADS):
            silent = socket.create_connection(('127.0.0.1', server.port))
            self.addCleanup(silent.close)

        self.assertEqual('hello', self.get(server))

    def test_those_that_talk_slowly_keep_no_thread(self) -> None:
        server = self.server(request_seconds=0.5)
        server.start(hello)
        ended = threading.Event()
        self.addCleanup(ended.set)

        def drip(client: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while not ended.wait(0.05):
                    client.sendall(b'x')

        for _ in range(2 * THREADS):
            client = socket.create_connection(('127.0.0.1', server.port))
            self.addCleanup(client.close)
            client.sendall(b'GET / HTTP/1.1\r\nX-Slow: ')
            threading.Thread(target=drip, args=(client,), daemon=True).start()

        self.assertEqual('hello', self.get(server))

    def test_headers_without_an_end_are_refused(self) -> None:
        server = self.server()
        server.start(hello)
        with socket.create_connection(('127.0.0.1', server.port)) as client:
            client.settimeout(30.0)
            with contextlib.suppress(OSError):
                client.sendall(b'GET / HTTP/1.1\r\nX-Long: ' + b'x' * 2**20)

            answer = client.recv(64)

        self.assertIn(b'413', answer)

    def test_a_port_that_is_taken_is_named(self) -> None:
        first = self.server()

        error = self.assertRaises(
            exceptions.ConfigurationError, self.server, first.port
        )

        self.assertIn(f'port {first.port}', str(error))

    def test_files_that_are_no_certificates_are_named(self) -> None:
        path = Path(self.useFixture(fixtures.TempDir()).path) / 'cert.pem'
        for tls in (Tls(str(path), str(path)), Tls(str(path), str(path))):
            error = self.assertRaises(
                exceptions.ConfigurationError, self.server, 0, tls
            )
            self.assertIn(str(path), str(error))
            path.write_text('nothing')

    def test_stops_before_it_was_started(self) -> None:
        server = self.server()

        server.stop(10.0)

        self.assertRaises(
            OSError, socket.create_connection, ('127.0.0.1', server.port)
        )
