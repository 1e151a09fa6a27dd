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

"""The service: ``esi-worker --role all|manager|worker``."""

from __future__ import annotations

from collections.abc import Sequence
import sys
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from esi_worker import exceptions, service, store, version

LOG = logging.getLogger(__name__)

_PROGRAM = 'esi-worker'

CLI_OPTS = [
    cfg.StrOpt(
        'role',
        default=service.Role.ALL.value,
        choices=[role.value for role in service.Role],
        help='What this host does: make jobs out of configs (manager), run '
        'them (worker), or both.',
    ),
]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service until a signal ends it.

    :returns: 0 after SIGTERM, 1 when it cannot work, 2 for a command
        line or a configuration that cannot be used
    """
    try:
        conf = _configured(sys.argv[1:] if argv is None else argv)
        role = service.Role(conf.role)
        service.check(conf, role)
        with store.open_store(conf) as target:
            store.wait_for_store(target, conf.etcd.startup_timeout)
    except (cfg.Error, exceptions.ConfigurationError) as error:
        return _fail(error, 2)
    except exceptions.StoreError as error:
        return _fail(error, 1)
    except SystemExit as error:
        # oslo.config has printed why; for a bad value it would end with 1.
        return 2 if error.code else 0
    LOG.info('esi-worker %s starts as %s', version.version(), conf.role)
    service.run(conf, role)
    return 0


def _configured(arguments: Sequence[str]) -> Any:
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    logging.set_defaults(
        default_log_levels=[
            *logging.get_default_log_levels(),
            'urllib3.connectionpool=WARN',
            'heatclient=WARN',
        ]
    )
    conf.register_cli_opts(CLI_OPTS)
    service.register_options(conf)
    conf(
        list(arguments),
        project='esi-worker',
        prog=_PROGRAM,
        version=version.version(),
        description='Turns desired states in etcd into work and runs it.',
    )
    logging.setup(conf, 'esi-worker')
    return conf


def _fail(error: Exception, code: int) -> int:
    print(f'{_PROGRAM}: {error}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
