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

"""Free ports on the loopback address that stay ours until closed.

A reservation is a socket that is bound but never listens: nobody else is
given the port, while the service itself (which sets SO_REUSEADDR, as etcd,
PostgreSQL and waitress do) can bind it, die, and bind it again. While the
service is down, clients are refused, as they would be in real life.
"""

from __future__ import annotations

import socket

LOOPBACK = '127.0.0.1'


class ReservedPort:
    """One free TCP port."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()


def accepts_connections(port: int, timeout: float = 1.0) -> bool:
    """Whether something listens on the port of the loopback address."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True
