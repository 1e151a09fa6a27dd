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

"""Asks SNMP agents, version 2c or 3, with pysnmp.

pysnmp lives in an event loop. ``SnmpClient`` has one in a thread of its
own, for all polls of the process, and offers calls that block. pysnmp is
an optional library and imported on first use only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
import concurrent.futures
import dataclasses
import socket
import threading
import time
from typing import Any, TypeVar

from esi_worker.collector.pollers import snmp_answers
from esi_worker.collector.pollers.snmp_answers import Oid, SnmpError, Value
from esi_worker.collector.pollers.snmp_users import Community, SnmpUser

#: Rows that an agent is asked for at once (reference, section 4.1).
MAX_REPETITIONS = 10
_MAX_ENGINES = 64
_DEFAULT_PORT = 161
_SHORTEST_SECONDS = 1.0
#: An engine that may know a device wrongly is replaced at most that often.
_RENEWAL_SECONDS = 60.0
#: Requests of an engine that was replaced have ended by then.
_RETIREMENT_SECONDS = 120.0

T = TypeVar('T')


@dataclasses.dataclass(frozen=True, slots=True)
class Agent:
    """Whom to ask, and as who."""

    host: str
    credential: Community | SnmpUser
    port: int = _DEFAULT_PORT


@dataclasses.dataclass(slots=True)
class _Engine:
    """An engine of pysnmp: it knows users, and devices by address."""

    engine: Any
    made_at: float
    #: Whether a device that it was used for did not answer.
    is_suspect: bool = False

    def is_due(self, now: float, renewal: float) -> bool:
        return self.is_suspect and now - self.made_at >= renewal


class SnmpClient:
    """Gets values and walks columns; thread-safe."""

    def __init__(self, renewal: float = _RENEWAL_SECONDS) -> None:
        """:param renewal: seconds that an engine of version 3 is used at
        least, although a device does not answer it
        """
        self._renewal = renewal
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._engines: dict[SnmpUser | None, _Engine] = {}

    def get(
        self, agent: Agent, oids: Sequence[Oid], timeout: float
    ) -> Mapping[Oid, Value]:
        """Get single values; those that the agent lacks are left out.

        :param timeout: seconds for all of it
        :raises SnmpError: there was no usable answer
        """
        deadline = time.monotonic() + timeout
        agent = _resolved(agent)
        left = _left(deadline, timeout)
        return self._run(agent, self._get(agent, oids, left), left)

    def walk(
        self, agent: Agent, columns: Sequence[Oid], timeout: float
    ) -> Mapping[Oid, Mapping[Oid, Value]]:
        """Walk columns of a table side by side, in bulk.

        :param timeout: seconds for all of it
        :returns: for each column the values by the row's index
        :raises SnmpError: the walk could not be finished
        """
        deadline = time.monotonic() + timeout
        agent = _resolved(agent)
        left = _left(deadline, timeout)
        return self._run(agent, self._walk(agent, columns, left), left)

    def close(self) -> None:
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self._engines.clear()
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)

    # --- in the event loop ------------------------------------------------

    async def _get(
        self, agent: Agent, oids: Sequence[Oid], timeout: float
    ) -> dict[Oid, Value]:
        from pysnmp.hlapi.v3arch import asyncio as hlapi

        request = await self._request(agent, timeout)
        answer = await hlapi.get_cmd(
            *request, *map(_variable, oids), lookupMib=False
        )
        values = {}
        for oid, value in snmp_answers.checked(answer):
            if not snmp_answers.is_absent(value):
                values[oid] = snmp_answers.plain(value)
        return values

    async def _walk(
        self, agent: Agent, columns: Sequence[Oid], timeout: float
    ) -> dict[Oid, dict[Oid, Value]]:
        from pysnmp.hlapi.v3arch import asyncio as hlapi

        request = await self._request(agent, timeout)
        deadline = time.monotonic() + timeout
        found: dict[Oid, dict[Oid, Value]] = {each: {} for each in columns}
        # Where each column that has not ended goes on.
        places = {each: each for each in columns}
        while places:
            answer = await hlapi.bulk_cmd(
                *request,
                0,
                MAX_REPETITIONS,
                *map(_variable, places.values()),
                lookupMib=False,
            )
            places = snmp_answers.rows(
                snmp_answers.checked(answer), places, found
            )
            if places and time.monotonic() > deadline:
                raise SnmpError('the walk takes too long')
        return found

    async def _request(self, agent: Agent, timeout: float) -> Any:
        """Engine, credential, transport and context of a request."""
        from pysnmp.hlapi.v3arch import asyncio as hlapi

        # A lost datagram is sent once more. pysnmp never ends a request
        # that has less time than the steps of its timer.
        once = max(timeout * 0.45, _SHORTEST_SECONDS)
        transport = hlapi.UdpTransportTarget
        if ':' in agent.host:
            transport = hlapi.Udp6TransportTarget
        try:
            target = await transport.create(
                (agent.host, agent.port), timeout=once, retries=1
            )
        except Exception as error:  # noqa: BLE001 - its errors are many
            raise SnmpError(
                f'{agent.host} cannot be reached: {type(error).__name__}'
            ) from None
        return (
            self._engine(agent.credential),
            _authentication(agent.credential),
            target,
            hlapi.ContextData(),
        )

    def _engine(self, credential: Community | SnmpUser) -> Any:
        """An engine; users of one name with other keys need another."""
        from pysnmp.hlapi.v3arch import asyncio as hlapi

        key = credential if isinstance(credential, SnmpUser) else None
        now = time.monotonic()
        known = self._engines.get(key)
        if known is not None and not known.is_due(now, self._renewal):
            return known.engine
        retired = [known] if known is not None else []
        if known is None and len(self._engines) >= _MAX_ENGINES:
            retired = list(self._engines.values())
            self._engines.clear()
        for each in retired:
            # It holds a socket; what it was asked for may still go on.
            asyncio.get_running_loop().call_later(
                _RETIREMENT_SECONDS, each.engine.close_dispatcher
            )
        self._engines[key] = _Engine(hlapi.SnmpEngine(), now)
        return self._engines[key].engine

    # --- the loop's thread ------------------------------------------------

    def _run(
        self, agent: Agent, work: Coroutine[Any, Any, T], timeout: float
    ) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result(timeout)
        except SnmpError:
            self._suspect(agent)
            raise
        except (TimeoutError, concurrent.futures.CancelledError):
            # It is not cancelled: pysnmp would keep what it waits for. It
            # ends by itself soon.
            self._suspect(agent)
            raise SnmpError(f'no answer within {timeout:g} s') from None

    def _suspect(self, agent: Agent) -> None:
        """Its engine may know the device by an identity it has no more.

        So it is when another device has taken the address over.
        """
        if isinstance(agent.credential, SnmpUser):
            engine = self._engines.get(agent.credential)
            if engine is not None:
                engine.is_suspect = True

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name='snmp', daemon=True
                )
                self._thread.start()
            return self._loop


def _resolved(agent: Agent) -> Agent:
    """The agent by its address.

    It is looked up in the thread of its own poll: the event loop has a few
    threads for that, and slow names would keep all other agents waiting.

    :raises SnmpError: nobody knows the name
    """
    try:
        found = socket.getaddrinfo(
            agent.host, agent.port, type=socket.SOCK_DGRAM
        )
    except (OSError, ValueError, OverflowError) as error:
        raise SnmpError(
            f'{agent.host} cannot be reached: {type(error).__name__}'
        ) from None
    return dataclasses.replace(agent, host=str(found[0][4][0]))


def _left(deadline: float, timeout: float) -> float:
    """:raises SnmpError: the time is over"""
    left = deadline - time.monotonic()
    if left <= 0:
        raise SnmpError(f'its address was not found within {timeout:g} s')
    return left


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.close()


def _variable(oid: Oid) -> Any:
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    return hlapi.ObjectType(hlapi.ObjectIdentity(oid))


def _authentication(credential: Community | SnmpUser) -> Any:
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    if isinstance(credential, Community):
        # Version 2c; who wants version 3 names a user.
        return hlapi.CommunityData(credential.name, mpModel=1)  # noqa: S508
    auth = {
        'md5': hlapi.USM_AUTH_HMAC96_MD5,
        'sha': hlapi.USM_AUTH_HMAC96_SHA,
        'sha224': hlapi.USM_AUTH_HMAC128_SHA224,
        'sha256': hlapi.USM_AUTH_HMAC192_SHA256,
        'sha384': hlapi.USM_AUTH_HMAC256_SHA384,
        'sha512': hlapi.USM_AUTH_HMAC384_SHA512,
    }
    priv = {
        'des': hlapi.USM_PRIV_CBC56_DES,
        '3des': hlapi.USM_PRIV_CBC168_3DES,
        'aes': hlapi.USM_PRIV_CFB128_AES,
        'aes192': hlapi.USM_PRIV_CFB192_AES,
        'aes256': hlapi.USM_PRIV_CFB256_AES,
    }
    return hlapi.UsmUserData(
        credential.user,
        authKey=credential.auth_password or None,
        privKey=credential.priv_password or None,
        authProtocol=auth[credential.auth_protocol]
        if credential.auth_password
        else hlapi.USM_AUTH_NONE,
        privProtocol=priv[credential.priv_protocol]
        if credential.priv_password
        else hlapi.USM_PRIV_NONE,
    )
