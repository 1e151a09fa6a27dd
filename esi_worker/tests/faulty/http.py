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

"""The terms of proxy and faults: what is asked, answered and suffered."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json
from typing import Protocol
from urllib import parse


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; ``path`` comes with its query."""

    method: str
    path: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    content: bytes = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return f'{self.method} {self.path}'

    @property
    def route(self) -> str:
        """The path without its query."""
        return parse.urlsplit(self.path).path

    @property
    def body(self) -> str:
        return self.content.decode('utf-8', 'replace')


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a service says; ``headers`` are those that concern the body
    and the client, not the connection."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    content: bytes = b''

    @classmethod
    def error(cls, status: int, text: str, **headers: str) -> Answer:
        """An error as something in front of the service words it.

        :param headers: with underscores for hyphens
        """
        body = {'error': {'code': status, 'message': text}}
        named = {
            name.replace('_', '-').title(): value
            for name, value in headers.items()
        }
        return cls(
            status,
            {'Content-Type': 'application/json', **named},
            json.dumps(body).encode(),
        )


class Exchange(Protocol):
    """One request on its way, and what can be done with it.

    Exactly one of ``answer``, ``cut``, ``hang_up`` and ``reset`` ends it.
    """

    request: Request

    def forward(self) -> Answer:
        """Ask the service; may be done more than once.

        :raises OSError: it cannot be reached or does not answer
        """

    def answer(self, answer: Answer) -> None:
        """Give the client an answer."""

    def cut(self, answer: Answer, length: int) -> None:
        """Give so many bytes of an answer's body, then hang up."""

    def hang_up(self) -> None:
        """Close the client's connection in good order, unanswered."""

    def reset(self) -> None:
        """Reset the client's connection, unanswered."""

    def wait(self, seconds: float) -> None:
        """Let time pass, or the proxy close."""


class Fault(Protocol):
    """Something a request suffers; its class names it in the account."""

    def befall(self, exchange: Exchange) -> None:
        """Do it to a request, which ends with this."""
