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

"""The demo's own judgement must be able to say no."""

from __future__ import annotations

import json
from typing import Any

import testtools

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.demo import configs, points, showing

_OUTPUTS = [
    {'output_key': name, 'output_value': name, 'description': ''}
    for name in (
        'id',
        'fq_name',
        'mac_address',
        'allowed_address_pairs',
        'virtual_network',
        'monitoring_target_id',
        'monitoring_link',
    )
]
_PATH = f'v2.0/ports/{configs.PORT}'
_JOB = f'modify:heat_worker:port:{configs.PORT}:3:'


def _values() -> dict[int, Any]:
    job = {
        'is_first': True,
        'is_last': True,
        'version': 3,
        'action': 'modify',
        'params': [],
        'dependency': [],
    }
    state = {
        'worker_state': 'MODIFY_COMPLETED',
        'orchestration_state': 'UPDATE_COMPLETE',
        'heat_outputs': json.dumps(_OUTPUTS),
    }
    return {
        1: {'version': 3},
        2: ['heat_worker', job, 0],
        3: {'stack_status': 'UPDATE_COMPLETE', 'output': _OUTPUTS},
        4: {
            'orchestration_state': 'UPDATE_COMPLETE',
            'heat_outputs': _OUTPUTS,
        },
        5: {'version': 3, 'error': '', 'state': state},
        6: {'version': 3, 'vmi': 'FAIL'},
    }


class PointsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.keys = store.KeyLayout()
        self.wanted = points.points_of(self.keys, _PATH, _JOB, 3)
        self.recorder = points.Recorder(
            self.store, self.wanted, 0, clocks.SystemClock()
        )

    def _put(self, values: dict[int, Any]) -> None:
        for point in self.wanted:
            key = point.prefix + ('x' if point.number == 2 else '')
            if point.number in values:
                self.store.put(key, json.dumps(values[point.number]))

    def _seen(self) -> dict[int, points.Sighting]:
        return {each.point.number: each for each in self.recorder.sightings(0)}

    def test_all_six_points_are_seen_and_right(self) -> None:
        self._put(_values())
        seen = self._seen()
        self.assertEqual([1, 2, 3, 4, 5, 6], sorted(seen))
        self.assertEqual([], self.recorder.missing)
        self.assertEqual([], points.faults(seen, 3))

    def test_values_of_an_older_version_are_passed_over(self) -> None:
        old = _values()
        old[1]['version'] = old[5]['version'] = old[6]['version'] = 2
        del old[2]
        old[3]['stack_status'] = 'UPDATE_IN_PROGRESS'
        old[4] = {}
        self._put(old)
        self.assertEqual({}, self._seen())

    def test_a_missing_point_is_named(self) -> None:
        values = _values()
        del values[6]
        self._put(values)
        self._seen()
        (missing,) = self.recorder.missing
        self.assertEqual(f'/monitoring/{_PATH}', missing.prefix)

    def test_wrong_values_are_faults(self) -> None:
        values = _values()
        values[2][1]['is_last'] = False
        values[5]['state']['worker_state'] = 'CREATE_COMPLETED'
        values[6]['other'] = 1
        self._put(values)
        faults = points.faults(self._seen(), 3)
        self.assertEqual(
            ['point 2', 'point 5', 'point 6'],
            [fault.partition(':')[0] for fault in faults],
        )

    def test_the_table_shows_every_point(self) -> None:
        self._put(_values())
        lines: list[str] = []
        for sighting in self._seen().values():
            showing.row(lines.append, sighting)
        text = '\n'.join(lines)
        for point in self.wanted:
            self.assertIn(point.prefix, text)
        self.assertIn('MODIFY_COMPLETED, version 3', text)
