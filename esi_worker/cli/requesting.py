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

"""Asking the elected manager for something, and waiting for its answer.

A request lies on a lease: a manager that is away for longer than the
command waits does not do it later, when nobody expects it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import time

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.cli import requests as writing
from esi_worker.model import Answer, Request, RequestOutcome

_INTERVAL = 0.2
#: The answer is kept for so many seconds longer than it is waited for.
_KEPT = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what became of it; None while it has no answer."""

    request: Request
    answer: Answer | None


class Asker:
    """Writes requests and reads their answers."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        *,
        clock: clocks.Clock | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = target
        self._keys = keys
        self._clock = clock or clocks.SystemClock()
        self._pause = pause

    def ask(self, requests: Sequence[Request], timeout: float) -> list[Asked]:
        """Ask, and wait until all is answered or time is up.

        What has no answer by then is taken back.

        :param timeout: seconds
        :raises StoreTimeout: nobody knows what became of it
        """
        names = writing.submit(
            self._store,
            self._keys,
            requests,
            int(timeout) + _KEPT,
            clock=self._clock,
        )
        keys = dict(zip(names, requests, strict=True))
        try:
            return self._follow(keys, timeout)
        except exceptions.StoreUnavailable as error:
            raise exceptions.StoreTimeout(
                'the manager was asked, but its answer cannot be read; '
                f'"request list" tells it later: {error}'
            ) from error

    def _follow(
        self, keys: Mapping[str, Request], timeout: float
    ) -> list[Asked]:
        """Wait for the answers, and take back what has none in time."""
        until = self._clock.monotonic() + timeout
        answers = self._answers(list(keys))
        while len(answers) < len(keys) and self._clock.monotonic() < until:
            self._pause(_INTERVAL)
            answers = self._answers(list(keys))
        for key in keys.keys() - answers.keys():
            writing.take_back(self._store, key)
            answers.update(self._answers([key]))
        return [
            Asked(request, answers.get(key)) for key, request in keys.items()
        ]

    def ask_one(self, request: Request, timeout: float) -> Answer:
        """Ask for one thing.

        :raises TerminalError: it was not done; says why
        """
        (asked,) = self.ask([request], timeout)
        answer = asked.answer
        if answer is None:
            raise exceptions.TerminalError(
                f'no manager has answered within {timeout:g} s, so nothing '
                'is done; "manager show" tells who is elected'
            )
        if answer.outcome is not RequestOutcome.ACCEPTED:
            raise exceptions.TerminalError(
                f'the manager has not done it: {answer.reason}'
            )
        return answer

    def _answers(self, keys: Sequence[str]) -> dict[str, Answer]:
        found = {}
        for key, kv in self._store.get_many(keys).items():
            answer = Request.decode(key, kv.value).answer
            if answer is not None:
                found[key] = answer
        return found
