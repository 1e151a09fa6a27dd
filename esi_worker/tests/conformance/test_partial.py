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

"""Folders that hold only some of the recordings, or other ones.

The report counts what is there, says what cannot be compared, and always
prints its table.
"""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import re
import shutil
import subprocess

import fixtures

from esi_worker.tests.conformance import checks, replay, report, traces

CHECKOUT = pathlib.Path(__file__).parents[3]
TWO_HANDLERS = 'two_handlers/02_internet_gateway.jsonl'
OWN_TEMPLATES = 'two_handlers/templates_02_internet_gateway.json'
JOBS = 'jobs/00_logical_network.jsonl'
STORY = 'story/00_logical_network.jsonl'
DERIVED = 'derived_from_schemas.json'
NONWORKABLE = 'nonworkable.jsonl'


class PartialTest(traces.TracesTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.partial = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def link(self, name: str, new_name: str = '') -> None:
        self.need(name)
        path = self.partial / (new_name or name)
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(self.folder.root / name)

    def report(self, code: int = 0) -> str:
        """The report, whose table must be whole."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertEqual(
                code, report.main([str(self.partial)]), printed.getvalue()
            )
        for rule in checks.RULES:
            self.assertIn(f'{"all":24} {rule:16} ', printed.getvalue())
        return printed.getvalue()

    def counts(self, text: str, rule: str) -> tuple[int, int]:
        found = re.search(rf'^all +{rule} +(\d+)/(\d+)', text, re.MULTILINE)
        assert found is not None
        return int(found[1]), int(found[2])

    def test_jobs_without_schemas(self) -> None:
        self.link(JOBS)
        self.link('jobs/02_internet_gateway.jsonl')
        self.link(traces.TEMPLATES_2018)
        text = self.report()
        # Our own types are enough for some of them.
        self.assertIn('00_logical_network       params           14/14', text)
        self.assertEqual((0, 0), self.counts(text, checks.RENDERING))
        self.assertIn('absent: schemas.json', text)

    def test_jobs_without_templates(self) -> None:
        self.link(JOBS)
        self.link(traces.SCHEMAS)
        self.assertNotIn('MISMATCH', self.report())

    def test_all_the_rest_without_schemas(self) -> None:
        for name in (TWO_HANDLERS, STORY, DERIVED, NONWORKABLE):
            self.link(name)
        text = self.report()
        matched, total = self.counts(text, checks.STATES)
        self.assertEqual(matched, total)
        self.assertGreater(total, 0)
        self.assertIn('NOT COMPARABLE schemas', text)

    def test_two_handlers_without_a_choice_of_templates(self) -> None:
        self.link(traces.SCHEMAS)
        self.link(TWO_HANDLERS)
        self.link(OWN_TEMPLATES)
        self.assertIn(f'absent: {traces.MAPPINGS}', self.report())

    def test_texts_without_templates(self) -> None:
        self.link('rendered.jsonl')
        self.assertIn('absent: heat_templates_', self.report())

    def test_a_scenario_that_nobody_has_seen(self) -> None:
        self.link(traces.SCHEMAS)
        self.link(traces.TEMPLATES_2018)
        self.link(JOBS, 'jobs/77_unseen.jsonl')
        text = self.report()
        matched, total = self.counts(text, checks.PARAMS)
        self.assertEqual(matched, total)
        self.assertGreater(total, 0)
        self.assertIn('77_unseen', text)

    def test_a_type_that_the_schemas_lack_is_a_mismatch(self) -> None:
        self.link(JOBS)
        self.link(traces.TEMPLATES_2018)
        schemas = self.partial / traces.SCHEMAS
        schemas.write_text(json.dumps({'schemas': []}))
        record = next(self.folder.lines(NONWORKABLE))
        record['config_key'] = '/config/v2.0/robots/r'
        (self.partial / NONWORKABLE).write_text(json.dumps(record))
        text = self.report(code=1)
        self.assertIn('no type of the traces has the key', text)

    def test_a_record_of_another_form_is_a_mismatch(self) -> None:
        for content in ('{}', 'no JSON'):
            (self.partial / NONWORKABLE).write_text(content)
            self.assertIn('a record cannot be read', self.report(code=1))

    def test_templates_of_another_scenario_serve_a_replay(self) -> None:
        self.link(traces.SCHEMAS)
        self.link(traces.MAPPINGS)
        self.link(OWN_TEMPLATES)
        self.link(TWO_HANDLERS, 'two_handlers/03_unseen.jsonl')
        run = replay.Replay(traces.Traces(self.partial), '03_unseen')
        self.addCleanup(run.close)
        workflow = next(run.workflows())
        run.play(workflow)
        self.assertEqual(
            [record['handler'] for record in workflow],
            [job.handler for job, _ in run.started],
        )

    def test_make_runs_nothing_else_on_a_folder_that_is_named(self) -> None:
        if shutil.which('make') is None:
            self.skipTest('there is no make')
        for folder, expected in ((str(self.partial), False), ('', True)):
            commands = subprocess.run(
                ['make', '-n', 'conformance', f'TRACES={folder}'],
                cwd=CHECKOUT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            self.assertIn('conformance.report', commands)
            self.assertEqual(expected, 'run_tests.py' in commands)
