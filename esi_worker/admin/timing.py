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
"""How long jobs wait and versions take, seen from outside.

Durations count from the moment at which this process saw the first
change; what was there before it began to look is not timed. Only the
elected manager times, so that each duration counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from esi_worker import clock as clocks
from esi_worker import metrics
from esi_worker.admin import rows


class Timer:
    """Fills the histograms of the elected manager."""

    def __init__(
        self, clock: clocks.Clock, leading: Callable[[], bool]
    ) -> None:
        """:param leading: whether this process is the elected manager"""
        self._clock = clock
        self._leading = leading
        self._desired: dict[str, tuple[int, float]] = {}
        self._made: dict[str, float] = {}
        self._claimed: dict[str, float] = {}

    def config_changed(self, path: str, version: int | None) -> None:
        """A version is desired, or none any more."""
        if version is None:
            self._desired.pop(path, None)
            return
        known = self._desired.get(path)
        if known is None or known[0] != version:
            self._desired[path] = (version, self._clock.monotonic())

    def state_changed(self, path: str, version: int) -> None:
        """A version was published."""
        known = self._desired.get(path)
        if known is None or version < known[0]:
            return
        del self._desired[path]
        if self._leading():
            metrics.CONFIG_TO_STATE.observe(self._clock.monotonic() - known[1])

    def job_moved(self, job: rows.JobRow, place: str, arrived: bool) -> None:
        """A key of a job came or went."""
        now = self._clock.monotonic()
        if place == 'all' and arrived:
            self._made.setdefault(job.id, now)
        elif place == 'working' and arrived:
            self._claimed[job.id] = now
            made = self._made.pop(job.id, None)
            if made is not None and self._leading():
                metrics.JOB_WAIT.labels(job.handler).observe(now - made)
        elif place == 'working':
            self._claimed.pop(job.id, None)
        elif place == 'all':
            self._made.pop(job.id, None)

    def longest(self, jobs: Iterable[rows.JobRow]) -> dict[str, float]:
        """Since when the longest claim of each handler is known, as
        seconds."""
        now = self._clock.monotonic()
        found: dict[str, float] = {}
        for job in jobs:
            if job.state is rows.JobState.WORKING:
                since = self._claimed.setdefault(job.id, now)
                longest = found.get(job.handler, 0.0)
                found[job.handler] = max(longest, now - since)
        return found
