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

"""A real Keystone with an admin, a region, and all that Heat needs.

Tests and demos create their own projects and users through ``identity()``.
Passwords are random and kept in the run directory. Token keys are made
here, because Keystone's own tool takes seconds for two random files.
"""

from __future__ import annotations

import base64
from pathlib import Path
import secrets

from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3
import requests

from esi_worker.embedded import (
    heat_config,
    identity,
    packages,
    ports,
    processes,
    spawning,
)
from esi_worker.embedded import postgres as postgres_service

DATABASE = 'keystone'
FERNET_KEY_BYTES = 32


class KeystoneServer(processes.ServiceProcess):
    """One Keystone, version 3 of the API."""

    name = 'keystone'
    admin_user = 'admin'
    admin_project = 'admin'
    region = 'RegionOne'
    heat_user = 'heat'
    service_project = 'service'

    def __init__(
        self, run_dir: Path, postgres: postgres_service.PostgresServer
    ) -> None:
        packages.require('keystone', 'waitress', 'psycopg2')
        super().__init__(run_dir)
        self._postgres = postgres
        self.admin_password = self._kept_secret('admin_password')
        self.heat_password = self._kept_secret('heat_password')

    @property
    def auth_url(self) -> str:
        return f'http://{ports.LOOPBACK}:{self.port}/v3'

    def session(
        self, username: str, password: str, project: str
    ) -> keystone_session.Session:
        """A session of a user of the default domain, scoped to a project."""
        return keystone_session.Session(
            auth=v3.Password(
                auth_url=self.auth_url,
                username=username,
                password=password,
                user_domain_id=identity.DOMAIN,
                project_name=project,
                project_domain_id=identity.DOMAIN,
            )
        )

    def admin_session(self) -> keystone_session.Session:
        return self.session(
            self.admin_user, self.admin_password, self.admin_project
        )

    def identity(self) -> identity.Identity:
        """Creates projects, users, roles and catalog entries as admin."""
        return identity.Identity(
            self.admin_session(), self.auth_url, self.region
        )

    def register_heat(self, url: str) -> None:
        """Make Heat's service user, its role and its catalog entry."""
        as_admin = self.identity()
        as_admin.user(
            self.heat_user,
            self.heat_password,
            project=self.service_project,
            roles=('admin', 'service'),
        )
        as_admin.role('heat_stack_user')
        as_admin.service('orchestration', 'heat', url)

    def wait_ready(self) -> None:
        """Make the database, then wait until Keystone answers."""
        try:
            self._postgres.create_database(DATABASE)
        except BaseException:
            self.kill()
            raise
        super().wait_ready()

    def _spec(self) -> spawning.Spec:
        config = self.directory / 'keystone.conf'
        self._make_token_keys()
        self._write_private(config, heat_config.rendered(self._options()))
        return spawning.python_module(
            'esi_worker.embedded.keystone_app',
            str(config),
            str(self.port),
            cwd=self.directory,
            log=self.log_path,
            env={'OS_BOOTSTRAP_PASSWORD': self.admin_password},
        )

    def _options(self) -> heat_config.Options:
        keys = str(self._key_folder())
        return {
            'DEFAULT': {'use_stderr': 'true'},
            'database': {
                'connection': self._postgres.url(DATABASE),
                'max_pool_size': '20',
                'max_overflow': '32',
            },
            'cache': {'enabled': 'true', 'backend': 'dogpile.cache.memory'},
            'fernet_tokens': {'key_repository': keys},
            'fernet_receipts': {'key_repository': keys},
            # The least that bcrypt allows: these users guard nothing.
            'identity': {'password_hash_rounds': '4'},
        }

    def _key_folder(self) -> Path:
        return self.directory / 'fernet-keys'

    def _make_token_keys(self) -> None:
        """Key 1 signs; key 0 is the one that a rotation would use next."""
        folder = self._key_folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in ('0', '1'):
            if not (folder / name).exists():
                key = secrets.token_bytes(FERNET_KEY_BYTES)
                self._write_private(
                    folder / name, base64.urlsafe_b64encode(key).decode()
                )

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.auth_url, timeout=10).ok
