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


"""NETCONF over SSH, with ncclient.

Sessions are kept, one for each user on a host, and shared by all pollers
of the process; one that nobody has used for a while is closed. ncclient
is an optional library and imported on first use only.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import socket
import threading
import time
from typing import Any

from esi_worker import exceptions
from esi_worker.collector import deadlines

_IDLE_SECONDS = 300.0
_GOODBYE_SECONDS = 1.0


class NetconfError(exceptions.TransientError):
    """The device does not tell."""


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """A device, and as who it is asked."""

    host: str
    port: int
    login: str = dataclasses.field(repr=False)
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(slots=True)
class _Session:
    """A connection; whoever uses it holds the lock."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    connection: socket.socket | None = None
    manager: Any = None
    used_at: float = 0.0

    def close(self) -> None:
        """Say goodbye to the device."""
        if self.manager is not None:
            self.manager.timeout = _GOODBYE_SECONDS
            # It may be broken already.
            with contextlib.suppress(Exception):
                self.manager.close_session()
        self.drop()

    def drop(self) -> None:
        """Hang up; no device keeps us waiting."""
        if self.connection is not None:
            deadlines.shut(self.connection)
        self.connection = self.manager = None


class Sessions:
    """Connections by endpoint; thread-safe."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._sessions: dict[Endpoint, _Session] = {}

    def ask(
        self, endpoint: Endpoint, request: Any, timeout: float, verify: bool
    ) -> Any:
        """Send one RPC.

        A session that turns out to be broken is opened once more.

        :param request: an element of lxml, the content of ``rpc``
        :param timeout: seconds for all of it
        :param verify: whether the key of the host must be known
        :returns: the element ``rpc-reply``
        :raises NetconfError: there is no usable answer
        """
        deadline = time.monotonic() + timeout
        with self._held(endpoint, timeout) as session:
            kept = session.manager is not None
            try:
                return _ask(endpoint, session, request, deadline, verify)
            except _Broken as error:
                session.drop()
                if not kept:
                    raise NetconfError(str(error)) from None
            try:
                return _ask(endpoint, session, request, deadline, verify)
            except _Broken as error:
                session.drop()
                raise NetconfError(str(error)) from None

    def close_idle(self) -> None:
        """Hang up where nobody has asked for a while."""
        now = time.monotonic()
        with self._lock:
            for endpoint, session in list(self._sessions.items()):
                if now - session.used_at < self._idle_seconds:
                    continue
                if session.lock.acquire(blocking=False):
                    del self._sessions[endpoint]
                    session.drop()
                    session.lock.release()

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            # One that is in use ends with the process.
            if session.lock.acquire(blocking=False):
                session.close()
                session.lock.release()

    @contextlib.contextmanager
    def _held(self, endpoint: Endpoint, timeout: float) -> Iterator[_Session]:
        with self._lock:
            session = self._sessions.setdefault(endpoint, _Session())
            session.used_at = time.monotonic()
        if not session.lock.acquire(timeout=timeout):
            raise NetconfError('its session is busy with other polls')
        try:
            yield session
        finally:
            session.used_at = time.monotonic()
            session.lock.release()


@functools.cache
def shared_sessions() -> Sessions:
    """The sessions of this process."""
    return Sessions()


class _Broken(exceptions.TransientError):
    """The session is of no use any more."""


def _ask(
    endpoint: Endpoint,
    session: _Session,
    request: Any,
    deadline: float,
    verify: bool,
) -> Any:
    from lxml import etree
    from ncclient.operations import errors, rpc

    if session.manager is None:
        _connect(session, endpoint, _left(deadline), verify)
    session.manager.timeout = _left(deadline)
    try:
        reply = session.manager.dispatch(request)
    except rpc.RPCError as error:
        # What the device says, such as "syntax error"; no more of it.
        raise NetconfError(
            f'the device refuses the request ({error.tag})'
        ) from None
    except errors.TimeoutExpiredError:
        raise _Broken('the device does not answer in time') from None
    except Exception as error:  # noqa: BLE001 - its errors are many
        raise _Broken(f'the session broke ({type(error).__name__})') from None
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.fromstring(reply.xml.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _Broken('the device answers something else than XML') from None


def _connect(
    session: _Session, endpoint: Endpoint, timeout: float, verify: bool
) -> None:
    """Connect a session.

    :param timeout: seconds for all of it; ncclient and paramiko wait for
        some steps without an end
    :raises _Broken: it cannot be connected
    """
    from ncclient import manager
    from ncclient.transport import errors

    try:
        session.connection = deadlines.connect(
            endpoint.host, endpoint.port, timeout
        )
        with deadlines.Limit(timeout) as limit:
            limit.watch(session.connection)
            session.manager = manager.connect(
                host=endpoint.host,
                port=endpoint.port,
                username=endpoint.login,
                password=endpoint.password,
                timeout=timeout,
                hostkey_verify=verify,
                allow_agent=False,
                look_for_keys=False,
                device_params={'name': 'default'},
                sock=session.connection,
            )
    except errors.SSHUnknownHostError:
        raise _Broken(
            'its host key is not known; add it to ~/.ssh/known_hosts of '
            "the collector's user, or unset netconf_verify_hosts in "
            '[collector]'
        ) from None
    except errors.AuthenticationError:
        raise _Broken('it refuses the login or the password') from None
    except Exception as error:  # noqa: BLE001 - its errors are many
        raise _Broken(
            f'it cannot be connected to ({type(error).__name__})'
        ) from None


def _left(deadline: float) -> float:
    """:raises NetconfError: the time is over"""
    left = deadline - time.monotonic()
    if left <= 0:
        raise NetconfError('the device does not answer in time')
    return left
