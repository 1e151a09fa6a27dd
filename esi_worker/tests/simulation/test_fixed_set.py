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

"""The fixed set of histories that every test run goes through."""

from __future__ import annotations

import testtools
from testtools import content

from esi_worker.tests.simulation import running


class FixedSetTest(testtools.TestCase):
    def test_promises_hold_whatever_crashes(self) -> None:
        summary = running.fixed_set()
        report = '\n'.join(summary.table())
        self.addDetail('report', content.text_content(report))
        failures = '\n'.join(str(each) for each in summary.failed[:3])
        self.assertEqual([], summary.failed, failures)
        self.assertGreaterEqual(summary.eventful, 500)
        self.assertEqual(set(), summary.unreached())
        self.assertEqual([], summary.not_crashed())
