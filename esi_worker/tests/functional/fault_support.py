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

"""What the tests of faults share: a load, and the count of what was done.

Each test has an etcd of its own, for it breaks it. The load is resources
of the type ``thing``, whose handler keeps a journal outside of etcd; so a
test can tell a job that was done twice from one that was looked at twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
import contextlib
from pathlib import Path
import re
import threading
import time
from typing import Any
import uuid

import fixtures
import testtools
from testtools import content

from esi_worker import embedded
from esi_worker.embedded import ours
from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import raw_etcd
from esi_worker.tests.functional import service_support as support

#: Seconds within which a job goes on once etcd is back.
RECOVERY = 5.0
#: Seconds; as short as etcd's clock allows.
TTL = 2

#: Options of services whose claims run out soon after them, and by
#: themselves on a machine that is busy: then a job is begun again.
SHORT_CLAIMS: Mapping[str, Mapping[str, object]] = {
    'manager': {'lease_ttl': TTL},
    'worker': {'lease_ttl': TTL},
    'etcd': {'timeout': 1},
}

_STATES = '/state/v2.0/things/'
_ACCEPTED = '/esi-worker/config/v2.0/things/'
_HISTORIES = '/esi-worker/history/v2.0/things/'


class FaultTestCase(testtools.TestCase):
    """An etcd, processes, and a load for one test."""

    #: Options of all services, by section.
    options: Mapping[str, Mapping[str, object]] = {
        'manager': {'lease_ttl': TTL},
        'worker': {'lease_ttl': 30},
        'etcd': {'timeout': 10},
    }
    etcd: raw_etcd.RawEtcd

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.journal = self.folder / 'journal'
        self.journal.touch()
        self.plugin = processes.install_plugin(self.folder / 'site')
        self.templates = support.thing_folder(self.folder)
        driver = self.templates / 'thing' / 'driver.yaml'
        driver.write_text(support.THING.replace('noop', 'faulty'))
        self.processes: list[ours.EsiWorkerProcess] = []
        self.addOnException(self._show_logs)

    def start_etcd(
        self, *extra: str, binary: str | None = None
    ) -> embedded.EtcdServer:
        """The etcd of this test, observed through ``self.etcd``."""
        server = embedded.EtcdServer(
            self.folder,
            unsafe_no_fsync=True,
            binary=binary,
            extra_args=extra,
        )
        self.enterContext(server)
        self.etcd = raw_etcd.RawEtcd(server.endpoint)
        return server

    def make(
        self,
        endpoint: str,
        role: str = 'all',
        *,
        heat: str | None = None,
        **options: Mapping[str, object],
    ) -> processes.PluggedWorker:
        """Prepare a service."""
        process = processes.PluggedWorker(
            self.folder / f'service-{len(self.processes)}',
            endpoint,
            heat,
            role,
            self._merged(options),
        )
        process.folders = [self.plugin]
        self.processes.append(process)
        self.addCleanup(process.close)
        return process

    def start(
        self,
        endpoint: str,
        role: str = 'all',
        *,
        heat: str | None = None,
        **options: Mapping[str, object],
    ) -> processes.PluggedWorker:
        """Start a service."""
        process = self.make(endpoint, role, heat=heat, **options)
        process.start()
        return process

    # --- the load ---------------------------------------------------------

    def write(self, name: str, version: int = 1, **wishes: Any) -> str:
        """Write one thing; what it needs is named in ``needs``."""
        body = {
            'id': name,
            'tenant_id': 'tenant',
            'needs': wishes.pop('needs', None),
            'noop': wishes,
        }
        value = support.config(body, version)
        self.etcd.put(f'/config/v2.0/things/{name}', value)
        return name

    def write_load(self, count: int) -> list[str]:
        """Things that take a while each, some of which wait for others."""
        names = [f'{uuid.uuid4().hex[:8]}-{each}' for each in range(count)]
        for index, name in enumerate(names):
            self.write(
                name,
                seconds=0.05 * (index % 3),
                polls=index % 4,
                needs=names[index - 1] if index % 5 == 1 else None,
            )
        return names

    def await_some(self, names: Sequence[str], count: int) -> None:
        """Wait until so many of them are done."""
        revision, done = self._ended(names)
        with self.changes(revision + 1) as history:
            while len(done) < count:
                key = history.put(
                    _HISTORIES,
                    lambda event: (
                        event.key.removeprefix(_HISTORIES) not in done
                    ),
                ).key
                done.add(key.removeprefix(_HISTORIES))

    def await_all(self, names: Sequence[str]) -> None:
        """Wait until all are done and out of the queue."""
        revision, done = self._ended(names)
        keys = {f'{_HISTORIES}{name}' for name in names if name not in done}
        with self.changes(revision + 1) as history:
            while keys:
                event = history.put(_HISTORIES, lambda e: e.key in keys)
                keys.discard(event.key)

    @contextlib.contextmanager
    def changes(self, since: int) -> Any:
        """All changes since a revision, also those of the past."""
        history = raw_etcd.History(self.etcd.connect(), since)
        with contextlib.closing(history):
            yield history

    def assert_recovered(self) -> None:
        """Something written now is done soon."""
        began = time.monotonic()
        name = self.write(f'probe-{uuid.uuid4().hex[:8]}')
        self.await_all([name])
        took = time.monotonic() - began
        support.check_time(self, 'going on', took, RECOVERY)

    # --- what was done ----------------------------------------------------

    def starts(self) -> Counter[str]:
        """How often each thing was started, by its id."""
        return Counter(
            line.split(':')[3]
            for line in self.journal.read_text().splitlines()
        )

    def repeated(self, names: Iterable[str]) -> int:
        """How many starts were not the first of their thing."""
        starts = self.starts()
        self.assertEqual([], [name for name in names if not starts[name]])
        return sum(starts[name] - 1 for name in names)

    def assert_done_once(self, names: Sequence[str]) -> None:
        """Each was accepted, finished and published once, without error."""
        for prefix in (_STATES, _ACCEPTED, _HISTORIES):
            versions = self.versions(prefix)
            wrong = {
                name: versions.get(name, 0)
                for name in names
                if versions.get(name) != 1
            }
            self.assertEqual({}, wrong, prefix)
        for name in names:
            self.assertEqual('', self.state(name)['error'])

    def state(self, name: str) -> Any:
        return self.etcd.json(f'{_STATES}{name}')

    def versions(self, prefix: str) -> dict[str, int]:
        """How often each key of a prefix was written."""
        return {
            raw_etcd.decoded(entry['key']).removeprefix(prefix): int(
                entry['version']
            )
            for entry in self._range(prefix).get('kvs', [])
        }

    def assert_readable(self, process: ours.EsiWorkerProcess) -> None:
        """The log tells of the fault in a few lines, without traces."""
        text = process.log_text()
        self.assertNotIn('Traceback', text)
        warnings = re.findall(r'^.* (?:WARNING|ERROR) .*$', text, re.M)
        self.assertNotEqual([], warnings)
        self.assertLess(len(warnings), 40, '\n'.join(warnings))

    # --- within -----------------------------------------------------------

    def _ended(self, names: Iterable[str]) -> tuple[int, set[str]]:
        answer = self._range(_HISTORIES)
        keys = (
            raw_etcd.decoded(each['key']) for each in answer.get('kvs', ())
        )
        ended = {key.removeprefix(_HISTORIES) for key in keys}
        return raw_etcd.revision_of(answer), ended & set(names)

    def _range(self, prefix: str) -> Any:
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return self.etcd.post(
            'kv/range',
            {
                'key': raw_etcd.encoded(prefix),
                'range_end': raw_etcd.encoded(end),
                'keys_only': True,
            },
        )

    def _merged(
        self, options: Mapping[str, Mapping[str, object]]
    ) -> ours.Options:
        everywhere = {
            **self.options,
            'resources': {
                'template_paths': self.templates,
                'handlers': 'faulty',
            },
            'faulty': {'journal': self.journal},
        }
        return processes.merged(everywhere, options)

    def _show_logs(self, _info: object) -> None:
        for process in self.processes:
            with contextlib.suppress(OSError):
                self.addDetailUniqueName(
                    f'log of {process.directory.parent.name}',
                    content.text_content(process.log_text()),
                )


def outage(seconds: float) -> None:
    """Let an outage take its time; nothing is waited for."""
    threading.Event().wait(seconds)
