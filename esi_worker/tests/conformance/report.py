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

"""Report how much of the recorded traces is reproduced.

Run as ``python -m esi_worker.tests.conformance.report [FOLDER]``. One
line per scenario and rule says how many records match; each mismatch is
named, and makes the exit status 1. A file that is absent counts nothing;
what cannot be compared without it is counted apart.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence
import dataclasses
import pathlib
import sys

from esi_worker import exceptions
from esi_worker.tests.conformance import checks, traces

READING = 'reading'
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError)


@dataclasses.dataclass(slots=True)
class Count:
    """The findings of one scenario and rule, or of several."""

    matched: int = 0
    total: int = 0
    skipped: int = 0

    def add(self, finding: checks.Finding) -> None:
        if finding.skipped:
            self.skipped += 1
            return
        self.total += 1
        self.matched += not finding.mismatch

    def __str__(self) -> str:
        skipped = f' ({self.skipped} not comparable)' if self.skipped else ''
        return f'{self.matched}/{self.total}{skipped}'


def count(
    findings: Iterable[checks.Finding],
) -> dict[tuple[str, str], Count]:
    """Count findings by scenario and rule."""
    counts: dict[tuple[str, str], Count] = {}
    for finding in findings:
        key = (finding.scenario, finding.rule)
        counts.setdefault(key, Count()).add(finding)
    return counts


def lines(findings: Sequence[checks.Finding]) -> Iterable[str]:
    """The report, line by line."""
    counts = count(findings)
    for scenario, rule in sorted(counts):
        yield f'{scenario:24} {rule:16} {counts[scenario, rule]}'
    for rule in checks.RULES:
        total = Count()
        for finding in findings:
            if finding.rule == rule:
                total.add(finding)
        yield f'{"all":24} {rule:16} {total}'
    apart = collections.Counter(
        (finding.scenario, finding.skipped)
        for finding in findings
        if finding.skipped
    )
    for (scenario, reason), number in sorted(apart.items()):
        yield f'NOT COMPARABLE {scenario}: {number} times: {reason}'
    for finding in findings:
        if finding.mismatch:
            yield (
                f'MISMATCH {finding.scenario}, {finding.rule}, '
                f'{finding.record}: {finding.mismatch}'
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 when anything does not match."""
    if arguments is None:
        arguments = sys.argv[1:]
    folder = pathlib.Path(arguments[0]) if arguments else traces.find()
    findings: list[checks.Finding] = []
    if arguments and not pathlib.Path(arguments[0]).is_dir():
        _say(f'{folder} is no folder')
        return 2
    if folder is None or not folder.is_dir():
        _say(f'There are no traces; name their folder ({traces.VARIABLE}).')
    else:
        recorded = traces.Traces(folder)
        for check in checks.CHECKS:
            findings.extend(_found(check, recorded))
    for line in lines(findings):
        _say(line)
    return int(any(finding.mismatch for finding in findings))


def _found(
    check: checks.Check, recorded: traces.Traces
) -> Iterator[checks.Finding]:
    """What a check finds, until a record is not of the known form."""
    name = check.__name__
    try:
        yield from check(recorded)
    except (exceptions.EsiWorkerError, *_MALFORMED) as error:
        reason = f'a record cannot be read: {error!r}'
        yield checks.Finding(name, READING, 'all that follow', reason)


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')


if __name__ == '__main__':
    sys.exit(main())
