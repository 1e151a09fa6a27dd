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

"""Faults dealt out by a seed, so that a run can be had again.

The fate of the n-th request of its kind depends on the seed, the kind and
n alone, not on how threads take turns. A kind is a method and a route
without ids, and the name of the stack if the request has one.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
import random
import re

from esi_worker.tests.faulty.http import Fault, Request

_ID = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?=/|$)'
    r'|[0-9a-f]{32}(?=/|$)'
)
_NAME = re.compile(r'"stack_name": *"([^"]+)"')


class Weather:
    """What befalls requests when no rule says otherwise."""

    def __init__(
        self,
        seed: int,
        shares: Sequence[tuple[Fault, float]],
        most: int = 3,
    ) -> None:
        """
        :param shares: the share of requests that each fault befalls, as
            numbers below 1 whose sum is at most 1
        :param most: so many requests of a kind suffer in a row at most
        """
        self._seed = seed
        self._shares = tuple(shares)
        self._most = most
        self._counts: collections.Counter[str] = collections.Counter()
        self._in_a_row: collections.Counter[str] = collections.Counter()

    def fate(self, request: Request) -> Fault | None:
        """What befalls this request; to be asked once, by one thread."""
        kind = _kind(request)
        self._counts[kind] += 1
        dice = random.Random(f'{self._seed} {kind} {self._counts[kind]}')
        fault = self._drawn(dice.random())
        if fault is None or self._in_a_row[kind] >= self._most:
            self._in_a_row[kind] = 0
            return None
        self._in_a_row[kind] += 1
        return fault

    def _drawn(self, number: float) -> Fault | None:
        for fault, share in self._shares:
            if number < share:
                return fault
            number -= share
        return None


def _kind(request: Request) -> str:
    named = _NAME.search(request.body)
    name = named.group(1) if named else ''
    return f'{request.method} {_ID.sub("*", request.route)} {name}'
