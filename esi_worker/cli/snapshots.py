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

"""``snapshot save`` and ``snapshot load``: everything of ours, for support.

A file of JSON lines: one about the snapshot, then one for each key, in
key order within each prefix, all as they were at one revision. Keys that
hang on a lease are marked and never loaded, for their processes are not
there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
import contextlib
import errno
import json
import os
from pathlib import Path
import tempfile
from typing import Any, TextIO

from esi_worker import clock as clocks
from esi_worker import exceptions, store, version
from esi_worker.cli import base

FORMAT = 'esi-worker-snapshot'
_BATCH = 100


def prefixes(keys: store.KeyLayout) -> tuple[str, ...]:
    """Where everything of ours lies; none is part of another."""
    named = sorted(
        {
            f'{prefix}/'
            for prefix in (
                keys.config_prefix,
                keys.state_prefix,
                keys.monitoring_prefix,
                keys.jobs_prefix,
                keys.worker_prefix,
            )
        }
    )
    return (
        *(
            prefix
            for prefix in named
            if not any(
                prefix != other and prefix.startswith(other) for other in named
            )
        ),
        keys.election,
    )


class SnapshotSave(base.PlainCommand):
    """Save all keys of esi-worker, as they are at one revision.

    The file holds whatever was written into desired states, secrets
    included; only its owner may read it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('file', help='a file that does not exist yet')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with _new_file(parsed_args.file) as file:
            revision, count = self._write(file)
        self.say(
            f'saved {count} keys of revision {revision} in {parsed_args.file}'
        )

    def _write(self, file: TextIO) -> tuple[int, int]:
        """:returns: the revision, and how many keys there are"""
        revision, count = 0, 0
        for prefix in prefixes(self.app.keys):
            found = self.app.store.range(prefix, revision=revision)
            if not revision:
                revision = found.revision
                file.write(_line(self._about(revision)))
            for kv in found.items:
                count += 1
                file.write(_line(_record(kv)))
        return revision, count

    def _about(self, revision: int) -> dict[str, Any]:
        return {
            'format': FORMAT,
            'revision': revision,
            'saved_at': clocks.timestamp(clocks.SystemClock()),
            'version': version.version(),
            'prefixes': list(prefixes(self.app.keys)),
        }


@contextlib.contextmanager
def _new_file(name: str) -> Iterator[TextIO]:
    """A file that only its owner may read, and that is there under its name
    only when all is written.

    :raises TerminalError: it cannot be made, or is there already
    """
    path = Path(name)
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        number, part = tempfile.mkstemp(
            dir=path.parent, prefix=f'{path.name}.', suffix='.part'
        )
        try:
            with os.fdopen(number, 'w', encoding='utf-8') as file:
                yield file
            os.rename(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise exceptions.TerminalError(
            f'{name} cannot be made: {error.strerror}'
        ) from error


def _record(kv: store.KeyValue) -> dict[str, Any]:
    record: dict[str, Any] = {
        'key': kv.key,
        'value': kv.value,
        'create_revision': kv.create_revision,
        'mod_revision': kv.mod_revision,
    }
    return {**record, 'lease': kv.lease} if kv.lease else record


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record) + '\n'


class SnapshotLoad(base.ChangeCommand):
    """Load a snapshot into an empty etcd, such as that of a laboratory.

    Refuses when keys of esi-worker are there already. Stop all services
    first: what the snapshot says is desired is acted on at once by a
    manager that runs.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('file', help='a file of "snapshot save"')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        found = list(read(parsed_args.file))
        for prefix in prefixes(self.app.keys):
            there = self.app.store.range(prefix).items
            if there:
                raise exceptions.TerminalError(
                    f'{there[0].key} and {len(there) - 1} more keys are '
                    f'under {prefix} already; load into an empty etcd'
                )
        ours = prefixes(self.app.keys)
        strange = [kv for kv in found if not kv.key.startswith(ours)]
        if strange:
            raise exceptions.TerminalError(
                f'{strange[0].key} is under none of the prefixes of the '
                'group [keys]; use the options that the snapshot was saved '
                'with'
            )
        self.confirm(parsed_args, f'write {len(found)} keys')
        with self.recorded('snapshot load', f'{len(found)} keys'):
            for start in range(0, len(found), _BATCH):
                self._write(found[start : start + _BATCH])
        self.say(f'loaded {len(found)} keys')

    def _write(self, items: Iterable[store.KeyValue]) -> None:
        results = store.commit(
            self.app.store,
            [
                store.Transition(
                    (store.Compare.missing(kv.key),),
                    (store.Put(kv.key, kv.value),),
                )
                for kv in items
            ],
        )
        if not all(result.applied for result in results):
            raise exceptions.TerminalError(
                'somebody else has written meanwhile; stop all services, '
                'empty etcd and load again'
            )


def read(name: str) -> Iterator[store.KeyValue]:
    """The keys of a snapshot without those on leases, oldest first, so
    that their order in time stays what it was.

    :raises TerminalError: the file is no snapshot
    """
    found = []
    try:
        with open(name, encoding='utf-8') as file:
            about = json.loads(file.readline())
            if about.get('format') != FORMAT:
                raise ValueError('its first line is not that of a snapshot')
            for line in file:
                record = json.loads(line)
                if not record.get('lease'):
                    found.append(
                        store.KeyValue(
                            record['key'],
                            record['value'],
                            record['create_revision'],
                            record['mod_revision'],
                            1,
                        )
                    )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise exceptions.TerminalError(
            f'{name} cannot be read as a snapshot: {error}'
        ) from error
    yield from sorted(found, key=lambda kv: (kv.mod_revision, kv.key))
