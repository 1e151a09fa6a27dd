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

"""What every poller has to be.

A poller asks one kind of backend, for the types of targets that it
declares. Targets with the same *pool key* are polled together, in one
call of ``poll``, so that a device is asked once for all that is
monitored on it. Targets with the same *affinity* are polled by the same
collector, so that they can share a session.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, ClassVar

from esi_worker import clock as clocks
from esi_worker import plugins
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.results import Result
from esi_worker.collector.target_types import TargetType
from esi_worker.collector.targets import Target


@dataclasses.dataclass(frozen=True, slots=True)
class PollerContext:
    """What a poller gets from the process it lives in."""

    conf: Any
    clock: clocks.Clock
    credentials: Credentials = dataclasses.field(default_factory=Credentials)


class Poller(plugins.Plugin, abc.ABC):
    """Base of all pollers; calls come from several threads at once."""

    #: Who has seen a value, as the HTTP API names it.
    reporter: ClassVar[str]
    #: The types of targets it polls, with what they need.
    types: ClassVar[tuple[TargetType, ...]]
    #: Members of ``properties``, at any depth, that are never shown, on
    #: top of ``esi_worker.collector.rendering.SECRETS``.
    secrets: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, context: PollerContext) -> None:
        self.context = context

    def problems(self, target: Target) -> list[str]:
        """What is wrong with ``properties`` beyond the type's schema.

        :returns: a text for each problem, naming the field and the fix,
            without a value that could be secret
        """
        return []

    def pool_key(self, target: Target) -> str:
        """Targets with an equal key are polled together.

        They may be of different types of this poller, and the pool is
        polled as often as the most impatient of them wants.
        """
        return target.id

    def affinity(self, target: Target) -> str:
        """Targets with an equal affinity are polled by one collector.

        It is equal at least within a pool. Pollers that share sessions
        return the same text for targets of the same devices. It is
        asked once, when a target is registered.
        """
        return self.pool_key(target)

    @abc.abstractmethod
    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        """Ask for all targets of one pool.

        Something that cannot be seen is a ``Failure``, not an
        exception; an exception is a failure of all of them.

        :param timeout: seconds the call may take at most
        :returns: the results of every target, by its id
        """

    def forget(self, pool_key: str) -> None:
        """Let go of what is kept for a pool; it has no target left."""

    def close(self) -> None:
        """Let go of everything; no call follows."""
