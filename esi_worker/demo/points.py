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

"""The six points at which one change can be seen in etcd.

``Recorder`` watches their keys and keeps the first value that belongs to
the version in question; some of the keys live for moments only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import dataclasses
import json
from typing import Any

from esi_worker import clock as clocks
from esi_worker import store

#: Tells whether a decoded value is the one that a point waits for.
Matches = Callable[[Any], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A place in etcd and what is expected there."""

    number: int
    title: str
    prefix: str
    matches: Matches


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """A point with what was seen there.

    ``seconds`` are counted from the write of the config.
    """

    point: Point
    key: str
    value: Any
    revision: int
    seconds: float


def points_of(
    keys: store.KeyLayout, path: str, job: str, version: int
) -> tuple[Point, ...]:
    """The six points of one version of a resource.

    :param path: the resource's path
    :param job: how the id of its job begins
    """

    def has_version(value: Any) -> bool:
        return bool(value.get('version') == version)

    return (
        Point(1, 'desired state', keys.config(path), has_version),
        Point(2, 'job', keys.job(job), lambda value: len(value) == 3),
        Point(
            3,
            'stack',
            keys.heat_stack(path),
            lambda value: value['stack_status'].endswith('_COMPLETE'),
        ),
        Point(
            4,
            'results of the job',
            keys.job_state(path),
            lambda value: 'orchestration_state' in value,
        ),
        Point(5, 'published state', keys.state(path), has_version),
        Point(6, 'monitoring', keys.monitoring(path), has_version),
    )


class Recorder:
    """Sees the points appear."""

    def __init__(
        self,
        target: store.Store,
        points: tuple[Point, ...],
        revision: int,
        clock: clocks.Clock,
    ) -> None:
        """Watch from a revision on; the clock starts now."""
        self._points = {point.prefix: point for point in points}
        self._clock = clock
        self._began = clock.monotonic()
        self._watch = target.watch(dict.fromkeys(self._points, revision + 1))

    def sightings(
        self, timeout: float, check: Callable[[], None] = lambda: None
    ) -> Iterator[Sighting]:
        """Hand out the points as they appear, each once.

        :param timeout: seconds after which the rest is given up
        :param check: raises an error when waiting has become useless
        """
        deadline = self._began + timeout
        with self._watch as watch:
            while self._points:
                left = deadline - self._clock.monotonic()
                check()
                batch = watch.next(min(1.0, max(0.0, left)))
                if batch is None and left <= 0:
                    return
                if batch is not None:
                    yield from self._seen(batch)

    def _seen(self, batch: store.WatchBatch) -> Iterator[Sighting]:
        for event in batch.events:
            point = self._points.get(batch.prefix)
            if point is None or event.type is not store.EventType.PUT:
                continue
            value = json.loads(event.kv.value)
            if not point.matches(value):
                continue
            del self._points[batch.prefix]
            yield Sighting(
                point,
                event.kv.key,
                value,
                event.kv.mod_revision,
                self._clock.monotonic() - self._began,
            )

    @property
    def missing(self) -> list[Point]:
        """The points that did not appear."""
        return list(self._points.values())


def faults(sightings: Mapping[int, Sighting], version: int) -> list[str]:
    """What is not as it must be after a modification of a port.

    :param sightings: by the numbers of their points
    """
    found: list[str] = []

    def expect(number: int, what: str, expected: Any, actual: Any) -> None:
        if expected != actual:
            found.append(
                f'point {number}: {what} is {actual!r}, '
                f'{expected!r} is expected'
            )

    job = sightings[2].value[1]
    expect(2, 'is_first', True, job['is_first'])
    expect(2, 'is_last', True, job['is_last'])
    expect(2, 'version', version, job['version'])
    stack, result = sightings[3].value, sightings[4].value
    expect(3, 'stack_status', 'UPDATE_COMPLETE', stack['stack_status'])
    status = result['orchestration_state']
    expect(4, 'orchestration_state', 'UPDATE_COMPLETE', status)
    expect(4, 'heat_outputs', stack['output'], result['heat_outputs'])
    state = sightings[5].value
    expect(5, 'version', version, state['version'])
    expect(5, 'error', '', state['error'])
    worker_state = state['state']['worker_state']
    expect(5, 'worker_state', 'MODIFY_COMPLETED', worker_state)
    outputs = json.loads(state['state']['heat_outputs'])
    expect(5, 'heat_outputs', stack['output'], outputs)
    names = {item['output_key'] for item in outputs}
    expect(5, 'outputs', _OUTPUTS, names)
    monitoring = sightings[6].value
    expect(6, 'fields', {'version', 'vmi'}, set(monitoring))
    return found


_OUTPUTS = {
    'id',
    'fq_name',
    'mac_address',
    'allowed_address_pairs',
    'virtual_network',
    'monitoring_target_id',
    'monitoring_link',
}
