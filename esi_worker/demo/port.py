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

"""The scenario ``port``: one change, and its six points in etcd."""

from __future__ import annotations

import contextlib
import json
from typing import TextIO

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.demo import configs, points, scenario, showing
from esi_worker.demo.site import DemoFailed, Site

_STATE_TIMEOUT = 120.0
_POINTS_TIMEOUT = 120.0


class PortScenario(scenario.Scenario):
    """Writes the configs, shows the points."""

    summary = (
        'a network, a subnet and a port in three versions, and what '
        'appears in etcd for the last one'
    )

    _keys = store.KeyLayout()
    _clock = clocks.SystemClock()

    def run(self) -> None:
        with Site(self._run_dir, 'nested', self._progress) as site:
            self._check = site.check
            self._prepare(site.store)
            sightings = self._observe(site.store)
            self._report(sightings)
            self._judge(sightings)
            if self._keep:
                site.wait_for_user(self._show)

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
                self._check()
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
        for sighting in recorder.sightings(_POINTS_TIMEOUT, self._check):
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
