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

"""Serves a WSGI application over HTTP or HTTPS from threads."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
import threading
from typing import Any

from cheroot import makefile, server, wsgi
from cheroot import ssl as adapters
from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.collector import deadlines

LOG = logging.getLogger(__name__)

#: Seconds that a client may be silent within a request.
_SILENCE_SECONDS = 10
#: Seconds from its first byte to the last one of the answer.
_REQUEST_SECONDS = 60.0
#: Bytes of the request line and the headers.
_MAX_HEADER = 64 * 1024
#: Connections that wait to be accepted.
_BACKLOG = 512
_INFO = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM; with ``client_ca`` clients need a certificate."""

    cert: str
    key: str
    client_ca: str | None = None

    def context(self) -> ssl.SSLContext:
        """:raises ConfigurationError: a file cannot be used"""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.cert, self.key)
            if self.client_ca:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            files = ', '.join(
                each for each in (self.cert, self.key, self.client_ca) if each
            )
            raise exceptions.ConfigurationError(
                f'the TLS files {files} cannot be used: {error}; correct '
                'cert_file, key_file and client_ca_file in [collector]'
            ) from None
        return context


class _TlsAdapter(adapters.Adapter):
    """Wraps connections; the handshake is left to the thread that reads.

    So a client that connects and says nothing keeps no other waiting.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: Any) -> Any:
        return sock

    def wrap(self, sock: Any) -> tuple[Any, dict[str, str]]:
        wrapped = self.context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {'wsgi.url_scheme': 'https', 'HTTPS': 'on'}

    def makefile(self, sock: Any, mode: str = 'r', bufsize: int = -1) -> Any:
        return makefile.MakeFile(sock, mode, bufsize)


class _Connection(server.HTTPConnection):
    """Ends requests in time: a slow client keeps no thread for long."""

    def communicate(self) -> bool:
        seconds: float = self.server.request_seconds
        with deadlines.Limit(seconds) as limit:
            with contextlib.suppress(OSError):
                # It may be closed already.
                limit.watch(self.socket)
            more = super().communicate()  # type: ignore[no-untyped-call]
            return bool(more)


class _Server(wsgi.Server):
    """Gives a thread to a connection only once it has said something.

    So those that connect and keep silent do not use the threads up.
    """

    ConnectionClass = _Connection
    request_seconds = _REQUEST_SECONDS

    def process_conn(self, conn: Any) -> None:
        if getattr(conn, 'is_known', False):
            super().process_conn(conn)
            return
        conn.is_known = True
        # The server's own list, which it makes when it is prepared.
        connections: Any = vars(self)['_connections']
        connections.put(conn)


class HttpServer:
    """A listening socket, and later the threads that serve it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        threads: int,
        max_body_bytes: int,
        name: str = 'collector',
        tls: Tls | None = None,
        request_seconds: float = _REQUEST_SECONDS,
    ) -> None:
        """Listen; requests wait until ``start``.

        :param port: 0 takes a free one
        :param request_seconds: how long a request may take, the client's
            part included
        :param name: the group of options that names host and port
        :raises ConfigurationError: the address cannot be listened on, or
            a TLS file cannot be used
        """
        self._application: Any = None
        self._server = _Server(
            (host, port),
            self._call,
            numthreads=threads,
            request_queue_size=_BACKLOG,
            timeout=_SILENCE_SECONDS,
        )
        self._server.request_seconds = request_seconds
        self._server.max_request_header_size = _MAX_HEADER
        # Above our own limit, which answers in JSON.
        self._server.max_request_body_size = 16 * max_body_bytes
        # That is how it is meant to be replaced.
        self._server.error_log = _log  # type: ignore[method-assign]
        self._server.server_name = f'esi-{name}'
        if tls is not None:
            self._server.ssl_adapter = _TlsAdapter(tls.context())
        try:
            self._server.prepare()
        except OSError as error:
            raise exceptions.ConfigurationError(
                f'the {name} cannot listen on {host}, port {port}: '
                f'{error}; set its address and port in [{name}]'
            ) from error
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(
            target=self._server.serve, name=f'{name}-http', daemon=True
        )

    def start(self, application: Any) -> None:
        """Serve in the background."""
        self._application = application
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Accept nothing more and end the requests at work.

        :param timeout: seconds to wait for them
        """
        self._server.shutdown_timeout = timeout
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _call(self, environ: Any, start_response: Any) -> Any:
        return self._application(environ, start_response)


def _log(msg: str = '', level: int = _INFO, traceback: bool = False) -> None:
    """What the server says of connections; its own faults are ours too."""
    if traceback:
        LOG.exception('HTTP server: %s', msg)
    else:
        LOG.debug('HTTP server: %s', msg)
