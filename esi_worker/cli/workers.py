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

"""``esi-worker-manage worker ...``: who is alive."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from esi_worker import exceptions
from esi_worker.cli import base
from esi_worker.model import WorkerRecord

COLUMNS = ('ID', 'Handlers', 'Slots', 'Free', 'Starting', 'Manager')


class WorkerList(base.ListCommand):
    """List the live workers and the elected manager."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        keys, reader = self.app.keys, self.app.store
        elected = reader.get(keys.election)
        manager = elected.value if elected else ''
        workers = base.values(reader, keys.worker(''))
        rows: list[tuple[Any, ...]] = []
        for worker_id, kv in sorted(workers.items()):
            rows.append(
                (worker_id, *_fields(kv.key, kv.value), worker_id == manager)
            )
        if manager and manager not in workers:
            rows.append((manager, '', '', '', '', True))
        return COLUMNS, rows


def _fields(key: str, text: str) -> Iterator[Any]:
    try:
        worker = WorkerRecord.decode(key, text)
    except exceptions.DecodeError as error:
        return iter((f'cannot be read: {error.reason}', '', '', ''))
    return iter(
        (
            ' '.join(worker.handlers),
            worker.slots,
            worker.free,
            len(worker.starting),
        )
    )
