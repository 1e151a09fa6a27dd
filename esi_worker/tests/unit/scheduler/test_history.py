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

"""The latest transitions of a resource, as operators see them."""

from __future__ import annotations

from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, SUBNET


class HistoryTest(cases.ClusterTest):
    def lines(self) -> list[dict[str, object]]:
        key = self.cluster.keys.history(NETWORK.path('n'))
        lines: list[dict[str, object]] = self.cluster.json(key)
        return lines

    def test_the_latest_twenty_are_kept(self) -> None:
        for version in range(1, 26):
            self.write(NETWORK, 'n', version)
        self.assertEqual(
            list(range(6, 26)), [line['version'] for line in self.lines()]
        )

    def test_another_manager_goes_on_with_it(self) -> None:
        for version in range(1, 12):
            self.write(NETWORK, 'n', version)
        self.cluster.stop(self.manager)
        self.cluster.add_manager()
        for version in range(12, 23):
            self.write(NETWORK, 'n', version)
        self.assertEqual(
            list(range(3, 23)), [line['version'] for line in self.lines()]
        )

    def test_failures_are_told(self) -> None:
        self.write(NETWORK, 'n', noop={'fail': 'no luck'})
        self.write(SUBNET, 's', network_id='n')
        (line,) = self.lines()
        self.assertEqual('NoopFailure: no luck', line['error'])
        self.assertEqual('heat_worker', line['handler'])
        self.assertEqual('2017-07-14T02:40:00Z', line['time'])
