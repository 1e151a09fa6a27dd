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

"""``resource apply`` and ``resource delete``: changes of desired states.

For sites without a REST server. Where there is one, it owns ``/config``
and the resources in its database; what is applied here is unknown to it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from esi_worker.cli import base, documents, naming, progress, writing
from esi_worker.cli.writing import Kind

_TIMEOUT = 3600.0


class _Waiting(base.ChangeCommand):
    """A change whose effect may be waited for."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--wait',
            action='store_true',
            help='wait until it has taken effect and tell how far it is; '
            'also ends when something stays blocked',
        )
        parser.add_argument(
            '--timeout',
            type=float,
            default=_TIMEOUT,
            metavar='SECONDS',
            help='how long to wait at most (default: %(default)g)',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='only say what would be done',
        )
        return parser

    def make(
        self,
        parsed_args: argparse.Namespace,
        changes: Sequence[writing.Change],
    ) -> None:
        """Ask, write, record, and wait if that is wanted."""
        plan = [str(change) for change in changes]
        todo = [each for each in changes if each.kind is not Kind.UNCHANGED]
        if parsed_args.dry_run or not todo:
            for line in plan:
                self.say(line)
        else:
            self.confirm(parsed_args, '\n'.join(plan))
        if parsed_args.dry_run:
            return
        for change in todo:
            what = f'{change.path} version {change.version}'
            with self.recorded(f'resource {change.kind.value}', what):
                writing.write(self.app.store, self.app.keys, change)
            self.say(f'{change.kind.value}d {change.path}')
        if parsed_args.wait:
            self._wait(changes, parsed_args.timeout)

    def _wait(self, changes: Sequence[writing.Change], timeout: float) -> None:
        types = self.app.catalog.types
        goals = [
            progress.Goal(
                change.path,
                None if change.kind is Kind.DELETE else change.version,
                types.name_of(change.path),
            )
            for change in changes
        ]
        progress.Progress(self.app.store, self.app.keys, self.tell).wait(
            goals, timeout
        )

    def tell(self, line: str) -> None:
        """Show progress, apart from the result."""
        self.app.stderr.write(f'{line}\n')
        self.app.stderr.flush()


class ResourceApply(_Waiting):
    """Write desired states from files, as a REST server would.

    A file holds one or several resources in YAML or JSON, each with
    "type", "id" and "body". What is the same already is left alone; else
    the version goes up by one. The body replaces the former one as a
    whole.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '-f',
            '--filename',
            action='append',
            nargs='+',
            required=True,
            metavar='FILE',
            help='file with resources; - for the standard input, which '
            'then needs --yes',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        files = [name for group in parsed_args.filename for name in group]
        found = documents.read(files, self.app.catalog.types)
        self.make(
            parsed_args,
            writing.plan(self.app.store, self.app.keys, found),
        )


class ResourceDelete(_Waiting):
    """Take desired states away; their stacks are deleted.

    A deletion waits for resources that still refer to what is deleted.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        naming.add_several(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        paths = naming.paths_of(
            parsed_args.resource, self.app.keys, self.app.catalog.types
        )
        self.make(
            parsed_args,
            writing.plan_deletion(self.app.store, self.app.keys, paths),
        )
