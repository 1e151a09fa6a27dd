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

"""Fixtures that share real services among the tests of one process.

Each kind of service is started at its first use in a test process and
stopped when the process exits; every stestr worker has its own, so that
workers never wait for, or break, each other. Tests are kept apart by
what costs nothing: a unique key prefix in etcd, a unique tenant in Heat, a
unique project and user in Keystone. A test that kills or freezes a server
should rather start its own (``self.enterContext(EtcdServer(...))``); if it
does not, the next fixture brings the shared one back.
"""

from __future__ import annotations

import atexit
import base64
from collections.abc import Callable, Hashable, Sequence
import contextlib
import os
from pathlib import Path
import shutil
import tempfile
import threading
from typing import Any, TypeVar, cast
import uuid

import fixtures
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
import requests

from esi_worker.embedded import etcd as etcd_service
from esi_worker.embedded import heat as heat_service
from esi_worker.embedded import heat_config, processes
from esi_worker.embedded import keystone as keystone_service
from esi_worker.embedded import postgres as postgres_service

RUN_DIR_VARIABLE = 'ESI_EMBEDDED_RUN_DIR'
"""Where to keep the files and logs; a temporary folder if not set."""

Server = TypeVar('Server', bound=processes.ServiceProcess)


class _Shared:
    """The servers of this process; a forked child starts its own."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._servers: dict[Hashable, processes.ServiceProcess] = {}
        self._stack = contextlib.ExitStack()
        self._base = self._base_dir()
        atexit.register(self._close)

    def serves_this_process(self) -> bool:
        return self._owner == os.getpid()

    def get(self, key: Hashable, make: Callable[[Path], Server]) -> Server:
        """The running server of this key, made and started if need be."""
        if key not in self._servers:
            folder = self._base / str(len(self._servers))
            server = make(folder)
            self._stack.callback(server.close)
            self._servers[key] = server
        found = cast(Server, self._servers[key])
        found.resume()
        if found.pid is None:
            found.start()
        return found

    def _base_dir(self) -> Path:
        kept = os.environ.get(RUN_DIR_VARIABLE)
        if kept:
            return Path(kept) / str(os.getpid())
        folder = Path(tempfile.mkdtemp(prefix='esi-worker-'))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _close(self) -> None:
        if self.serves_this_process():
            self._stack.close()


_lock = threading.RLock()
_instance: _Shared | None = None


def _shared(key: Hashable, make: Callable[[Path], Server]) -> Server:
    global _instance
    with _lock:
        if _instance is None or not _instance.serves_this_process():
            _instance = _Shared()
        return _instance.get(key, make)


def unique(kind: str) -> str:
    """A name that no other test has."""
    return f'{kind}-{uuid.uuid4().hex}'


class EtcdFixture(fixtures.Fixture):
    """The shared etcd; with ``empty``, all its keys are deleted first.

    ``prefix`` is unique and ends with a slash.
    """

    def __init__(self, *, empty: bool = False) -> None:
        super().__init__()
        self._empty = empty

    def _setUp(self) -> None:  # noqa: N802
        self.server = _shared(
            'etcd',
            lambda folder: etcd_service.EtcdServer(
                folder, unsafe_no_fsync=True
            ),
        )
        self.endpoint = self.server.endpoint
        self.prefix = f'/{unique("test")}/'
        if self._empty:
            self.delete_everything()

    def delete_everything(self) -> None:
        """Delete every key of the shared etcd."""
        everything = base64.b64encode(b'\0').decode()
        with requests.Session() as session:
            session.trust_env = False
            session.post(
                f'{self.endpoint}/v3/kv/deleterange',
                timeout=60,
                json={'key': everything, 'range_end': everything},
            ).raise_for_status()


class PostgresFixture(fixtures.Fixture):
    """The shared PostgreSQL; ``url`` names a database of this test."""

    def _setUp(self) -> None:  # noqa: N802
        self.server = _postgres()
        database = unique('test')
        self.server.create_database(database)
        self.url = self.server.url(database)


class KeystoneFixture(fixtures.Fixture):
    """The shared Keystone, with a project and a user of this test."""

    def _setUp(self) -> None:  # noqa: N802
        self.server = _keystone()
        self.auth_url = self.server.auth_url
        self.project = unique('project')
        self.username = unique('user')
        self.password = uuid.uuid4().hex
        self.user_id = self.server.identity().user(
            self.username, self.password, project=self.project
        )

    def session(self) -> keystone_session.Session:
        """A session of the test's own user in its own project."""
        return self.server.session(self.username, self.password, self.project)


class HeatFixture(fixtures.Fixture):
    """A shared Heat without Keystone, with a tenant of this test.

    There is one Heat per set of arguments; ask for as few as possible.
    """

    def __init__(
        self,
        *,
        environment: heat_service.StandIns | None = 'plugin',
        plugin_dirs: Sequence[Path] = (),
        extra_options: heat_config.Options | None = None,
    ) -> None:
        super().__init__()
        self._arguments: dict[str, Any] = {
            'environment': environment,
            'plugin_dirs': tuple(plugin_dirs),
            'extra_options': extra_options or {},
        }

    def _setUp(self) -> None:  # noqa: N802
        self.server = _heat(None, self._arguments)
        self.addCleanup(self.server.faults.clear_all)
        self.tenant = unique('tenant')
        self.endpoint = f'{self.server.endpoint}/{self.tenant}'

    def session(self) -> keystone_session.Session:
        """A session for heatclient, in the test's own tenant."""
        return keystone_session.Session(
            auth=noauth.NoAuth(endpoint=self.endpoint)
        )


class HeatWithKeystoneFixture(fixtures.Fixture):
    """A shared Heat that checks tokens; ``keystone`` is its fixture."""

    def _setUp(self) -> None:  # noqa: N802
        self.keystone = self.useFixture(KeystoneFixture())
        self.server = _heat(self.keystone.server, {'environment': 'plugin'})
        self.addCleanup(self.server.faults.clear_all)

    def session(self) -> keystone_session.Session:
        """A session of the test's own user in its own project."""
        return self.keystone.session()


def _postgres() -> postgres_service.PostgresServer:
    return _shared('postgres', postgres_service.PostgresServer)


def _keystone() -> keystone_service.KeystoneServer:
    postgres = _postgres()
    return _shared(
        'keystone',
        lambda folder: keystone_service.KeystoneServer(folder, postgres),
    )


def _heat(
    keystone: keystone_service.KeystoneServer | None, arguments: dict[str, Any]
) -> heat_service.HeatServer:
    postgres = _postgres()
    key = ('heat', keystone is not None, repr(sorted(arguments.items())))

    def make(folder: Path) -> heat_service.HeatServer:
        return heat_service.HeatServer(
            folder,
            postgres,
            keystone=keystone,
            database=f'heat_{folder.name}',
            **arguments,
        )

    return _shared(key, make)
