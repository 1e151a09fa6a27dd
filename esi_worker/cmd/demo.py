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

"""``esi-worker-demo``: the main job on real services."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
import signal
import sys
import textwrap
import time

from esi_worker import exceptions, version
from esi_worker.demo import load_balancer, port, scenario
from esi_worker.embedded import errors

_PROGRAM = 'esi-worker-demo'

SCENARIOS: Mapping[str, type[scenario.Scenario]] = {
    'port': port.PortScenario,
    'load-balancer': load_balancer.LoadBalancerScenario,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo.

    :returns: 0 when everything was seen and is right, 1 when not
    """
    arguments = _parser().parse_args(argv)
    # Whatever ends us, the services are stopped. A shell starts jobs in
    # the background with SIGINT ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    run_dir = (arguments.run_dir or _default_run_dir()).absolute()
    run_dir.mkdir(parents=True, exist_ok=True)
    chosen = SCENARIOS[arguments.scenario]
    demo = chosen(run_dir, _show, keep=arguments.keep)
    try:
        demo.run()
    except (exceptions.EsiWorkerError, errors.EmbeddedError) as error:
        print(f'{_PROGRAM}: {error}', file=sys.stderr)
        print(f'{_PROGRAM}: logs are in {run_dir}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'\n{_PROGRAM}: stopped', file=sys.stderr)
        return 0 if arguments.keep else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description='Starts etcd, PostgreSQL, Heat, a collector and '
        'esi-worker,\nplays a scenario, and shows what happens in etcd.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='\n'.join(
            ['scenarios:']
            + [
                textwrap.fill(
                    f'{name:<14}  {each.summary}',
                    initial_indent='  ',
                    subsequent_indent=' ' * 18,
                )
                for name, each in SCENARIOS.items()
            ]
        ),
    )
    parser.add_argument(
        '--scenario',
        choices=SCENARIOS,
        default='port',
        help='what is played (default: %(default)s)',
    )
    parser.add_argument(
        '--version', action='version', version=version.version()
    )
    parser.add_argument(
        '--keep',
        action='store_true',
        help='leave the services running until Ctrl-C, and print how to '
        'reach them',
    )
    parser.add_argument(
        '--run-dir',
        type=Path,
        help='folder for data, logs and the report (default: a new one '
        'under .run)',
    )
    return parser


def _default_run_dir() -> Path:
    return Path('.run') / time.strftime('demo-%Y%m%d-%H%M%S')


def _show(line: str) -> None:
    print(line, flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == '__main__':
    sys.exit(main())
