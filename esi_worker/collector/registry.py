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

"""The last values of every target, as the HTTP API shows them.

They live in memory only: after a restart the next poll brings them back.
"""

from __future__ import annotations

import dataclasses
import threading

from esi_worker import clock as clocks
from esi_worker.collector import results
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """The last value of one result (section 2.2 of the reference).

    ``last_reported`` moves on every report of a value, ``last_changed``
    only when the value is another; ``fail_counter`` counts the polls
    that have failed one after the other.
    """

    reporter: str
    key: str
    value: Json
    last_reported: str
    last_changed: str
    fail_counter: int = 0

    def to_json(self) -> dict[str, Json]:
        return {
            'reporter': self.reporter,
            'key': self.key,
            'value': self.value,
            'last_reported': self.last_reported,
            'last_changed': self.last_changed,
            'fail_counter': self.fail_counter,
        }


class Registry:
    """The targets that are monitored here, with their last values."""

    def __init__(self, clock: clocks.Clock, max_failures: int = 0) -> None:
        """:param max_failures: polls that may fail in a row before the
        status is ``FAIL``
        """
        self._clock = clock
        self._max_failures = max_failures
        self._lock = threading.Lock()
        self._targets: dict[str, Target] = {}
        self._entries: dict[str, dict[str, Entry]] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._targets)

    def add(self, target: Target) -> None:
        """Begin to keep values.

        Those of an earlier description stay if it asked for the same.
        """
        with self._lock:
            old = self._targets.get(target.id)
            self._targets[target.id] = target
            if old is None or not target.asks_same_as(old):
                self._entries[target.id] = {}

    def remove(self, target_id: str) -> Target | None:
        """Forget a target and its values.

        :returns: the target, or None when it was not known
        """
        with self._lock:
            self._entries.pop(target_id, None)
            return self._targets.pop(target_id, None)

    def get(self, target_id: str) -> Target | None:
        with self._lock:
            return self._targets.get(target_id)

    def targets(self) -> list[Target]:
        with self._lock:
            return list(self._targets.values())

    def values(self, target_id: str) -> list[Entry]:
        """The last values of a target, by name."""
        with self._lock:
            entries = self._entries.get(target_id, {})
            return [entries[name] for name in sorted(entries)]

    def value(self, target_id: str, name: str) -> Entry | None:
        """The last value of one result."""
        with self._lock:
            return self._entries.get(target_id, {}).get(name)

    def record(
        self, target: Target, reporter: str, result: results.Result
    ) -> Entry | None:
        """Note a result.

        A failure makes the status ``FAIL``, once more polls have failed
        in a row than are tolerated; of other results the old value
        stays, and what was never seen is None.

        :returns: the new entry; None when nothing new is known, or the
            target is no longer monitored in this state
        """
        with self._lock:
            known = self._targets.get(target.id)
            if known is None or known.revision != target.revision:
                return None
            entries = self._entries[target.id]
            old = entries.get(result.name)
            new = self._entry(old, reporter, result)
            if new is not None:
                entries[result.name] = new
                return new
            if old is None:
                old = self._reported(None, reporter, result.name, None)
            entries[result.name] = _failed(old, old)
            return None

    def _entry(
        self, old: Entry | None, reporter: str, result: results.Result
    ) -> Entry | None:
        if isinstance(result, results.Sample):
            return self._reported(old, reporter, result.name, result.value)
        failures = 0 if old is None else old.fail_counter
        tolerated = failures < self._max_failures
        if result.name != results.STATUS or tolerated:
            return None
        new = self._reported(old, reporter, result.name, results.FAIL)
        return _failed(new, old)

    def _reported(
        self, old: Entry | None, reporter: str, name: str, value: Json
    ) -> Entry:
        now = clocks.timestamp(self._clock)
        if old is not None and old.value == value:
            return dataclasses.replace(
                old, reporter=reporter, last_reported=now, fail_counter=0
            )
        return Entry(reporter, name, value, now, now)


def _failed(entry: Entry, old: Entry | None) -> Entry:
    failures = 0 if old is None else old.fail_counter
    return dataclasses.replace(entry, fail_counter=failures + 1)
