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

from pathlib import Path
import socket
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
    def server(self, port: int = 0, tls: Tls | None = None) -> HttpServer:
        server = HttpServer(
            '127.0.0.1', port, threads=THREADS, max_body_bytes=1024, tls=tls
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
