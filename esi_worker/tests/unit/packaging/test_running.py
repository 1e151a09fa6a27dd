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

"""What ``make test`` says at the end of its output."""

from __future__ import annotations

import contextlib
import io
import runpy
from typing import Any

import subunit
import testtools

from esi_worker.tests.unit.packaging import checkout


class RunningTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.tool: dict[str, Any] = runpy.run_path(
            str(checkout.ROOT / 'tools' / 'run_tests.py')
        )

    def test_failed_tests_are_named_last_with_their_tracebacks(self) -> None:
        summary = self.tool['summarize'](stream_of_samples())
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.tool['show'](summary)
        lines = out.getvalue().splitlines()
        bad = 'failed: sample.bad'
        self.assertEqual([bad, '1 passed, 1 failed, 1 skipped'], lines[-2:])
        self.assertIn(f'{bad}:', lines)
        self.assertIn('ValueError: wrong', lines)
        self.assertIn('skipped: sample.skipped: no time', lines)

    def test_test_that_never_ended_has_failed(self) -> None:
        stream = io.BytesIO()
        output = subunit.StreamResultToBytes(stream)
        output.startTestRun()
        output.status('a.test', 'inprogress')
        output.stopTestRun()
        summary = self.tool['summarize'](stream.getvalue())
        self.assertEqual(
            (('a.test', 'no traceback; it is "inprogress"'),),
            summary.failures,
        )


def bad(_test: testtools.TestCase) -> None:
    raise ValueError('wrong')


def good(_test: testtools.TestCase) -> None:
    pass


def skipped(test: testtools.TestCase) -> None:
    test.skipTest('no time')


def stream_of_samples() -> bytes:
    """What such tests say, in subunit's form."""
    stream = io.BytesIO()
    result: Any = testtools.ExtendedToStreamDecorator(
        subunit.StreamResultToBytes(stream)
    )
    result.startTestRun()
    for run in (bad, good, skipped):
        case = type('Case', (testtools.TestCase,), {'runTest': run})
        testtools.clone_test_with_new_id(case(), f'sample.{run.__name__}').run(
            result
        )
    result.stopTestRun()
    return stream.getvalue()
