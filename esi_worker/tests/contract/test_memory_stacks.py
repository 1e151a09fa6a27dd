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

"""The stacks in memory keep the contract."""

from __future__ import annotations

from esi_worker import clock as clocks
from esi_worker.handlers.heat import memory
from esi_worker.tests.contract import stack_case, stack_reading
from esi_worker.tests.contract import stack_contract as contract


class _MemoryMixin(stack_case.StackContract):
    def make_backend(self) -> memory.MemoryBackend:
        self.clock = clocks.ManualClock()
        return memory.MemoryBackend(self.clock)

    def now(self) -> float:
        return self.clock.monotonic()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


class MemoryCreationsTest(_MemoryMixin, contract.Creations):
    pass


class MemoryOutputsTest(_MemoryMixin, contract.Outputs):
    pass


class MemoryUpdatesTest(_MemoryMixin, contract.Updates):
    pass


class MemoryDeletionsTest(_MemoryMixin, contract.Deletions):
    pass


class MemoryRefusalsTest(_MemoryMixin, contract.Refusals):
    pass


class MemoryListingsTest(_MemoryMixin, stack_reading.Listings):
    pass


class MemoryContentsTest(_MemoryMixin, stack_reading.Contents):
    pass


class MemoryResourcesTest(_MemoryMixin, stack_reading.Resources):
    pass


class MemoryPreviewsTest(_MemoryMixin, stack_reading.Previews):
    pass
