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
it when its type lists it and its ``syncer_properties`` have a member of
its name, the *settings*.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
import dataclasses
from typing import Any, ClassVar

from esi_worker import clock as clocks
from esi_worker import plugins
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json
from esi_worker.store import KeyLayout, Store


@dataclasses.dataclass(frozen=True, slots=True)
class SyncerContext:
    """What a syncer gets from the process it lives in."""

    conf: Any
    store: Store
    keys: KeyLayout
    clock: clocks.Clock


class Syncer(plugins.Plugin, abc.ABC):
    """Base of all syncers; calls come from several threads at once."""

    #: The results it publishes; others never reach it.
    report_keys: ClassVar[frozenset[str]]

    def __init__(self, context: SyncerContext) -> None:
        self.context = context

    def problems(self, settings: Mapping[str, Json]) -> list[str]:
        """What is wrong with a target's settings.

        :returns: a text for each problem, naming the field below
            ``syncer_properties`` and the fix
        """
        return []

    @abc.abstractmethod
    def publish(self, target: Target, name: str, value: Json) -> None:
        """Make a value known; called on every poll.

        A ``TransientError`` means that it is to be polled again soon.
        """

    @abc.abstractmethod
    def withdraw(self, target: Target) -> None:
        """Take back what was published for a target that is deleted.

        Called again when it failed or nobody knows whether it worked.
        """

    def close(self) -> None:
        """Let go of everything; no call follows."""
