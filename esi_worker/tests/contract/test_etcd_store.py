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

"""The store in a real etcd keeps the contract."""

from __future__ import annotations

from esi_worker.embedded import fixtures
from esi_worker.store import base, etcd
from esi_worker.tests.contract import store_contract as contract
from esi_worker.tests.contract import watch_contract


class _EtcdMixin(contract.StoreContract):
    store: etcd.EtcdStore

    def make_store(self) -> etcd.EtcdStore:
        server = self.useFixture(fixtures.EtcdFixture())
        return etcd.EtcdStore([server.endpoint])

    def compact(self, revision: int) -> None:
        self.store.compact(revision)

    def outlive(self, lease: base.Lease) -> None:
        """Time passes by itself; the test waits for the events."""


class EtcdReadAndWriteTest(_EtcdMixin, contract.ReadAndWrite):
    pass


class EtcdTransactionsTest(_EtcdMixin, contract.Transactions):
    pass


class EtcdRangesTest(_EtcdMixin, contract.Ranges):
    pass


class EtcdLeasesTest(_EtcdMixin, watch_contract.Leases):
    pass


class EtcdWatchesTest(_EtcdMixin, watch_contract.Watches):
    pass
