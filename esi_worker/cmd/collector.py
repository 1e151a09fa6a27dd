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

"""Console script ``esi-collector``: polls targets, publishes statuses."""

from __future__ import annotations

from collections.abc import Sequence
import signal
import sys
import threading
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import exceptions, version
from esi_worker.admin import reports
from esi_worker.collector import service

LOG = logging.getLogger(__name__)

_PROGRAM = 'esi-collector'


def main(argv: Sequence[str] | None = None) -> int:
    """Run a collector until a signal ends it.

    One line on standard output tells the URL it listens on; the log
    goes to standard error, unless it is configured otherwise.

    :returns: 0 after SIGTERM or SIGINT, 1 when it cannot work, 2 for a
        command line or a configuration that cannot be used
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        conf = _configured(sys.argv[1:] if argv is None else argv)
        reports.set_up(conf, _PROGRAM)
        return _run(conf, stop)
    except (cfg.Error, exceptions.ConfigurationError) as error:
        return _fail(str(error), 2)
    except exceptions.StoreError as error:
        return 0 if stop.is_set() else _fail(str(error), 1)


def _configured(arguments: Sequence[str]) -> Any:
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    reports.register(conf)
    # Without any choice oslo.log would write to standard output.
    conf.set_default('use_stderr', True)
    conf(
        list(arguments),
        project='esi-worker',
        prog=_PROGRAM,
        version=version.version(),
        description='Polls monitoring targets and publishes their status.',
    )
    logging.setup(conf, 'esi-worker')
    return conf


def _run(conf: Any, stop: threading.Event) -> int:
    collector = service.CollectorService(conf, clocks.SystemClock())
    try:
        collector.start(stop)
        print(f'{_PROGRAM} listens on {collector.url}', flush=True)
        collector.run(stop)
    finally:
        collector.close()
    LOG.info('Collector stopped')
    return 0


def _fail(message: str, code: int) -> int:
    print(f'{_PROGRAM}: {message}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main())
