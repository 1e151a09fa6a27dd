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

import contextlib
import io
import json
import pathlib
from typing import Any

import fixtures
import testtools

from esi_worker.tests.conformance import checks, report, stories, traces


class TracesTest(traces.TracesTestCase):
    """One test per kind of record."""

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


class DependencyTest(traces.TracesTestCase):
    """The check of dependencies finds what is wrong."""

    def setUp(self) -> None:
        super().setUp()
        story = 'story/05_load_balancer.jsonl'
        self.need(traces.SCHEMAS, traces.TEMPLATES_2018, story)
        self.run_ = self.folder.story('05_load_balancer')
        self.records = list(self.folder.lines(story))

    def wrong(self) -> int:
        found = stories.dependency_findings(
            self.run_, '05_load_balancer', self.records
        )
        return len([job_id for job_id, mismatch in found if mismatch])

    def first(self, dependent: bool) -> Any:
        """A workflow's first job that waits for others, or does not."""
        for record in self.records:
            for job in record['workflow']:
                if bool(job['dependency']) is dependent:
                    return record, job

    def test_as_recorded_all_match(self) -> None:
        self.assertEqual(0, self.wrong())

    def test_a_dependency_that_is_missing(self) -> None:
        for record in self.records:
            for job in record['workflow']:
                job['dependency'] = []
        self.assertGreater(self.wrong(), 0)

    def test_a_dependency_that_is_one_too_many(self) -> None:
        _, job = self.first(dependent=False)
        job['dependency'] = ['create:heat_worker:tenant:x:1:aaaaa']
        self.assertEqual(1, self.wrong())

    def test_another_action(self) -> None:
        _, job = self.first(dependent=False)
        job['action'] = 'delete'
        self.assertEqual(1, self.wrong())


class ReportTest(testtools.TestCase):
    def test_absent_traces_count_nothing(self) -> None:
        printed = list(report.lines([]))
        self.assertEqual(len(checks.RULES), len(printed))
        self.assertTrue(all(line.endswith('0/0') for line in printed))

    def test_an_empty_folder_counts_nothing(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        (pathlib.Path(folder) / 'story').mkdir()
        (pathlib.Path(folder) / 'story' / '99_new.jsonl').write_text('\n')
        self.assertEqual(0, self.main(folder))
        self.assertEqual(
            len(checks.RULES), len(self.printed.getvalue().splitlines())
        )

    def test_a_folder_that_is_none_is_a_wrong_command_line(self) -> None:
        self.assertEqual(2, self.main('/nowhere'))

    def test_a_mismatch_makes_the_exit_code_1(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        record = {
            'scenario': '99_new',
            'config_key': '/config/v2.0/tenants/t',
            'config_value': {'body': {'id': 't'}, 'version': 1},
            'expected_state': {'version': 1, 'state': {}, 'error': ''},
        }
        path = pathlib.Path(folder) / 'nonworkable.jsonl'
        record['config_key'] = '/config/common/v1.0/tenants/t'
        path.write_text(json.dumps(record))
        self.assertEqual(1, self.main(folder))
        self.assertIn('another state', self.printed.getvalue())

    def main(self, folder: str) -> int:
        self.printed = io.StringIO()
        with contextlib.redirect_stdout(self.printed):
            return report.main([folder])

    def test_a_mismatch_is_named(self) -> None:
        finding = checks.Finding('one', checks.PARAMS, 'a job', 'wrong')
        printed = list(report.lines([finding]))
        self.assertIn('MISMATCH one, params, a job: wrong', printed)
        self.assertEqual(
            'one                      params           0/1', printed[0]
        )
