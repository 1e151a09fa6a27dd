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

"""What the commands share.

A command that changes something asks first, unless ``--yes`` is given,
and leaves a record of what it does on the log channel
``esi_worker.audit``.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from cliff import command, lister, show

from esi_worker import exceptions, store
from esi_worker.admin.inventory import Inventory
from esi_worker.cli import audit
from esi_worker.model import codec
from esi_worker.model.codec import Json

if TYPE_CHECKING:
    from esi_worker.cli import app


class ListCommand(lister.Lister):
    """A command that prints a table."""

    app: app.ManageApp


class ShowCommand(show.ShowOne):
    """A command that prints the fields of one thing."""

    app: app.ManageApp


class PlainCommand(command.Command):
    """A command that prints lines of its own, or nothing."""

    app: app.ManageApp

    def say(self, line: str) -> None:
        """Print a line of the result."""
        self.app.stdout.write(f'{line}\n')


class ChangeCommand(PlainCommand):
    """A command that changes something."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--yes', '-y', action='store_true', help='do not ask'
        )
        return parser

    def confirm(self, parsed_args: argparse.Namespace, plan: str) -> None:
        """Ask whether to go on.

        :param plan: what is going to be done
        :raises NotConfirmed: the answer is not yes, or nobody answers
        """
        if parsed_args.yes:
            return
        self.app.stderr.write(f'{plan}\nGo on? [y/N] ')
        self.app.stderr.flush()
        answer = self.app.stdin.readline().strip().lower()
        if answer not in ('y', 'yes'):
            raise NotConfirmed

    def recorded(
        self, action: str, what: str
    ) -> contextlib.AbstractContextManager[None]:
        """Leave a record of a change: before it, and of its outcome."""
        return audit.recorded(action, what)


class NotConfirmed(exceptions.TerminalError):
    """Nothing was changed; answer y, or give --yes"""


def read_inventory(program: app.ManageApp) -> Inventory:
    """What lies in etcd at the moment."""
    return Inventory.read(program.store, program.keys, program.catalog.types)


def values(reader: store.Store, prefix: str) -> dict[str, store.KeyValue]:
    """All keys below a prefix, by what follows it."""
    snapshot = reader.range(prefix)
    return {kv.key[len(prefix) :]: kv for kv in snapshot.items}


def fields(kv: store.KeyValue | None) -> dict[str, Json]:
    """The JSON object in a key; what is none gives no fields."""
    value = _decoded(kv)
    return value if isinstance(value, dict) else {}


def items(kv: store.KeyValue | None) -> list[dict[str, Json]]:
    """The objects of the JSON list in a key; what is none is left out."""
    value = _decoded(kv)
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def _decoded(kv: store.KeyValue | None) -> Json:
    if kv is None:
        return None
    try:
        return codec.loads(kv.key, kv.value)
    except exceptions.DecodeError:
        return None
