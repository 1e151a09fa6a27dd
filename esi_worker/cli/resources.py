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

"""``esi-worker-manage resource ...``: desired and published states.

A resource is named by its path, such as ``v2.0/ports/<id>``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
import dataclasses
from typing import Any

from esi_worker import exceptions, store
from esi_worker.cli import base
from esi_worker.model import PublishedState

COLUMNS = (
    'Path',
    'Desired',
    'Accepted',
    'Published',
    'Worker state',
    'Stack',
    'Blocked',
)
_DELETED = ' (delete)'


class ResourceList(base.ListCommand):
    """List the resources with the versions they have reached.

    Desired is what was asked for, accepted what was made into jobs,
    published what was reported back.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        places = _places(self.app.keys)
        found = {
            name: base.values(self.app.store, prefix)
            for name, prefix in places.items()
        }
        paths = sorted({path for kvs in found.values() for path in kvs})
        return COLUMNS, [
            _Row(
                path, {name: kvs.get(path) for name, kvs in found.items()}
            ).columns()
            for path in paths
        ]


class ResourceShow(base.ShowCommand):
    """Show what is known of one resource."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('path', help='such as v2.0/ports/<id>')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        keys, reader = self.app.keys, self.app.store
        path = keys.config_path(parsed_args.path) or parsed_args.path
        path = path.strip('/')
        places = _places(keys)
        found = reader.get_many([prefix + path for prefix in places.values()])
        row = _Row(
            path,
            {
                name: found.get(prefix + path)
                for name, prefix in places.items()
            },
        )
        if not found:
            raise exceptions.TerminalError(
                f'nothing is known of {path}; "resource list" names the '
                'paths there are'
            )
        names = (*COLUMNS, *_DETAILS)
        return names, (*row.columns(), *row.details())


_DETAILS = ('Error', 'Stack id', 'Stack reason', 'Blocked by', 'History')


def _places(keys: store.KeyLayout) -> dict[str, str]:
    return {
        'desired': keys.config(''),
        'accepted': keys.accepted(''),
        'published': keys.state(''),
        'stack': keys.heat_stack(''),
        'blocked': keys.blocked(''),
        'history': keys.history(''),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    """The records of one resource, by place."""

    path: str
    records: Mapping[str, store.KeyValue | None]

    def columns(self) -> tuple[Any, ...]:
        published = self._fields('published')
        return (
            self.path,
            self._version('desired', 'marked_for_deletion'),
            self._version('accepted', 'deleted'),
            published.get('version', ''),
            self._worker_state(),
            self._fields('stack').get('stack_status', ''),
            self._fields('blocked').get('reason', ''),
        )

    def details(self) -> tuple[Any, ...]:
        stack = self._fields('stack')
        waits_for = self._fields('blocked').get('waits_for', ())
        return (
            self._fields('published').get('error', ''),
            stack.get('stack_id', ''),
            stack.get('status_reason', ''),
            '\n'.join(str(ref) for ref in waits_for),
            '\n'.join(self._history()),
        )

    def _worker_state(self) -> Any:
        kv = self.records['published']
        if kv is None:
            return ''
        try:
            state = PublishedState.decode(kv.key, kv.value).state
        except exceptions.DecodeError:
            return ''
        return state.get('worker_state', '')

    def _fields(self, name: str) -> dict[str, Any]:
        return base.fields(self.records[name])

    def _version(self, name: str, mark: str) -> str:
        record = self._fields(name)
        version = record.get('version', '')
        return f'{version}{_DELETED}' if record.get(mark) else f'{version}'

    def _history(self) -> list[str]:
        return [
            ' '.join(f'{name}={value}' for name, value in line.items())
            for line in base.items(self.records['history'])
        ]
