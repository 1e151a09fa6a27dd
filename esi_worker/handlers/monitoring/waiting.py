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

"""Jobs that wait for the first status of what they monitor.

A section is *settled* when its status is good, or when it has had its
time. What is known then is published: that a port is down does not make
its job fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses

from esi_worker.handlers.monitoring import legacy
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.model import Job
from esi_worker.model.codec import Json

#: Nobody knows how the object is.
FAIL = 'FAIL'
_BAD = frozenset((FAIL, 'DOWN'))

#: Looks at the status of a section; None while there is none.
Look = Callable[[], Json]


@dataclasses.dataclass(slots=True)
class Watched:
    """A section of a job that waits for its status.

    ``until`` is the time, by the monotonic clock, when waiting ends.
    """

    section: Section
    look: Look
    until: float
    status: Json = None
    settled: bool = False

    def observe(self, now: float) -> None:
        """Look at the status, unless that is settled."""
        if self.settled:
            return
        status = legacy.word(self.section, self.look())
        if status is not None:
            self.status = status
        self.settled = self._is_good() or now >= self.until

    def _is_good(self) -> bool:
        if self.status is None:
            return False
        wanted = self.section.wanted
        if wanted is not None and isinstance(self.status, str):
            return self.status.lower() == wanted.lower()
        return isinstance(self.status, dict) or self.status not in _BAD


@dataclasses.dataclass(slots=True)
class Wait:
    """A job that has registered its targets."""

    job: Job
    watched: Sequence[Watched]

    def observe(self, now: float) -> bool:
        """Look at everything that is not settled.

        :returns: whether all of it is settled now
        """
        for each in self.watched:
            each.observe(now)
        return all(each.settled for each in self.watched)

    def pause(self, default: float) -> float:
        """Seconds until the next look."""
        return min(
            (
                default if each.section.pause is None else each.section.pause
                for each in self.watched
                if not each.settled
            ),
            default=default,
        )

    def results(self) -> dict[str, Json]:
        """The status of every section; one that is not known is FAIL."""
        return {
            each.section.name: FAIL if each.status is None else each.status
            for each in self.watched
        }
