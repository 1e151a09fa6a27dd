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


"""Devices whose SNMP agents answer garbage, or too late.

The collector is a process of its own; the agents are sockets of this
one, for no real agent misbehaves on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import socket
import threading
from typing import Any
from unittest import mock

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api
import testtools

from esi_worker.collector.pollers.snmp_answers import SnmpError
from esi_worker.collector.pollers.snmp_client import Agent, SnmpClient
from esi_worker.collector.pollers.snmp_device import UPTIME
from esi_worker.collector.pollers.snmp_users import Community
from esi_worker.tests.functional import collector_support
from esi_worker.tests.functional.embedded_support import wait_until

V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
#: How often the good agent is asked while the others misbehave.
POLLS = 3
#: A sequence that claims to be longer than any datagram.
ENDLESS = b'\x30\x84\xff\xff\xff\xff\x02\x01\x01'
#: Sequences in sequences, as many as a datagram holds.
NESTED = b'\x30\x80' * 30_000
_MAX_DATAGRAM = 65535

#: Called with a request and who has sent it; gives what is sent to whom.
Behaviour = Callable[[bytes, Any], Iterator[tuple[bytes, Any]]]


class UdpAgent:
    """Listens on the loopback address and does as it is told."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self.requests = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(('127.0.0.1', 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; an empty datagram wakes the thread."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b'', ('127.0.0.1', self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            request, sender = self._socket.recvfrom(_MAX_DATAGRAM)
            if not request:
                return
            self.requests += 1
            for answer, receiver in self._behave(request, sender):
                self._socket.sendto(answer, receiver)


def proper(request: bytes, sender: Any) -> Iterator[tuple[bytes, Any]]:
    """Tell a time that goes on."""
    message, pdu = decoded(request)
    answer = V2C.apiMessage.get_response(message)
    V2C.apiPDU.set_varbinds(
        V2C.apiMessage.get_pdu(answer),
        [
            (oid, V2C.TimeTicks(int(V2C.apiPDU.get_request_id(pdu)) % 2**31))
            for oid, _ in V2C.apiPDU.get_varbinds(pdu)
        ],
    )
    yield encoder.encode(answer), sender


def garbled(request: bytes, sender: Any) -> Iterator[tuple[bytes, Any]]:
    """Everything that is no answer, for every request."""
    for answer, _ in proper(request, sender):
        yield b'HTTP/1.1 400 Bad Request\r\n\r\n', sender
        yield bytes(range(256)), sender
        yield ENDLESS, sender
        yield NESTED, sender
        yield answer[: len(answer) // 2], sender
        # The version, the community, and the request itself.
        yield answer.replace(b'\x02\x01\x01', b'\x02\x01\x63', 1), sender
        yield answer.replace(b'good', b'evil', 1), sender
        yield request, sender


class Late:
    """Answers a poll when the next one asks."""

    def __init__(self) -> None:
        self.sent = 0
        #: What is not answered yet, by the ids of the requests.
        self._held: dict[int, tuple[bytes, Any]] = {}

    def __call__(
        self, request: bytes, sender: Any
    ) -> Iterator[tuple[bytes, Any]]:
        _, pdu = decoded(request)
        number = int(V2C.apiPDU.get_request_id(pdu))
        earlier = [each for each in self._held if each != number]
        # One that is repeated has the same id and is still waited for.
        self._held[number] = (request, sender)
        for each in earlier:
            yield from proper(*self._held.pop(each))
            self.sent += 1


def decoded(request: bytes) -> tuple[Any, Any]:
    """A message and its PDU."""
    message, _ = decoder.decode(request, asn1Spec=V2C.Message())
    return message, V2C.apiMessage.get_pdu(message)


class SnmpFaultTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.collector = self.useFixture(
            collector_support.CollectorFixture(poll_backoff=1)
        )
        self.good = self.agent('good', proper)
        self.await_status('good', 'UP')

    def agent(self, name: str, behave: Behaviour) -> UdpAgent:
        """An agent, and a target that it is polled for."""
        agent = UdpAgent(behave)
        self.addCleanup(agent.close)
        collector_support.post(
            self.collector.url,
            type='snmp_device',
            resource_id=name,
            field_name='device',
            properties={
                'device_ip': '127.0.0.1',
                'port': agent.port,
                'community_name': 'good',
            },
            syncer_properties={'etcd': {'status': {'key': 'device'}}},
        )
        return agent

    def status(self, name: str) -> str | None:
        return self.collector.monitoring(name)

    def await_status(self, name: str, status: str) -> None:
        wanted = f'{{"device":"{status}","version":3}}'
        wait_until(lambda: self.status(name) == wanted)

    def assert_others_go_on(self) -> None:
        """The good agent is polled and stays up, and nothing is broken."""
        before = self.good.requests
        wait_until(lambda: self.good.requests >= before + POLLS)
        self.await_status('good', 'UP')
        self.collector.stop()
        log = self.collector.config.with_suffix('.log').read_text()
        self.assertIn('Collector has joined', log)
        self.assertNotIn('Traceback', log)
        self.assertNotIn(' ERROR ', log)

    def test_garbage_is_a_failure_of_that_device_alone(self) -> None:
        bad = self.agent('bad', garbled)

        self.await_status('bad', 'FAIL')

        wait_until(lambda: bad.requests >= POLLS)
        self.assert_others_go_on()
        self.assertIn('FAIL', self.status('bad') or '')

    def test_an_answer_after_the_timeout_is_not_believed(self) -> None:
        late = Late()
        self.agent('bad', late)

        self.await_status('bad', 'FAIL')

        wait_until(lambda: late.sent >= POLLS)
        self.assert_others_go_on()
        self.assertIn('FAIL', self.status('bad') or '')


class SlowNamesTest(testtools.TestCase):
    """Names that take their time, as when a server of names is away."""

    #: More than an event loop has threads for looking names up.
    COUNT = 40

    def setUp(self) -> None:
        super().setUp()
        self.found = threading.Event()
        look_up = socket.getaddrinfo

        def slowly(host: Any, *more: Any, **options: Any) -> Any:
            if str(host).startswith('slow'):
                self.found.wait(30.0)
                raise socket.gaierror
            return look_up(host, *more, **options)

        self.enterContext(mock.patch.object(socket, 'getaddrinfo', slowly))
        self.client = SnmpClient()
        self.addCleanup(self.client.close)

    def get(self, host: str, port: int) -> Any:
        agent = Agent(host, Community('good'), port)
        return self.client.get(agent, [UPTIME], 5.0)

    def test_they_keep_no_other_agent_waiting(self) -> None:
        failed = threading.Semaphore(0)

        def ask(number: int) -> None:
            try:
                self.get(f'slow{number}', 161)
            except SnmpError:
                failed.release()

        agent = UdpAgent(proper)
        self.addCleanup(agent.close)
        for number in range(self.COUNT):
            threading.Thread(target=ask, args=(number,), daemon=True).start()

        found = self.get('127.0.0.1', agent.port)

        self.assertEqual([UPTIME], list(found))
        self.found.set()
        for _ in range(self.COUNT):
            self.assertTrue(failed.acquire(timeout=30.0))
