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

"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable
import random


class Backoff:
    """Delays that double up to a limit, each with jitter.

    The jitter takes up to half of a delay away, so that many processes
    that lost the same server do not come back at the same moment.
    """

    def __init__(
        self,
        *,
        first: float,
        limit: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Set the limits.

        :param first: seconds before the first new try
        :param limit: seconds that no delay exceeds
        :param jitter: gives a number from 0 to 1
        """
        self._first = first
        self._limit = limit
        self._jitter = jitter
        self._next = first

    def delay(self) -> float:
        """Seconds to wait now; the next answer is longer."""
        delay = min(self._next, self._limit)
        self._next = min(self._next * 2, self._limit)
        return delay * (1 - self._jitter() / 2)

    def reset(self) -> None:
        """Start anew after a success."""
        self._next = self._first
