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
"""A cluster in memory, and what an operator sees of it."""

from __future__ import annotations

from esi_worker import health as healths
from esi_worker import store
from esi_worker.admin import inventory, timing
from esi_worker.tests import cases


class Alive:
    """A process that tells what a test says."""

    def __init__(self, **fields: object) -> None:
        self.answer = healths.Health(
            **{'watching': True, 'lease': 7.0, **fields}  # type: ignore[arg-type]
        )

    def health(self) -> healths.Health:
        return self.answer


class InventoryTest(cases.QueueTest):
    """An inventory that follows a cluster without workers."""

    leading = True

    def setUp(self) -> None:
        super().setUp()
        keys = self.cluster.keys
        self.timer = timing.Timer(self.cluster.clock, lambda: self.leading)
        self.inventory = inventory.Inventory(
            keys, self.cluster.catalog.types, self.timer
        )
        self.follower = store.Follower(
            self.cluster.store,
            inventory.Inventory.prefixes(keys),
            pulse_key=None,
            silence_deadline=1e9,
            clock=self.cluster.clock,
        )
        self.addCleanup(self.follower.close)
        self.look()

    def look(self) -> None:
        """Take in all that happened."""
        while (item := self.follower.poll(0)) is not None:
            self.inventory.take(item)
