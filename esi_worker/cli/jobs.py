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

from esi_worker import exceptions, store
from esi_worker.cli import base
from esi_worker.model import Job

STATUSES = ('waiting', 'ready', 'working', 'finished', 'unknown')
COLUMNS = (
    'ID',
    'Status',
    'Handler',
    'Action',
    'Resource',
    'Version',
    'Attempt',
    'Waits for',
)


class JobList(base.ListCommand):
    """List the jobs in the queue."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--status', choices=STATUSES, help='only jobs in this state'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        rows = _rows(self.app.keys, self.app.store)
        wanted = parsed_args.status
        return COLUMNS, [row for row in rows if wanted in (None, row[1])]


def _rows(
    keys: store.KeyLayout, reader: store.Store
) -> Iterator[tuple[Any, ...]]:
    places: dict[str, set[str]] = {}
    records: dict[str, store.KeyValue] = {}
    for kv in reader.range(keys.jobs).items:
        place, job_id = keys.job_place(kv.key) or ('', '')
        places.setdefault(job_id, set()).add(place)
        if place == 'all':
            records[job_id] = kv
    for job_id, kv in sorted(records.items()):
        yield (job_id, status(places[job_id]), *_fields(kv))


def status(places: set[str]) -> str:
    """The state of a job whose keys stand in these places."""
    if 'working' in places:
        return 'working'
    for place in ('finished', 'ready', 'waiting'):
        if place in places:
            return place
    return 'unknown'


def _fields(kv: store.KeyValue) -> tuple[Any, ...]:
    try:
        job = Job.decode(kv.key, kv.value)
    except exceptions.DecodeError as error:
        return ('', '', f'cannot be read: {error.reason}', '', '', '')
    return (
        job.handler,
        job.action.value,
        str(job.resource),
        job.version,
        job.attempt,
        len(job.dependency),
    )
