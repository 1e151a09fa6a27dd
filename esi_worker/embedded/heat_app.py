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

"""The Heat process: API and engine together, in threads.

Run by :class:`esi_worker.embedded.heat.HeatServer` as
``python -m esi_worker.embedded.heat_app CONFIG_FILE PORT``. The modules of
Heat are imported while PostgreSQL still starts; then the process waits for
its database, brings the schema up to date, starts the engine and at last
opens the port, so that an open port means a working engine. SIGTERM ends it
at once, whatever its stacks are doing.
"""

from __future__ import annotations

import sys
from typing import Any

# Before any import of Heat, which would otherwise choose eventlet.
from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)

# ruff: noqa: E402
from heat.common import config, messaging
from heat.db import migration
from heat.engine import service, template
from heat.rpc import api as rpc_api
from oslo_config import cfg
import oslo_i18n
from oslo_log import log

from esi_worker.embedded import databases, serving

CONF = cfg.CONF
API_THREADS = 32


def main() -> None:
    config_file, port = sys.argv[1:]
    _configure(config_file)
    engine = _engine()
    application: Any = config.load_paste_app('heat-api')
    databases.wait_for(CONF.database.connection)
    migration.db_sync()
    engine.start()
    serving.serve(application, int(port), threads=API_THREADS)


def _configure(config_file: str) -> None:
    oslo_i18n.enable_lazy()
    log.register_options(CONF)
    CONF(
        [],
        project='heat',
        prog='heat-api',
        default_config_files=[config_file],
        default_config_dirs=[],
    )
    log.setup(CONF, CONF.prog)
    config.set_config_defaults()
    config.startup_sanity_check()
    messaging.setup()


def _engine() -> service.EngineService:
    """Make the engine, which loads all plug-ins but needs no database."""
    template._get_template_extension_manager()
    return service.EngineService(CONF.host, rpc_api.ENGINE_TOPIC)


if __name__ == '__main__':
    main()
