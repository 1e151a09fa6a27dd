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

"""What the tests of scheduler and dispatcher have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import fixtures
import testtools

from esi_worker.model import ResourceType
from esi_worker.tests import cluster, members


class ClusterTest(testtools.TestCase):
    """A manager and a worker, and a log that is kept quiet."""

    handler_names: Sequence[str] = ('heat_worker',)

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.cluster = self.make_cluster()
        self.manager = self.cluster.add_manager()
        self.worker: members.WorkerMember | None = self.make_worker()
        self.cluster.settle()

    def make_cluster(self) -> cluster.Cluster:
        return cluster.Cluster(self.handler_names)

    def make_worker(self) -> members.WorkerMember | None:
        return self.cluster.add_worker()

    # Most tests ask for these again and again.

    def write(
        self, type_: ResourceType, id_: str, version: int = 1, **body: Any
    ) -> None:
        """Write a config and let everybody work."""
        self.cluster.write(type_, id_, version, **body)
        self.cluster.settle()

    def assert_state(
        self, expected: str, type_: ResourceType, id_: str, version: int = 1
    ) -> None:
        state: Mapping[str, Any] = self.cluster.state(type_, id_) or {}
        self.assertEqual(
            (expected, version),
            (state.get('state', {}).get('worker_state'), state.get('version')),
        )
        for value in state['state'].values():
            self.assertIsInstance(value, str)

    def assert_quiet(self) -> None:
        """Nothing is left in the queue, and nobody is blocked."""
        self.assertEqual([], self.cluster.keys_under('/jobs/'))
        self.assertEqual([], self.cluster.keys_under('/esi-worker/job_state/'))
        self.assertEqual([], self.cluster.keys_under('/esi-worker/blocked/'))


class QueueTest(ClusterTest):
    """A manager without a worker: the queue stands still."""

    def make_worker(self) -> None:
        return None

    def start_worker(self) -> members.WorkerMember:
        self.worker = self.cluster.add_worker()
        self.cluster.settle()
        return self.worker


#: What lets a job go on until time has passed.
SLOW = {'wait': 1, 'after': 5}
