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

"""Runs many histories, on all cores, and sums up what they show."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence
import contextlib
import dataclasses
import logging
import multiprocessing
import os

from esi_worker.tests.simulation import history, kernel, sites
from esi_worker.tests.simulation.faults import Visit
from esi_worker.tests.simulation.history import Report

#: What ``make test`` runs.
FIXED_SEEDS = range(520)
_CHUNK = 8
_ROUNDS = 6

#: A seed, and visits of sites at which it crashes additionally.
Case = tuple[int, tuple[Visit, ...]]
#: A process of the pool does nothing else, so nothing is restored.
_for_ever = contextlib.ExitStack()


#: What an eventful history has at least.
_WRITES, _FAULTS = 30, 5


@dataclasses.dataclass(slots=True)
class Summary:
    """What a number of histories show together."""

    histories: int = 0
    writes: int = 0
    faults: int = 0
    states: int = 0
    failed: list[Report] = dataclasses.field(default_factory=list)
    #: How often each visit was a crash, and a case that has the visit.
    crashes: collections.Counter[Visit] = dataclasses.field(
        default_factory=collections.Counter
    )
    reached: dict[Visit, Case] = dataclasses.field(default_factory=dict)
    #: Histories with as many writes and faults as they should have; a
    #: fault that was drawn may find nothing left to strike.
    eventful: int = 0

    def add(self, report: Report) -> None:
        self.histories += 1
        self.writes += report.writes
        self.faults += len(report.faults)
        self.states += report.states
        self.crashes.update(report.crashed)
        for visit in report.visited:
            self.reached.setdefault(visit, (report.seed, report.visits))
        if report.violations:
            self.failed.append(report)
            return
        if report.writes >= _WRITES and len(report.faults) >= _FAULTS:
            self.eventful += 1

    def not_crashed(self) -> list[Case]:
        """A history for each visit that was no crash yet."""
        return [
            (seed, (*visits, visit))
            for visit, (seed, visits) in sorted(self.reached.items())
            if not self.crashes[visit]
        ]

    def unreached(self) -> set[str]:
        """Functions that call the store and were not reached."""
        seen = {sites.function(site) for site, _ in self.reached}
        return sites.written() - seen

    def table(self) -> Iterator[str]:
        """The list of the sites, with the crashes before and after."""
        yield (
            f'{self.histories} histories, {self.writes} writes of configs, '
            f'{self.states} states, {self.faults} faults'
        )
        yield 'crashes before | after | site of a store call'
        for site in sorted({site for site, _ in self.reached}):
            before = self.crashes[(site, 'before')]
            after = self.crashes[(site, 'after')]
            yield f'{before:6} {after:6}  {site}'


def run_all(cases: Iterable[Case], workers: int = 0) -> Iterator[Report]:
    """Run histories in their order.

    :param workers: processes, 0 for one per core
    """
    count = workers or os.cpu_count() or 1
    if count == 1:
        with quiet():
            yield from map(_run, cases)
        return
    # Forked, so that nothing is imported again.
    context = multiprocessing.get_context('fork')
    with context.Pool(count, initializer=_prepare) as pool:
        yield from pool.imap(_run, cases, chunksize=_CHUNK)


def fixed_set(seeds: Sequence[int] = FIXED_SEEDS) -> Summary:
    """The histories of ``make test``: those of the seeds, then one for
    each site at which no process has crashed yet."""
    summary = Summary()
    cases: list[Case] = [(seed, ()) for seed in seeds]
    rounds = 0
    while cases and rounds < _ROUNDS and not summary.failed:
        rounds += 1
        for report in run_all(cases):
            summary.add(report)
        # After a crash other sites may be reached for the first time.
        cases = summary.not_crashed()
    return summary


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Histories run here, and log nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with kernel.installed():
            yield
    finally:
        logging.disable(before)


def _prepare() -> None:
    _for_ever.enter_context(quiet())


def _run(case: Case) -> Report:
    report = history.run(*case)
    if report.violations:
        return report
    # The lines are for failures; they would only be carried about.
    return dataclasses.replace(report, lines=())
