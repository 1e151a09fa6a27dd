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

"""Time as something that is handed in.

Code that waits or counts takes a ``Clock``, so that tests and the
simulator can move time by hand.
"""

from __future__ import annotations

import datetime
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where code reads the time from."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    def time(self) -> float:
        """Seconds since the epoch."""


class SystemClock:
    """The time of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_500_000_000.0) -> None:
        self._start = now
        self._elapsed = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self._elapsed

    def time(self) -> float:
        return self._start + self._elapsed

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        with self._lock:
            self._elapsed += seconds


def timestamp(clock: Clock) -> str:
    """The time as RFC 3339 text in UTC with whole seconds."""
    now = datetime.datetime.fromtimestamp(clock.time(), datetime.UTC)
    return now.strftime('%Y-%m-%dT%H:%M:%SZ')
