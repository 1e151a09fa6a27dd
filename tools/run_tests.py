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

"""Runs tests with stestr and says in one last line what came of it.

    run_tests.py [--limit SECONDS] [--may-be-empty] [KIND...]

A kind is a folder under esi_worker/tests; without one, all but ``slow``
run. stestr's own summary is followed by what tests report (their details
named ``report``), the skipped tests with their reasons, the failed ones
with their tracebacks and once more by name, and by ``N passed, N failed,
N skipped``: who sees only the end of it still learns what failed. The
exit code is 1 when a test failed or when none passed, stestr's own when
it broke down, 124 when the limit passed. Needs no terminal and reads no
input.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import contextlib
import dataclasses
import io
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from stestr.repository import util
from stestr.repository.abstract import RepositoryNotFound
import subunit
import testtools

ROOT = Path(__file__).absolute().parents[1]
TESTS = ROOT / 'esi_worker' / 'tests'
REPOSITORY = str(ROOT)
TIMED_OUT = 124
#: So many characters of a failure are repeated at the end.
_TROUBLE = 4000

_PASSED = ('success', 'xfail')
#: Records that stand for no finished test: listings and stray output.
_NO_RESULT = ('exists', 'unknown')


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """The results of one run.

    ``failures`` holds test id and what went wrong, ``skips`` test id and
    reason, ``reports`` test id and text.
    """

    passed: int = 0
    failures: tuple[tuple[str, str], ...] = ()
    skips: tuple[tuple[str, str], ...] = ()
    reports: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return (
            f'{self.passed} passed, {len(self.failures)} failed, '
            f'{len(self.skips)} skipped'
        )


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parse(arguments)
    folders = [TESTS / kind for kind in args.kinds]
    if args.may_be_empty and not any(_modules(folders)):
        print(f'there are no tests in {", ".join(args.kinds)}; nothing ran')
        print(Summary())
        return 0
    before = _latest_run()
    code = _run(_command(args.kinds, args.concurrency), args.limit)
    run = _latest_run()
    if run is None or run == before:
        print('stestr has recorded no results; see above for the reason')
        return code or 1
    summary = summarize(_stream(run))
    show(summary)
    return code or int(bool(summary.failures) or summary.passed == 0)


def show(summary: Summary) -> None:
    """Print what came of the tests; what matters most comes last."""
    for test, report in summary.reports:
        print(f'{test}:\n{report}')
    for test, reason in summary.skips:
        print(f'skipped: {test}: {reason}')
    for test, text in summary.failures:
        print(f'failed: {test}:\n{text}')
    for test, _ in summary.failures:
        print(f'failed: {test}')
    print(summary)


def summarize(stream: bytes) -> Summary:
    """Count the results in a subunit v2 stream."""
    results: list[Mapping[str, Any]] = []
    sink = testtools.StreamToDict(results.append)
    sink.startTestRun()
    subunit.ByteStreamToStreamResult(
        io.BytesIO(stream), non_subunit_name='stdout'
    ).run(sink)
    sink.stopTestRun()
    tests = [item for item in results if item['status'] not in _NO_RESULT]
    passed = [item for item in tests if item['status'] in _PASSED]
    skipped = [item for item in tests if item['status'] == 'skip']
    failed = [
        item for item in tests if item['status'] not in (*_PASSED, 'skip')
    ]
    return Summary(
        passed=len(passed),
        failures=tuple(
            sorted((test['id'], _trouble(test)) for test in failed)
        ),
        skips=tuple(sorted((test['id'], _reason(test)) for test in skipped)),
        reports=tuple(
            (test['id'], test['details']['report'].as_text())
            for test in tests
            if 'report' in test['details']
        ),
    )


def _reason(test: Mapping[str, Any]) -> str:
    content = test['details'].get('reason')
    return content.as_text().strip() if content else 'no reason given'


def _trouble(test: Mapping[str, Any]) -> str:
    """The end of a test's tracebacks, or that it never ended."""
    texts = [
        content.as_text().strip()
        for name, content in sorted(test['details'].items())
        if name.startswith('traceback')
    ]
    return (
        '\n'.join(texts)[-_TROUBLE:]
        or f'no traceback; it is "{test["status"]}"'
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Run tests with stestr.')
    parser.add_argument('--limit', type=float, help='seconds')
    parser.add_argument('--may-be-empty', action='store_true')
    parser.add_argument('--concurrency', type=int, default=2)
    parser.add_argument('kinds', nargs='*', metavar='KIND')
    args = parser.parse_args(arguments)
    for kind in args.kinds:
        if not (TESTS / kind).is_dir():
            parser.error(f'{kind} is no folder of esi_worker/tests')
    return args


def _modules(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders for path in folder.rglob('test_*.py')]


def _command(kinds: Sequence[str], concurrency: int) -> list[str]:
    command = [sys.executable, '-m', 'stestr', 'run']
    command += ['--concurrency', str(concurrency)]
    if not kinds:
        return [*command, '--exclude-regex', r'^esi_worker\.tests\.slow\.']
    return [*command, rf'^esi_worker\.tests\.({"|".join(kinds)})\.']


def _run(command: Sequence[str], limit: float | None) -> int:
    """Run a command; its whole process group ends with it."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        print(f'the tests were stopped after the limit of {limit:.0f} s')
        return TIMED_OUT
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _latest_run() -> str | None:
    """The number of the latest run that stestr has stored."""
    try:
        return str(util.get_repo_open(repo_url=REPOSITORY).latest_id())
    except (KeyError, RepositoryNotFound):
        return None


def _stream(run: str) -> bytes:
    repository = util.get_repo_open(repo_url=REPOSITORY)
    stream: bytes = repository.get_test_run(run).get_subunit_stream().read()
    return stream


if __name__ == '__main__':
    sys.exit(main())
