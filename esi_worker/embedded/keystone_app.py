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

"""The Keystone process, served by waitress.

Run by :class:`esi_worker.embedded.keystone.KeystoneServer` as
``python -m esi_worker.embedded.keystone_app CONFIG_FILE PORT``, with the
admin's password in the environment. Like the Heat process it imports while
PostgreSQL starts, waits for its database, and opens the port last.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from keystone.cmd import bootstrap
from keystone.common.sql import upgrades
import keystone.conf
import keystone.server
from keystone.server.flask import application, core

from esi_worker.embedded import databases, serving

ADMIN = 'admin'
PASSWORD_VARIABLE = 'OS_BOOTSTRAP_PASSWORD'  # noqa: S105
REGION = 'RegionOne'
API_THREADS = 16


def main() -> None:
    config_file, port = sys.argv[1:]
    # Keystone parses the command line itself, and knows no such arguments.
    del sys.argv[1:]
    keystone.server.configure(config_files=[config_file])
    databases.wait_for(keystone.conf.CONF.database.connection)
    upgrades.offline_sync_database_to_version()
    _bootstrap(f'http://127.0.0.1:{port}/v3')
    serving.serve(_application(), int(port), threads=API_THREADS)


def _bootstrap(url: str) -> None:
    """Admin, roles, region and catalog; loads the backends on the way."""
    bootstrapper = bootstrap.Bootstrapper()
    bootstrapper.admin_username = ADMIN
    bootstrapper.admin_password = os.environ.pop(PASSWORD_VARIABLE)
    bootstrapper.project_name = ADMIN
    bootstrapper.admin_role_name = ADMIN
    bootstrapper.service_name = 'keystone'
    bootstrapper.region_id = REGION
    bootstrapper.public_url = url
    bootstrapper.internal_url = url
    bootstrapper.admin_url = url
    bootstrapper.bootstrap()


def _application() -> Any:
    """The public API, as keystone.server.flask.core makes it.

    Its own function would load the backends a second time, which fails.
    """
    return core.setup_app_middleware(application.application_factory('public'))


if __name__ == '__main__':
    main()
