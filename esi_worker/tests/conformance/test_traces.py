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

"""Every recorded trace is reproduced.

The same checks as in the report. A recording whose resources belong to
a run that was not recorded is left out: the create of a static route
with two handlers, in scenario 02.
"""

from __future__ import annotations

import testtools

from esi_worker.tests.conformance import checks, report, traces


class TracesTest(testtools.TestCase):
    """One test per kind of record."""

    def setUp(self) -> None:
        super().setUp()
        found = traces.find()
        if found is None:
            self.skipTest(
                f'no recorded traces; {traces.VARIABLE} names their folder'
            )
        self.folder = traces.Traces(found)

    def assert_matches(self, check: checks.Check) -> None:
        findings = list(check(self.folder))
        if not findings:
            self.skipTest('the traces hold no record of this kind')
        wrong = [finding for finding in findings if finding.mismatch]
        self.assertEqual([], wrong)

    def test_jobs_of_one_handler(self) -> None:
        self.assert_matches(checks.jobs)

    def test_jobs_of_two_handlers(self) -> None:
        self.assert_matches(checks.two_handlers)

    def test_rendered_texts_to_the_byte(self) -> None:
        self.assert_matches(checks.rendered)

    def test_resources_without_work(self) -> None:
        self.assert_matches(checks.nonworkable)

    def test_handlers_of_every_config_write(self) -> None:
        self.assert_matches(checks.story)

    def test_relations_and_choices_follow_from_schemas(self) -> None:
        self.assert_matches(checks.derived)

    def test_every_check_has_its_test(self) -> None:
        tests = [name for name in dir(self) if name.startswith('test_')]
        self.assertEqual(len(checks.CHECKS) + 1, len(tests))


class ReportTest(testtools.TestCase):
    def test_absent_traces_count_nothing(self) -> None:
        printed = list(report.lines([]))
        self.assertEqual(len(checks.RULES), len(printed))
        self.assertTrue(all(line.endswith('0/0') for line in printed))

    def test_a_mismatch_is_named(self) -> None:
        finding = checks.Finding('one', checks.PARAMS, 'a job', 'wrong')
        printed = list(report.lines([finding]))
        self.assertIn('MISMATCH one, params, a job: wrong', printed)
        self.assertEqual(
            'one                      params           0/1', printed[0]
        )
