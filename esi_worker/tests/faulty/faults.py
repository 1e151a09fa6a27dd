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

"""What a request may suffer.

Those named ``...Answer`` come after the service has done what it was
asked for; of the others it never hears, or hears twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading

from esi_worker.tests.faulty.http import Answer, Exchange

UNAVAILABLE = Answer.error(503, 'nobody is at home')
TOO_LATE = Answer.error(504, 'the service takes too long')
#: Seconds; only a failing test waits for it.
_PATIENCE = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """The request passes unharmed."""

    def befall(self, exchange: Exchange) -> None:
        exchange.answer(exchange.forward())


@dataclasses.dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset before the service hears of it."""

    def befall(self, exchange: Exchange) -> None:
        exchange.reset()


@dataclasses.dataclass(frozen=True, slots=True)
class Refuse:
    """Something in front of the service answers, such as 503 or 429."""

    with_answer: Answer = UNAVAILABLE

    def befall(self, exchange: Exchange) -> None:
        exchange.answer(self.with_answer)


@dataclasses.dataclass(frozen=True, slots=True)
class Delay:
    """The service hears of it so many seconds later."""

    seconds: float

    def befall(self, exchange: Exchange) -> None:
        exchange.wait(self.seconds)
        exchange.answer(exchange.forward())


@dataclasses.dataclass(frozen=True, slots=True)
class ReplaceHeader:
    """The service hears of it with another value in a header."""

    name: str
    value: str

    def befall(self, exchange: Exchange) -> None:
        headers = {**exchange.request.headers, self.name: self.value}
        exchange.request = dataclasses.replace(
            exchange.request, headers=headers
        )
        exchange.answer(exchange.forward())


@dataclasses.dataclass(frozen=True, slots=True)
class ReplaceHeaderOfAnswer:
    """The service answers with another value in a header."""

    name: str
    value: str

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        headers = {**answer.headers, self.name: self.value}
        exchange.answer(dataclasses.replace(answer, headers=headers))


@dataclasses.dataclass(frozen=True, slots=True)
class Twice:
    """Something in front of the service sends it again; the second
    answer is the one that is given."""

    def befall(self, exchange: Exchange) -> None:
        exchange.forward()
        exchange.answer(exchange.forward())


@dataclasses.dataclass(frozen=True, slots=True)
class DropAnswer:
    """The connection is closed in place of an answer."""

    def befall(self, exchange: Exchange) -> None:
        exchange.forward()
        exchange.hang_up()


@dataclasses.dataclass(frozen=True, slots=True)
class ResetAnswer:
    """The connection is reset in place of an answer."""

    def befall(self, exchange: Exchange) -> None:
        exchange.forward()
        exchange.reset()


@dataclasses.dataclass(frozen=True, slots=True)
class ReplaceAnswer:
    """Something in front of the service gives up waiting for it."""

    with_answer: Answer = TOO_LATE

    def befall(self, exchange: Exchange) -> None:
        exchange.forward()
        exchange.answer(self.with_answer)


@dataclasses.dataclass(frozen=True, slots=True)
class DelayAnswer:
    """The answer comes so many seconds later."""

    seconds: float

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.wait(self.seconds)
        exchange.answer(answer)


@dataclasses.dataclass(frozen=True, slots=True)
class TruncateAnswer:
    """A whole answer whose JSON ends in the middle."""

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        half = answer.content[: len(answer.content) // 2]
        exchange.answer(dataclasses.replace(answer, content=half))


@dataclasses.dataclass(frozen=True, slots=True)
class CutAnswer:
    """The connection is closed in the middle of the answer's body."""

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.cut(answer, len(answer.content) // 2)


class HoldRequests:
    """Requests are kept back until so many have come, then all go."""

    def __init__(self, count: int) -> None:
        self._gate = threading.Barrier(count)

    def befall(self, exchange: Exchange) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._gate.wait(_PATIENCE)
        exchange.answer(exchange.forward())


class HoldAnswer:
    """Answers are kept back until the test lets them go.

    ``asked`` is set when the first one is.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._go = threading.Event()

    def release(self) -> None:
        self._go.set()

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        self.asked.set()
        self._go.wait(_PATIENCE)
        exchange.answer(answer)
