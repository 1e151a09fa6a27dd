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


"""A handler that reaches a real Heat through a proxy with faults."""

from __future__ import annotations

from typing import Any

from esi_worker.tests.faulty import FaultProxy
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.unit.handlers.heat import scene


class ProxyTestCase(support.HandlerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultProxy(self.heat.server.endpoint)
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)
        self.use_proxy()

    def use_proxy(self, **options: Any) -> None:
        self.use(
            scene.configuration(
                auth_type='none',
                endpoint_override=self.proxy.endpoint,
                **options,
            )
        )

    def restarted_account(self) -> None:
        self.proxy.account.clear()

    def accepted(self, name: str = scene.NAME) -> list[str]:
        """The changes that Heat has accepted, answered or not."""
        return [
            entry.request.method
            for entry in list(self.proxy.account)
            if entry.request.method != 'GET'
            and name in entry.request.path + entry.request.body
            for status in entry.statuses
            if status < 400
        ]
