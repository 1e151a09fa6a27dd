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


"""A router that speaks NETCONF over SSH, for tests.

It answers the RPCs that our pollers send, from what ``groups``,
``peers`` and ``counters`` hold, in the form of Junos. The protocol is the
real one, with the framing of base:1.0.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any
from xml.sax import saxutils

from lxml import etree
import paramiko

_END = b']]>]]>'
_BASE = 'urn:ietf:params:xml:ns:netconf:base:1.0'
_JUNOS = 'http://xml.juniper.net/junos/18.2R1/junos-routing'
_HELLO = (
    f'<hello xmlns="{_BASE}"><capabilities>'
    f'<capability>{_BASE.replace("xml:ns:", "")}</capability>'
    f'<capability>{_BASE}</capability>'
    '</capabilities><session-id>1</session-id></hello>'
)


class _Login(paramiko.ServerInterface):
    def __init__(self, router: NetconfRouter) -> None:
        self._router = router

    def check_auth_password(self, username: str, password: str) -> int:
        if (username, password) == self._router.account:
            return int(paramiko.AUTH_SUCCESSFUL)
        return int(paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:
        return 'password'

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._router.opens.wait()
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_subsystem_request(
        self, channel: paramiko.Channel, name: str
    ) -> bool:
        if name != 'netconf':
            return False
        self._router.serve(channel)
        return True


class NetconfRouter:
    """One router on a free port of the loopback address.

    ``groups`` are ``(interface, vrid): state``; ``peers`` are
    ``(instance, address): state``, ``counters`` are ``(filter, counter):
    bytes``. ``asked`` holds the RPCs it got,
    ``sessions`` counts the logins.
    """

    def __init__(self) -> None:
        self.account = ('esi', 's3cret')
        self.groups: dict[tuple[str, str], str] = {}
        self.peers: dict[tuple[str, str], str] = {}
        self.counters: dict[tuple[str, str], object] = {}
        self.asked: list[str] = []
        self.sessions = 0
        #: None answers; a text is sent instead of an answer.
        self.garbage: bytes | None = None
        self.refuses = False
        #: While it is not set nobody gets further than the login.
        self.opens = threading.Event()
        self.opens.set()
        #: While it is not set it answers no request.
        self.answers = threading.Event()
        self.answers.set()
        self._key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        self.opens.set()
        self.answers.set()
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        self.drop_sessions()

    def drop_sessions(self) -> None:
        """Close all connections, as a restart would."""
        while self._transports:
            self._transports.pop().close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler(
                'netconf', paramiko.SubsystemHandler
            )
            self._transports.append(transport)
            threading.Thread(
                target=self._begin, args=(transport,), daemon=True
            ).start()

    def _begin(self, transport: paramiko.Transport) -> None:
        try:
            transport.start_server(server=_Login(self))
        except (paramiko.SSHException, EOFError, OSError):
            transport.close()

    def serve(self, channel: paramiko.Channel) -> None:
        self.sessions += 1
        threading.Thread(
            target=self._talk, args=(channel,), daemon=True
        ).start()

    def _talk(self, channel: paramiko.Channel) -> None:
        channel.sendall(_HELLO.encode() + _END)
        received = b''
        try:
            while data := channel.recv(65536):
                received += data
                while _END in received:
                    message, _, received = received.partition(_END)
                    answer = self._answer(message)
                    if answer is not None:
                        channel.sendall(answer + _END)
        except OSError:
            pass

    def _answer(self, message: bytes) -> bytes | None:
        root = etree.fromstring(message.strip())
        if etree.QName(root).localname != 'rpc':
            return None
        request = root[0]
        name = etree.QName(request).localname
        if name == 'close-session':
            return self._reply(root, '<ok/>')
        self.asked.append(name)
        self.answers.wait()
        if self.garbage is not None:
            return self.garbage
        if self.refuses:
            return self._reply(
                root,
                '<rpc-error><error-type>protocol</error-type><error-tag>'
                'operation-failed</error-tag><error-severity>error'
                '</error-severity><error-message>open-sesame'
                '</error-message></rpc-error>',
            )
        if name == 'get-vrrp-information':
            return self._reply(root, self._vrrp())
        if name == 'get-firewall-filter-information':
            return self._reply(root, self._filter(str(request[0].text)))
        return self._reply(root, self._bgp(str(request[0].text)))

    def _vrrp(self) -> str:
        entries = ''.join(
            f'<vrrp-interface><interface>{interface}</interface>'
            f'<interface-state>up</interface-state><group>{group}</group>'
            f'<vrrp-state>{state}</vrrp-state></vrrp-interface>'
            for (interface, group), state in self.groups.items()
        )
        return (
            f'<vrrp-information xmlns="{_JUNOS}">{entries}</vrrp-information>'
        )

    def _bgp(self, wanted: str) -> str:
        entries = ''.join(
            f'<bgp-peer><peer-address>{address}</peer-address>'
            f'<peer-state>{state}</peer-state></bgp-peer>'
            for (instance, address), state in self.peers.items()
            if instance == wanted
        )
        return f'<bgp-information xmlns="{_JUNOS}">{entries}</bgp-information>'

    def _filter(self, wanted: str) -> str:
        entries = ''.join(
            f'<counter><counter-name>{counter}</counter-name><packet-count>1'
            f'</packet-count><byte-count>{count}</byte-count></counter>'
            for (name, counter), count in self.counters.items()
            if name == wanted
        )
        return (
            f'<firewall-information xmlns="{_JUNOS}"><filter-information>'
            f'<filter-name>{wanted}</filter-name>{entries}'
            '</filter-information></firewall-information>'
        )

    def _reply(self, root: Any, content: str) -> bytes:
        number = saxutils.quoteattr(root.get('message-id'))
        return (
            f'<rpc-reply xmlns="{_BASE}" message-id={number}>'
            f'{content}</rpc-reply>'
        ).encode()
