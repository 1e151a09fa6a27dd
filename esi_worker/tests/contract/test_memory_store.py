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

"""The store in memory keeps the contract."""

from __future__ import annotations

from esi_worker import clock as clocks
from esi_worker.store import base, memory
from esi_worker.tests.contract import store_contract as contract
from esi_worker.tests.contract import watch_contract


class _MemoryMixin(contract.StoreContract):
    clock: clocks.ManualClock
    store: memory.MemoryStore

    def make_store(self) -> memory.MemoryStore:
        self.clock = clocks.ManualClock()
        return memory.MemoryStore(clock=self.clock)

    def compact(self, revision: int) -> None:
        self.store.compact(revision)

    def outlive(self, lease: base.Lease) -> None:
        self.clock.advance(lease.ttl)


class MemoryReadAndWriteTest(_MemoryMixin, contract.ReadAndWrite):
    pass


class MemoryTransactionsTest(_MemoryMixin, contract.Transactions):
    pass


class MemoryRangesTest(_MemoryMixin, contract.Ranges):
    pass


class MemoryLeasesTest(_MemoryMixin, watch_contract.Leases):
    pass


class MemoryWatchesTest(_MemoryMixin, watch_contract.Watches):
    pass
