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

"""The course of the demo."""

from __future__ import annotations

import contextlib
from importlib import resources
import json
from pathlib import Path
import threading
import time
from typing import TextIO

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.demo import configs, points, showing
from esi_worker.embedded import ours
from esi_worker.embedded import services as embedded

_STATE_TIMEOUT = 120.0
_POINTS_TIMEOUT = 120.0


class DemoFailed(exceptions.TerminalError):
    """The demo did not end as it must."""


class Demo:
    """Starts everything, writes the configs, shows the points."""

    def __init__(
        self, run_dir: Path, show: showing.Print, *, keep: bool
    ) -> None:
        """Prepare a run.

        :param run_dir: for logs, data and the report
        :param keep: leave the services running until they are stopped
        """
        self._run_dir = run_dir
        self._show = show
        self._keep = keep
        self._keys = store.KeyLayout()
        self._clock = clocks.SystemClock()
        self._began = time.monotonic()

    def run(self) -> None:
        """Do it all; everything is stopped in the end.

        :raises DemoFailed: something is missing or wrong
        :raises EmbeddedError: a service could not be started
        """
        with contextlib.ExitStack() as stack:
            endpoint = self._start(stack)
            target = stack.enter_context(store.EtcdStore([endpoint]))
            self._prepare(target)
            sightings = self._observe(target)
            self._report(sightings)
            self._judge(sightings)
            if self._keep:
                self._wait(endpoint)

    # --- services ---------------------------------------------------------

    def _start(self, stack: contextlib.ExitStack) -> str:
        """Start all services.

        :returns: the endpoint of etcd
        """
        first = stack.enter_context(
            embedded.Services(
                self._run_dir, heat=False, progress=self._progress
            )
        )
        endpoint = first.etcd.endpoint
        collector = ours.CollectorProcess(self._run_dir, endpoint)
        second = stack.enter_context(
            embedded.Services(
                self._run_dir,
                etcd=False,
                heat_options={
                    'environment': 'nested',
                    'plugin_dirs': [_heat_plugin()],
                    'extra_options': {
                        'collector_agents': {
                            'host': '127.0.0.1',
                            'port': str(collector.port),
                        }
                    },
                },
                progress=self._progress,
            )
        )
        stack.enter_context(collector)
        self._progress(f'collector is up on port {collector.port}')
        stack.enter_context(
            ours.EsiWorkerProcess(
                self._run_dir, endpoint, second.heat.endpoint
            )
        )
        self._progress('esi-worker is up: one manager, one worker')
        return endpoint

    def _progress(self, text: str) -> None:
        self._show(f'[{time.monotonic() - self._began:6.1f} s] {text}')

    # --- the story --------------------------------------------------------

    def _prepare(self, target: store.Store) -> None:
        """Write everything up to the version that is looked at."""
        made = (configs.network(), configs.subnet(), configs.port(1))
        for write in made:
            self._write(target, write)
        for write in made:
            self._await_state(target, write)
        # The REST server writes a version when the last one is done.
        self._write(target, configs.port(2))
        self._await_state(target, configs.port(2))

    def _write(self, target: store.Store, write: configs.Write) -> int:
        self._progress(f'writing {write.title}')
        return target.put(self._keys.config(write.path), write.value)

    def _await_state(self, target: store.Store, write: configs.Write) -> None:
        key = self._keys.state(write.path)
        follower = store.Follower(
            target,
            [key],
            pulse_key=None,
            silence_deadline=_STATE_TIMEOUT,
            clock=self._clock,
        )
        deadline = self._clock.monotonic() + _STATE_TIMEOUT
        with contextlib.closing(follower):
            while (left := deadline - self._clock.monotonic()) > 0:
                item = follower.poll(min(1.0, left))
                for value in _values(item):
                    if self._is_done(value, write):
                        return
        raise DemoFailed(f'{key} did not reach version {write.version}')

    def _is_done(self, text: str, write: configs.Write) -> bool:
        value = json.loads(text)
        if value['version'] != write.version:
            return False
        if value['error']:
            raise DemoFailed(f'{write.title} has failed: {value["error"]}')
        worker_state = value['state']['worker_state']
        self._progress(f'{worker_state}: {write.title}')
        return True

    def _observe(self, target: store.Store) -> dict[int, points.Sighting]:
        """Write the last version and see the six points appear."""
        write = configs.port(3)
        job = f'modify:heat_worker:port:{configs.PORT}:{write.version}:'
        wanted = points.points_of(self._keys, write.path, job, write.version)
        before = target.range(self._keys.config(write.path)).revision
        recorder = points.Recorder(target, wanted, before, self._clock)
        self._write(target, write)
        self._show('')
        showing.header(self._show)
        sightings = {}
        for sighting in recorder.sightings(_POINTS_TIMEOUT):
            showing.row(self._show, sighting)
            sightings[sighting.point.number] = sighting
        if recorder.missing:
            names = ', '.join(point.prefix for point in recorder.missing)
            raise DemoFailed(f'nothing appeared at: {names}')
        return sightings

    def _report(self, sightings: dict[int, points.Sighting]) -> None:
        ordered = [sightings[number] for number in sorted(sightings)]
        showing.in_full(self._show, ordered)
        path = self._run_dir / 'six_points.txt'
        with path.open('w', encoding='utf-8') as report:
            showing.in_full(lambda line: _write_line(report, line), ordered)
        self._show('')
        self._progress(f'all six points were seen; also written to {path}')

    def _judge(self, sightings: dict[int, points.Sighting]) -> None:
        found = points.faults(sightings, 3)
        if found:
            raise DemoFailed('; '.join(found))

    def _wait(self, endpoint: str) -> None:
        self._show('')
        self._show(f'etcd listens on {endpoint}; for example:')
        self._show(f'  etcdctl --endpoints {endpoint} get --prefix /state/')
        config = self._run_dir / 'esi-worker' / 'esi-worker.conf'
        self._show(f'  esi-worker-manage --config-file {config} resource list')
        self._show(f'Logs are in {self._run_dir}. Ctrl-C stops everything.')
        threading.Event().wait()


def _heat_plugin() -> Path:
    """The folder of the Heat resource plugin of the collector."""
    folder = resources.files('esi_worker.collector') / 'heat_plugin'
    return Path(str(folder))


def _values(item: store.Snapshot | store.WatchBatch | None) -> list[str]:
    if item is None:
        return []
    if isinstance(item, store.Snapshot):
        return [kv.value for kv in item.items]
    return [
        event.kv.value
        for event in item.events
        if event.type is store.EventType.PUT
    ]


def _write_line(report: TextIO, line: str) -> None:
    report.write(f'{line}\n')
