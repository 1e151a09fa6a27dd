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

"""The HTTP API under a fuzzer that is driven by its own description.

Schemathesis makes requests that the description allows and others that
it forbids, and checks every answer: no server errors, only statuses,
types and bodies that are described, nothing valid refused and nothing
invalid accepted. ``ESI_WORKER_FUZZ_EXAMPLES`` asks for more of them.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
import schemathesis
import testtools

from esi_worker.collector import assembly, loading
from esi_worker.tests.unit.collector import support

EXAMPLES = int(os.environ.get('ESI_WORKER_FUZZ_EXAMPLES', '25'))


class FuzzTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        setting = support.Setting()
        # All types that are installed.
        pollers = loading.load_pollers(setting.context.conf, setting.clock)
        for poller in pollers.values():
            self.addCleanup(poller.close)
        collector = assembly.Collector(
            setting.context,
            setting.ownership,
            pollers,
            {'etcd': setting.etcd_syncer},
        )
        self.schema = schemathesis.openapi.from_wsgi(
            '/openapi.json', collector.application(support.URL)
        )

    def fuzz(self, mode: schemathesis.GenerationMode) -> int:
        """Try all operations for which there are requests of this kind.

        :returns: how many those were
        """
        count = 0
        for found in self.schema.get_all_operations():
            operation: Any = found.ok()  # type: ignore[union-attr]
            if mode is NEGATIVE and operation.label not in REFUSABLE:
                continue
            count += 1
            self.try_out(operation.as_strategy(generation_mode=mode))
        return count

    def try_out(self, strategy: Any) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def check(case: Any) -> None:
            case.call_and_validate()

        check()

    def test_what_is_described_works(self) -> None:
        self.assertEqual(5, self.fuzz(schemathesis.GenerationMode.POSITIVE))

    def test_what_is_not_described_is_refused(self) -> None:
        self.assertEqual(3, self.fuzz(NEGATIVE))


NEGATIVE = schemathesis.GenerationMode.NEGATIVE
#: The operations that take something which can be wrong: any id will do.
REFUSABLE = frozenset(
    ('GET /targets', 'POST /targets', 'PUT /targets/{target_id}')
)
