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

"""A real Heat: API and engine in one child process.

Promises: the same endpoint over restarts, a working engine once ``start``
returns, and stand-ins for the resource types of a network controller that
Heat does not know. It leaves the database server and Keystone to their own
classes; ``launch`` may come before they answer, ``wait_ready`` may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import http
from pathlib import Path
from typing import Literal

import requests

from esi_worker.embedded import (
    faults,
    heat_config,
    packages,
    ports,
    processes,
    spawning,
)
from esi_worker.embedded import keystone as keystone_service
from esi_worker.embedded import postgres as postgres_service

StandIns = Literal['nested', 'plugin']


class HeatServer(processes.ServiceProcess):
    """One Heat; the caller appends the tenant to ``endpoint``."""

    name = 'heat'

    def __init__(
        self,
        run_dir: Path,
        postgres: postgres_service.PostgresServer,
        *,
        keystone: keystone_service.KeystoneServer | None = None,
        plugin_dirs: Sequence[Path] = (),
        environment: StandIns | None = 'plugin',
        database: str = 'heat',
        extra_options: heat_config.Options | None = None,
    ) -> None:
        packages.require('heat', 'waitress', 'psycopg2')
        super().__init__(run_dir)
        self.faults = faults.Faults(self.directory / 'faults')
        self._postgres = postgres
        self._keystone = keystone
        self._plugin_dirs = tuple(plugin_dirs)
        self._environment = environment
        self._database = database
        self._extra_options: heat_config.Options = extra_options or {}

    @property
    def endpoint(self) -> str:
        """The URL to which a client appends ``/<tenant>``."""
        return f'http://{ports.LOOPBACK}:{self.port}/v1'

    @property
    def catalog_url(self) -> str:
        """The URL as the service catalog has it."""
        return f'{self.endpoint}/$(tenant_id)s'

    @property
    def config_file(self) -> Path:
        return self.directory / 'heat.conf'

    def wait_ready(self) -> None:
        """Prepare database and catalog, then wait until Heat answers."""
        try:
            self._postgres.create_database(self._database)
            if self._keystone is not None:
                self._keystone.register_heat(self.catalog_url)
        except BaseException:
            self.kill()
            raise
        super().wait_ready()

    def _spec(self) -> spawning.Spec:
        self._write_environment()
        self._write_private(
            self.directory / 'api-paste.ini', heat_config.PASTE
        )
        self._write_private(
            self.config_file, heat_config.rendered(self._options())
        )
        return spawning.python_module(
            'esi_worker.embedded.heat_app',
            str(self.config_file),
            str(self.port),
            cwd=self.directory,
            log=self.log_path,
            env={faults.FOLDER_VARIABLE: str(self.faults.folder)},
        )

    def _options(self) -> Mapping[str, Mapping[str, str]]:
        return heat_config.merged(
            heat_config.base_options(
                endpoint=self.endpoint,
                database_url=self._postgres.url(self._database),
                directory=self.directory,
                # Kept, because the database holds values encrypted with it.
                encryption_key=self._kept_secret('encryption_key'),
                plugin_dirs=self._all_plugin_dirs(),
            ),
            self._authentication(),
            self._extra_options,
        )

    def _authentication(self) -> heat_config.Options:
        if self._keystone is None:
            return heat_config.noauth_options()
        return heat_config.keystone_options(
            auth_url=self._keystone.auth_url,
            username=self._keystone.heat_user,
            password=self._keystone.heat_password,
            project=self._keystone.service_project,
            region=self._keystone.region,
        )

    def _all_plugin_dirs(self) -> list[Path]:
        ours = (
            [heat_config.CONTRAIL / 'plugin']
            if self._environment == 'plugin'
            else []
        )
        return [*ours, *self._plugin_dirs]

    def _write_environment(self) -> None:
        (self.directory / 'templates').mkdir(exist_ok=True)
        folder = self.directory / 'environment.d'
        folder.mkdir(exist_ok=True)
        nested = folder / 'contrail.yaml'
        if self._environment == 'nested':
            nested.write_text(heat_config.nested_environment())
        else:
            nested.unlink(missing_ok=True)

    def _answers(self) -> bool:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(self.endpoint.removesuffix('v1'), timeout=10)
        return answer.status_code == http.HTTPStatus.MULTIPLE_CHOICES
