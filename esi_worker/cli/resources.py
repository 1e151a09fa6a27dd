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

"""``esi-worker-manage resource ...``: desired and published states."""

from __future__ import annotations

import argparse
from typing import Any

from esi_worker import exceptions, store
from esi_worker.admin import rows
from esi_worker.admin.inventory import Inventory
from esi_worker.cli import base, naming
from esi_worker.model import TypeRegistry

COLUMNS = (
    'Path',
    'State',
    'Desired',
    'Accepted',
    'Published',
    'Worker state',
    'Stack',
    'Blocked',
)
_DELETED = ' (delete)'
CONDITIONS = tuple(condition.value for condition in rows.Condition)


class ResourceList(base.ListCommand):
    """List the resources with the versions they have reached.

    Desired is what was asked for, accepted what was made into jobs,
    published what was reported back.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('--type', help='only of this type')
        parser.add_argument(
            '--state', choices=CONDITIONS, help='only in this state'
        )
        parser.add_argument(
            '--blocked', action='store_true', help='only blocked ones'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        inventory = base.read_inventory(self.app)
        return COLUMNS, [
            _columns(row)
            for row in inventory.resources()
            if _is_wanted(parsed_args, inventory, row)
        ]


def _is_wanted(
    wanted: argparse.Namespace, inventory: Inventory, row: rows.ResourceRow
) -> bool:
    return (
        wanted.type in (None, inventory.type_of(row.path))
        and wanted.state in (None, row.condition.value)
        and not (wanted.blocked and not row.blocked)
    )


def _columns(row: rows.ResourceRow) -> tuple[Any, ...]:
    desired = '' if row.desired is None else f'{row.desired}'
    if row.desired == rows.UNREADABLE:
        desired = '?'
    return (
        row.path,
        row.condition.value,
        f'{desired}{_DELETED}' if row.marked else desired,
        '' if row.accepted is None else f'{row.accepted}',
        '' if row.published is None else row.published,
        row.worker_state,
        row.stack_status,
        row.blocked,
    )


class ResourceShow(base.ShowCommand):
    """Show what is known of one resource."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        naming.add_argument(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        keys, types = self.app.keys, self.app.catalog.types
        path = naming.path_of(naming.words_of(parsed_args), keys, types)
        row, found = _read(self.app.store, keys, path)
        row.jobs = len(jobs_of(self.app.store, keys, types, path))
        lines = base.items(found.get(keys.history(path)))
        more = {
            'Error': row.error,
            'Stack id': row.stack,
            'Stack reason': row.stack_reason,
            'Blocked since': row.blocked_since,
            'Blocked by': '\n'.join(row.waits_for),
            'History': '\n'.join(
                ' '.join(f'{name}={value}' for name, value in line.items())
                for line in lines
            ),
        }
        return (*COLUMNS, *more), (*_columns(row), *more.values())


def _read(
    reader: store.Store, keys: store.KeyLayout, path: str
) -> tuple[rows.ResourceRow, dict[str, store.KeyValue]]:
    """The row of one resource, and the keys that were found of it.

    :raises TerminalError: there are none
    """
    takers = {
        keys.config(path): rows.take_desired,
        keys.state(path): rows.take_published,
        keys.accepted(path): rows.take_accepted,
        keys.heat_stack(path): rows.take_stack,
        keys.blocked(path): rows.take_blocked,
    }
    found = reader.get_many([*takers, keys.history(path)])
    if not found:
        raise exceptions.TerminalError(
            f'nothing is known of {path}; "resource list" names the paths '
            'there are'
        )
    row = rows.ResourceRow(path)
    for key, take in takers.items():
        take(row, found.get(key))
    return row, found


def jobs_of(
    reader: store.Store,
    keys: store.KeyLayout,
    types: TypeRegistry,
    path: str,
) -> list[rows.JobRow]:
    """The unfinished jobs of a resource."""
    place = types.locate(path)
    name = '' if place is None else f'{place[0].name}:{place[1]}'
    prefix = keys.job('')
    found = []
    for kv in reader.range(prefix).items:
        job = rows.JobRow(kv.key[len(prefix) :])
        rows.take_job(job, kv)
        if job.resource == name:
            found.append(job)
    return found


HISTORY = ('Time', 'Job', 'Action', 'Handler', 'Version', 'Error')


class ResourceHistory(base.ListCommand):
    """List the latest ends of jobs of one resource, oldest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        naming.add_argument(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        keys = self.app.keys
        path = naming.path_of(
            naming.words_of(parsed_args), keys, self.app.catalog.types
        )
        kv = self.app.store.get(keys.history(path))
        return HISTORY, [
            tuple(line.get(name.lower(), '') for name in HISTORY)
            for line in base.items(kv)
        ]
