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

"""What every syncer has to be.

A syncer publishes results of targets in one other system. A target uses
it when its ``syncer_properties`` have a member of its name, the
*settings*, and the option ``syncers`` enables it; settings for others
are kept and mean nothing.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any, ClassVar

import prometheus_client

from esi_worker import clock as clocks
from esi_worker import plugins
from esi_worker.collector.target_types import Schema
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json
from esi_worker.store import Compare, KeyLayout, Store

#: The conditions under which this process may publish for a target; None
#: when another one does.
Fence = Callable[[Target], Sequence[Compare] | None]


def _always() -> bool:
    return True


def _no_fence(_target: Target) -> Sequence[Compare]:
    return ()


@dataclasses.dataclass(frozen=True, slots=True)
class SyncerContext:
    """What a syncer gets from the process it lives in.

    ``metrics`` is what ``/metrics`` shows on top of the process's own
    figures. ``is_certain`` tells whether no other process can be polling
    the targets of this one.
    """

    conf: Any
    store: Store
    keys: KeyLayout
    clock: clocks.Clock
    fence: Fence = _no_fence
    metrics: prometheus_client.CollectorRegistry = dataclasses.field(
        default_factory=prometheus_client.CollectorRegistry
    )
    is_certain: Callable[[], bool] = _always


class Syncer(plugins.Plugin, abc.ABC):
    """Base of all syncers; calls come from several threads at once."""

    #: The results it publishes; None stands for all of them.
    report_keys: ClassVar[frozenset[str] | None]
    #: What a target's settings look like, as a JSON schema.
    settings: ClassVar[Schema] = {'type': 'object'}
    #: Whether it publishes targets that have no settings for it too.
    every_target: ClassVar[bool] = False
    #: Whether ``publish`` waits for nothing, so that polls may call it.
    immediate: ClassVar[bool] = False

    def __init__(self, context: SyncerContext) -> None:
        self.context = context

    def problems(self, settings: Mapping[str, Json]) -> list[str]:
        """What is wrong with a target's settings beyond their schema.

        :returns: a text for each problem, naming the field below
            ``syncer_properties`` and the fix
        """
        return []

    def start(self, republish: Callable[[str], None]) -> None:
        """Begin to work.

        :param republish: publishes the values of the target with this id
            again, soon
        """

    def needs(self, target: Target, name: str, value: Json) -> bool:
        """Whether ``publish`` has something to do; asked on every poll.

        It must not wait for anything.
        """
        return True

    def held_for(self, target: Target, name: str, value: Json) -> float:
        """Seconds for which ``publish`` keeps this value back, or 0.

        The last value is offered again when they are over, whether there
        was a poll or not. It must not wait for anything.
        """
        return 0.0

    @abc.abstractmethod
    def publish(self, target: Target, name: str, value: Json) -> None:
        """Make a value known.

        A ``TransientError`` means that it is to be tried again.
        """

    @abc.abstractmethod
    def withdraw(self, target: Target) -> None:
        """Take back what was published for a target that is deleted.

        Called again when it failed or nobody knows whether it worked.
        """

    def replace(self, before: Target, after: Target) -> None:
        """Take back what stays of a description that was replaced.

        ``before`` has the id and the revision of ``after``. Called again
        when it failed, and after a restart.
        """

    def forget(self, target_id: str) -> None:
        """Let go of what is kept for a target; it is polled elsewhere."""

    def close(self) -> None:
        """Let go of everything; no call follows."""
