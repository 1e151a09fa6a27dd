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

"""Serves a WSGI application over HTTP from threads of this process."""

from __future__ import annotations

import threading
from typing import Any

import waitress
from waitress import server as waitress_server
from waitress import wasyncore

from esi_worker import exceptions

#: The default of 100 makes clients wait when Heat works on many stacks.
_CONNECTION_LIMIT = 5000


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
    ) -> None:
        """Listen; requests wait until ``start``.

        :param port: 0 takes a free one
        :param name: the group of options that the address comes from
        :raises ConfigurationError: the address cannot be listened on
        """
        self._application: Any = None
        self._map: dict[int, Any] = {}
        try:
            self._server = waitress.create_server(
                self._call,
                map=self._map,
                host=host,
                port=port,
                threads=threads,
                ident=f'esi-{name}',
                connection_limit=_CONNECTION_LIMIT,
                # select() cannot watch that many connections.
                asyncore_use_poll=True,
                # Above our own limit, which answers in JSON.
                max_request_body_size=16 * max_body_bytes,
            )
        except (OSError, ValueError) as error:
            raise exceptions.ConfigurationError(
                f'the {name} cannot listen on {host}, port {port}: '
                f'{error}; set its address and port in [{name}]'
            ) from error
        self._thread = threading.Thread(
            target=self._server.run, name='http', daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        listening = getattr(self._server, 'effective_listen', None)
        if listening:
            return int(listening[0][1])
        return int(self._server.effective_port)

    def start(self, application: Any) -> None:
        """Serve in the background."""
        self._application = application
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Accept nothing more and end the requests at work.

        :param timeout: seconds to wait for them
        """
        self._server.task_dispatcher.shutdown(timeout=timeout)
        if not self._thread.is_alive():
            wasyncore.close_all(self._map)
            return
        # Sockets are to be closed by the thread that waits on them. It may
        # be awake already, and must not close the trigger that is still
        # being pulled.
        pulled = threading.Event()

        def close() -> None:
            pulled.wait(timeout)
            wasyncore.close_all(self._map)

        self._trigger().pull_trigger(close)
        pulled.set()
        self._thread.join(timeout)

    def _trigger(self) -> Any:
        owners = (each for each in self._map.values() if _has_trigger(each))
        return next(owners).trigger

    def _call(self, environ: Any, start_response: Any) -> Any:
        return self._application(environ, start_response)


def _has_trigger(dispatcher: Any) -> bool:
    return isinstance(dispatcher, waitress_server.BaseWSGIServer)
