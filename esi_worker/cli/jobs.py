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

"""``esi-worker-manage job ...``: the queue as it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from esi_worker import exceptions
from esi_worker.admin import graph, rows
from esi_worker.admin.inventory import Inventory
from esi_worker.cli import base, naming

BLOCKED = 'blocked'
STATES = tuple(state.value for state in rows.JobState)
COLUMNS = (
    'ID',
    'Status',
    'Handler',
    'Action',
    'Resource',
    'Version',
    'Attempt',
    'Waits for',
    'Reason',
)


class JobList(base.ListCommand):
    """List the unfinished jobs.

    Reason tells why a job is stuck, that is cannot go on without
    somebody's help, or since when and why it is tried again. With
    --blocked the resources are listed for which no job can be made yet,
    with the reason.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--state',
            '--status',
            choices=STATES,
            help='only jobs in this state',
        )
        parser.add_argument('--type', help='only of this resource type')
        parser.add_argument(
            '--stuck', action='store_true', help='only what is stuck'
        )
        parser.add_argument(
            '--blocked',
            action='store_true',
            help='list blocked resources instead of jobs',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        inventory = base.read_inventory(self.app)
        if parsed_args.blocked:
            found = list(_blocked(inventory, parsed_args.type))
        else:
            found = list(_jobs(inventory, parsed_args))
        return COLUMNS, found


def _jobs(
    inventory: Inventory, wanted: argparse.Namespace
) -> Iterator[tuple[Any, ...]]:
    nodes = {node.id: node for node in graph.build(inventory).nodes}
    for job in inventory.jobs():
        if wanted.state not in (None, job.state.value):
            continue
        if wanted.type not in (None, job.type):
            continue
        node = nodes[job.id]
        if wanted.stuck and not node.stuck:
            continue
        yield _columns(job, node)


def _columns(job: rows.JobRow, node: graph.Node) -> tuple[Any, ...]:
    return (
        job.id,
        job.state.value,
        job.handler,
        job.action,
        job.resource,
        job.version or '',
        job.attempt,
        len(job.dependency),
        node.stuck or node.reason,
    )


def _blocked(
    inventory: Inventory, wanted: str | None
) -> Iterator[tuple[Any, ...]]:
    for row in inventory.resources():
        name = inventory.name_of(row.path)
        if row.blocked and wanted in (None, inventory.type_of(row.path)):
            yield (
                '',
                BLOCKED,
                '',
                '',
                name,
                row.desired or '',
                '',
                len(row.waits_for),
                row.blocked,
            )


class JobShow(base.ShowCommand):
    """Show one unfinished job, and what it waits for."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('job', help='the id of the job')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        inventory = base.read_inventory(self.app)
        job = find(inventory, parsed_args.job)
        whole = graph.build(inventory)
        (node,) = (each for each in whole.nodes if each.id == job.id)
        edges = whole.edges
        *shown, _waits, reason = _columns(job, node)
        more = {
            'On failure': job.on_failure,
            'First': job.is_first,
            'Last': job.is_last,
            'Refers to': '\n'.join(sorted(job.refs)),
            'Waits for': '\n'.join(
                f'{edge.target} ({edge.reason})'
                for edge in edges
                if edge.source == job.id
            ),
            'Waited for by': '\n'.join(
                edge.source for edge in edges if edge.target == job.id
            ),
            'Reason': reason,
        }
        return (*COLUMNS[:7], *more), (*shown, *more.values())


def find(inventory: Inventory, job_id: str) -> rows.JobRow:
    """An unfinished job.

    :raises TerminalError: there is none of this id
    """
    for job in inventory.jobs():
        if job.id == job_id:
            return job
    raise exceptions.TerminalError(
        f'{job_id} is no unfinished job; "job list" names those there are, '
        '"resource history" tells of the finished ones'
    )


class JobGraph(base.PlainCommand):
    """Draw who waits for whom, and why.

    As text, what a job waits for stands below it. For a picture:
    esi-worker-manage job graph --format dot | dot -Tsvg > jobs.svg
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--format',
            choices=('text', 'dot'),
            default='text',
            help='text (default), or dot for Graphviz',
        )
        parser.add_argument(
            '--resource',
            nargs='+',
            metavar='RESOURCE',
            help='only what this one waits for and what waits for it: '
            'its type and id, or its path',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        inventory = base.read_inventory(self.app)
        found = graph.build(inventory)
        if parsed_args.resource:
            path = naming.path_of(
                parsed_args.resource, self.app.keys, self.app.catalog.types
            )
            found = found.about(inventory.name_of(path))
        draw = graph.as_dot if parsed_args.format == 'dot' else graph.as_text
        text = draw(found)
        if text:
            self.say(text)
