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

"""``worker ...`` and ``manager show``: who is alive."""

from __future__ import annotations

import argparse
import time
from typing import Any

from esi_worker import exceptions, store
from esi_worker.admin import rows
from esi_worker.cli import base
from esi_worker.model import WorkerRecord

COLUMNS = (
    'ID',
    'Handlers',
    'Slots',
    'Free',
    'Starting',
    'Jobs',
    'Draining',
    'Host',
    'PID',
    'Version',
)
_INTERVAL = 0.5
_TIMEOUT = 600.0


class WorkerList(base.ListCommand):
    """List the live worker processes.

    Jobs are the claims that a worker holds, Free its free slots. A worker
    that is being drained offers no handlers.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        keys, reader = self.app.keys, self.app.store
        workers = base.values(reader, keys.worker(''))
        draining = base.values(reader, keys.draining(''))
        claims = base.values(reader, keys.working(''))
        held = [kv.lease for kv in claims.values()]
        return COLUMNS, [
            _columns(
                worker_id, kv, held.count(kv.lease), worker_id in draining
            )
            for worker_id, kv in sorted(workers.items())
        ]


def _columns(
    worker_id: str, kv: store.KeyValue, jobs: int, draining: bool
) -> tuple[Any, ...]:
    about = rows.fields(kv)
    where = tuple(about.get(name, '') for name in ('host', 'pid', 'version'))
    try:
        worker = WorkerRecord.decode(kv.key, kv.value)
    except exceptions.DecodeError as error:
        shown = (f'cannot be read: {error.reason}', '', '', '')
        return (worker_id, *shown, jobs, draining, *where)
    return (
        worker_id,
        ' '.join(worker.handlers),
        worker.slots,
        worker.free,
        len(worker.starting),
        jobs,
        draining,
        *where,
    )


class WorkerDrain(base.ChangeCommand):
    """Let a worker take no more jobs and give back what it holds.

    Calls of handlers that are running end first; jobs that go on in their
    backend are taken over by other workers. The process keeps running and
    can then be stopped without any delay. Draining ends with the process,
    or with --undo.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('worker', help='its id, or the first part of it')
        parser.add_argument(
            '--undo', action='store_true', help='let it take jobs again'
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='wait until it holds no job any more',
        )
        parser.add_argument(
            '--timeout',
            type=float,
            default=_TIMEOUT,
            metavar='SECONDS',
            help='how long to wait at most (default: %(default)g)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        worker_id, kv = self._find(parsed_args.worker)
        word = 'undrain' if parsed_args.undo else 'drain'
        others = len(base.values(self.app.store, self.app.keys.worker('')))
        plan = f'{word} worker {worker_id}'
        if others == 1 and not parsed_args.undo:
            plan += '\nit is the only one: no jobs will be run'
        self.confirm(parsed_args, plan)
        key = self.app.keys.draining(worker_id)
        with self.recorded(f'worker {word}', worker_id):
            if parsed_args.undo:
                self.app.store.delete(key)
            else:
                # The mark is to vanish with the worker.
                self.app.store.put(key, '', lease=kv.lease)
        if parsed_args.wait and not parsed_args.undo:
            self._wait(kv.lease, parsed_args.timeout)
        self.say(f'{word}ed {worker_id}')

    def _find(self, name: str) -> tuple[str, store.KeyValue]:
        workers = base.values(self.app.store, self.app.keys.worker(''))
        found = [each for each in workers if each.startswith(name)]
        if name in workers:
            found = [name]
        if len(found) != 1:
            problem = 'several workers' if found else 'no live worker'
            raise exceptions.TerminalError(
                f'"{name}" names {problem}; "worker list" shows the ids'
            )
        return found[0], workers[found[0]]

    def _wait(self, lease: int, timeout: float) -> None:
        end = time.monotonic() + timeout
        told = -1
        while left := self._claims(lease):
            if left != told:
                self.app.stderr.write(f'{left} jobs are left\n')
                told = left
            if time.monotonic() > end:
                raise exceptions.TerminalError(
                    f'it still holds {left} jobs after {timeout:g} s'
                )
            time.sleep(_INTERVAL)

    def _claims(self, lease: int) -> int:
        claims = base.values(self.app.store, self.app.keys.working(''))
        return sum(kv.lease == lease for kv in claims.values())


class ManagerShow(base.ShowCommand):
    """Show the elected manager, those that stand by, and the queue."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        inventory = base.read_inventory(self.app)
        managers = base.values(self.app.store, self.app.keys.manager(''))
        elected = inventory.leader
        about = rows.fields(managers.get(elected))
        jobs = inventory.jobs()
        resources = inventory.resources()
        shown: dict[str, Any] = {
            'Elected': elected or 'nobody',
            'Host': about.get('host', ''),
            'PID': about.get('pid', ''),
            'Version': about.get('version', ''),
            'Since': about.get('since', ''),
            'Standing by': '\n'.join(
                _where(identity, kv)
                for identity, kv in sorted(managers.items())
                if identity != elected
            ),
            'Workers': len(inventory.workers()),
        }
        for state in rows.JobState:
            if state is not rows.JobState.UNKNOWN:
                shown[f'Jobs {state.value}'] = sum(
                    job.state is state for job in jobs
                )
        for condition in rows.Condition:
            shown[f'Resources {condition.value}'] = sum(
                row.condition is condition for row in resources
            )
        return tuple(shown), tuple(shown.values())


def _where(identity: str, kv: store.KeyValue) -> str:
    about = rows.fields(kv)
    return (
        f'{identity} on {about.get("host", "?")}, '
        f'process {about.get("pid", "?")}, version {about.get("version", "?")}'
    )
