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

"""What the pollers that ask routers over NETCONF have in common."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
import time
from typing import Any, Final

from oslo_config import cfg

from esi_worker import exceptions, plugins
from esi_worker.collector.pollers import base, libraries, ports
from esi_worker.collector.pollers.netconf import (
    Endpoint,
    NetconfError,
    shared_sessions,
)
from esi_worker.collector.results import Result
from esi_worker.collector.target_types import TEXT, Schema
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

OPTIONS = [
    cfg.BoolOpt(
        'netconf_verify_hosts',
        default=True,
        help='Whether routers are asked over NETCONF only when their host '
        "key is in ~/.ssh/known_hosts of the collector's user.",
    ),
]

#: Members of a side; who is asked, and as who.
DEVICE: Final[Mapping[str, Schema]] = {
    'host': TEXT,
    'port': ports.SCHEMA,
    'login': TEXT,
    'password': TEXT,
}

#: One question: to whom, and the name of the RPC with its arguments.
Question = tuple[Endpoint, tuple[str, ...]]


class NetconfPoller(base.Poller, abc.ABC):
    """Base of pollers that ask routers over NETCONF.

    All targets of one pool are served by one RPC for each router and
    kind of question.
    """

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self._sessions = shared_sessions()

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('collector', OPTIONS),)

    def problems(self, target: Target) -> list[str]:
        missing = libraries.missing('ncclient')
        return [missing] if missing else []

    @abc.abstractmethod
    def questions(self, target: Target) -> Mapping[str, Question]:
        """What to ask for a target, by the name of the side.

        :raises TransientError: a credential cannot be looked up
        """

    @abc.abstractmethod
    def results(
        self, target: Target, answers: Mapping[str, Any]
    ) -> Iterator[Result]:
        """What the answers mean.

        :param answers: by side, the element ``rpc-reply`` or the
            ``NetconfError`` that came instead
        """

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        self._sessions.close_idle()
        deadline = time.monotonic() + timeout
        asked = {target.id: self._asked(target) for target in targets}
        questions = dict.fromkeys(
            question
            for by_side in asked.values()
            for question in by_side.values()
            if not isinstance(question, exceptions.TransientError)
        )
        answers = dict(self._answers(list(questions), deadline))
        return {
            target.id: tuple(
                self.results(
                    target,
                    {
                        side: answers.get(question, question)
                        for side, question in asked[target.id].items()
                    },
                )
            )
            for target in targets
        }

    def endpoint(self, side: Mapping[str, Json]) -> Endpoint:
        """:raises NetconfError: a credential is of no use"""
        login, password = (
            self.context.credentials.resolve(side[name])
            for name in ('login', 'password')
        )
        if not (isinstance(login, str) and isinstance(password, str)):
            raise NetconfError(
                'the entry of the credentials file must be a text'
            )
        return Endpoint(
            str(side['host']), ports.number(side['port'], 830), login, password
        )

    def close(self) -> None:
        self._sessions.close()

    def _asked(self, target: Target) -> Mapping[str, Any]:
        missing = libraries.missing('ncclient')
        if missing:
            return {'': NetconfError(missing)}
        try:
            return self.questions(target)
        except exceptions.TransientError as error:
            return {'': error}

    def _answers(
        self, questions: Sequence[Question], deadline: float
    ) -> Iterator[tuple[Question, Any]]:
        """Ask one after the other; each gets its share of the time."""
        verify = self.context.conf.collector.netconf_verify_hosts
        for number, question in enumerate(questions):
            left = max(deadline - time.monotonic(), 0.0)
            share = left / (len(questions) - number)
            endpoint, words = question
            try:
                answer = self._sessions.ask(
                    endpoint, _element(words), share, verify
                )
            except NetconfError as error:
                answer = NetconfError(f'{endpoint.host}: {error}')
            yield question, answer


def pair(hosts: Iterator[Json] | Sequence[Json]) -> str:
    """The name of routers that are asked together."""
    return ' '.join(str(host) for host in hosts)


def _element(words: Sequence[str]) -> Any:
    """An RPC as XML."""
    from lxml import etree

    element = etree.Element(words[0])
    for name, value in zip(words[1::2], words[2::2], strict=True):
        etree.SubElement(element, name).text = value
    return element
