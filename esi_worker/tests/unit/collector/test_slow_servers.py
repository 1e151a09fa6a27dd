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

"""Servers that talk so slowly that no socket times out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import contextlib
import functools
import socket
import threading
import time
from typing import Any
from unittest import mock

import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.collector.pollers import plain, web
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.openstack import ComputePoller
from esi_worker.collector.results import STATUS, UP, Failure, Sample
from esi_worker.tests.unit.collector import support

#: Seconds; what is sent comes far more often.
TIMEOUT = 0.5
PAUSE = 0.05
#: Long enough for a machine that is busy, and far from for ever.
PATIENCE = 10.0


class Dripping:
    """Accepts connections and sends a text, then single bytes."""

    def __init__(self, begins: bytes) -> None:
        self._begins = begins
        self._closed = threading.Event()
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._socket.getsockname()[1]}'
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._drip, args=(connection,), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _drip(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(self._begins)
            while not self._closed.wait(PAUSE):
                connection.sendall(b'x')


HEADERS = b'HTTP/1.1 200 OK\r\nX-Slow: '
BODY = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n'
ENDLESS = b'HTTP/1.0 200 OK\r\n\r\n'


class SlowTest(testtools.TestCase):
    def url(self, begins: bytes) -> str:
        server = Dripping(begins)
        self.addCleanup(server.close)
        return server.url

    def all_of(self, ask: Callable[[], object], count: int = 1) -> list[Any]:
        """What calls in threads return, or raise, within the patience."""
        found: list[Any] = []

        def note() -> None:
            try:
                found.append(ask())
            except exceptions.TransientError as error:
                found.append(error)

        threads = [
            threading.Thread(target=note, daemon=True) for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return found


class SlowPageTest(SlowTest):
    def test_a_page_is_given_up(self) -> None:
        for begins in (b'', HEADERS, BODY, ENDLESS):
            ask = functools.partial(web.get, self.url(begins), TIMEOUT)

            (error,) = self.all_of(ask)

            self.assertIsInstance(error, web.WebError)

    def test_the_status_is_not_known(self) -> None:
        poller = plain.HttpPoller(
            PollerContext(support.make_conf(), clocks.ManualClock())
        )
        target = support.make_target(
            type='http', properties={'url': self.url(ENDLESS)}
        )

        (found,) = self.all_of(lambda: poller.poll([target], TIMEOUT))

        self.assertIsInstance(found[target.id][0], Failure)


class ManyAddressesTest(SlowTest):
    """A host whose first addresses drop what is sent to them."""

    def setUp(self) -> None:
        super().setUp()
        self.deaf = self.enterContext(
            socket.create_server(('127.0.0.1', 0), backlog=0)
        )
        address = self.deaf.getsockname()
        # Nobody accepts, so these fill all the room there is.
        for _ in range(2):
            waiting = self.enterContext(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        self.places = [self.place(address) for _ in range(4)]
        found = mock.patch.object(
            socket, 'getaddrinfo', lambda *_, **__: self.places
        )
        self.enterContext(found)
        self.poller = plain.TcpPoller(
            PollerContext(support.make_conf(), clocks.ManualClock())
        )
        self.target = support.make_target(
            type='tcp', properties={'host': 'many', 'port': 1}
        )

    def place(self, address: Any) -> Any:
        return socket.AF_INET, socket.SOCK_STREAM, 0, '', address

    def poll(self) -> tuple[Any, float]:
        began = time.monotonic()
        found = self.poller.poll([self.target], 2.0)
        return found[self.target.id][0], time.monotonic() - began

    def test_they_share_the_time(self) -> None:
        result, taken = self.poll()

        self.assertIsInstance(result, Failure)
        self.assertLess(taken, 6.0)

    def test_one_that_accepts_is_enough(self) -> None:
        server = self.enterContext(socket.create_server(('127.0.0.1', 0)))
        self.places.append(self.place(server.getsockname()))

        result, _ = self.poll()

        self.assertEqual(Sample(STATUS, UP), result)


class SlowOpenStackTest(SlowTest):
    def poll(self, options: Mapping[str, Any], count: int = 1) -> None:
        conf = support.make_conf(poll_timeout=TIMEOUT)
        group = ComputePoller.group
        conf.set_override('auth_type', options['auth_type'], group)
        poller = ComputePoller(PollerContext(conf, clocks.ManualClock()))
        # The options of a plugin are known once it is loaded.
        with contextlib.suppress(Exception):
            poller.poll([self.target('first')], 0.01)
        for name, value in options.items():
            conf.set_override(name, value, group)
        poller = ComputePoller(PollerContext(conf, clocks.ManualClock()))
        target = self.target('second')

        found = self.all_of(lambda: poller.poll([target], TIMEOUT), count)

        results = [type(each[target.id][0]) for each in found]
        self.assertEqual([Failure] * count, results)

    def target(self, server_id: str) -> Any:
        return support.make_target(
            type='compute',
            resource_id=server_id,
            properties={'server_id': server_id},
        )

    def test_a_slow_nova_is_given_up(self) -> None:
        for begins in (HEADERS, BODY):
            self.poll(
                {'auth_type': 'none', 'endpoint_override': self.url(begins)}
            )

    def test_a_silent_keystone_is_given_up_by_all_at_once(self) -> None:
        """Each of those that wait for a token has its own timeout."""
        for begins in (b'', HEADERS):
            self.poll(
                {
                    'auth_type': 'v3password',
                    'auth_url': self.url(begins) + '/v3',
                    'username': 'u',
                    'password': 'p',
                    'user_domain_id': 'd',
                },
                count=40,
            )
