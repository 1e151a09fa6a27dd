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


"""How many requests an endpoint gets, and when it wants none.

Each endpoint (host and port) has a budget of requests per second. Looks
at stacks wait for it; everything else is counted but goes at once, for
it is what the jobs are about: so looking gives way to working. An answer
429, or any with ``Retry-After``, closes the endpoint for as long as it
says, and requests meanwhile fail without being sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import contextlib
import contextvars
import datetime
from email import utils as mail
import random
import threading
import time
from urllib import parse

from esi_worker import clock as clocks
from esi_worker.handlers.heat import errors

#: Codes whose ``Retry-After`` closes the endpoint.
_CLOSING = frozenset((429, 503))
#: Seconds that an endpoint is closed for at most, whatever it asks for.
_LONGEST = 600.0
#: Seconds of the budget that may be overdrawn by what does not wait.
_DEBT = 0.25

_waits: contextvars.ContextVar[bool] = contextvars.ContextVar(
    'waits', default=False
)


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Let the requests made within wait for the budget."""
    token = _waits.set(True)
    try:
        yield
    finally:
        _waits.reset(token)


class Pacer:
    """The budgets of all endpoints; threads may share it."""

    def __init__(
        self,
        rate: float,
        clock: clocks.Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the budget.

        :param rate: requests per second and endpoint
        """
        self._rate = rate
        self._clock = clock or clocks.SystemClock()
        self._sleep = sleep
        self._lock = threading.Lock()
        #: When the next request is paid for.
        self._next: dict[str, float] = {}
        self._closed_until: dict[str, float] = {}

    def enter(self, url: str) -> None:
        """Pay for a request that is about to be sent; may wait.

        :raises HeatUnavailable: its endpoint wants none now
        """
        endpoint = parse.urlsplit(url).netloc
        self._check(endpoint)
        delay = self._pay(endpoint)
        if _waits.get() and delay > 0:
            self._sleep(delay)
            self._check(endpoint)

    def saw(self, url: str, code: int, headers: Mapping[str, str]) -> float:
        """Heed an answer.

        :returns: for how many seconds it closes its endpoint
        """
        if code not in _CLOSING:
            return 0.0
        wish = headers.get('Retry-After')
        seconds = min(_LONGEST, _seconds(wish, self._clock.time()))
        if seconds > 0:
            endpoint = parse.urlsplit(url).netloc
            with self._lock:
                until = self._clock.monotonic() + seconds
                known = self._closed_until.get(endpoint, until)
                self._closed_until[endpoint] = max(known, until)
        return seconds

    def _check(self, endpoint: str) -> None:
        with self._lock:
            until = self._closed_until.get(endpoint)
            if until is None:
                return
            left = until - self._clock.monotonic()
            if left <= 0:
                del self._closed_until[endpoint]
                return
        raise errors.HeatUnavailable(
            f'{endpoint} has asked for no requests for some time',
            after=apart(left),
        )

    def _pay(self, endpoint: str) -> float:
        """:returns: seconds until the request is within the budget"""
        with self._lock:
            now = self._clock.monotonic()
            due = max(now, self._next.get(endpoint, now))
            cost = 1.0 / self._rate
            limit = now + (_LONGEST if _waits.get() else _DEBT)
            self._next[endpoint] = max(due, min(due + cost, limit))
            return due - now


def apart(seconds: float) -> float:
    """A bit more than so many seconds, lest all come back at once."""
    return seconds + random.uniform(0.0, 1.0 + seconds / 10)  # noqa: S311


def _seconds(wish: str | None, now: float) -> float:
    """Decode ``Retry-After``, which may be a number or a date."""
    if wish is None:
        return 0.0
    try:
        return max(0.0, float(int(wish)))
    except ValueError:
        pass
    try:
        date = mail.parsedate_to_datetime(wish)
    except ValueError:
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.UTC)
    return max(0.0, date.timestamp() - now)
