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

"""Which types of targets there are here, and who polls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses

from esi_worker import exceptions, plugins
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.target_types import TargetType
from esi_worker.collector.targets import Target


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """A type, and the poller that declares it under its plugin name."""

    type: TargetType
    poller_name: str
    poller: Poller


class Catalogue:
    """The types of all pollers that are installed."""

    def __init__(self, pollers: Mapping[str, Poller]) -> None:
        """Collect them.

        :raises PluginError: two pollers declare the same type
        """
        self._pollers = pollers
        self._served: dict[str, Served] = {}
        for name, poller in pollers.items():
            for row in poller.types:
                self._add(Served(row, name, poller))

    def __iter__(self) -> Iterator[TargetType]:
        return (self._served[name].type for name in sorted(self._served))

    def get(self, type_name: str) -> Served | None:
        return self._served.get(type_name)

    def poller(self, name: str) -> Poller:
        return self._pollers[name]

    def problems(self, target: Target) -> list[str]:
        """What its poller finds wrong with a target."""
        served = self._served.get(target.type)
        return [] if served is None else served.poller.problems(target)

    def affinity(self, target: Target) -> str:
        """What ties a target to others; its id where nothing does."""
        served = self._served.get(target.type)
        return target.id if served is None else served.poller.affinity(target)

    def secrets(self) -> frozenset[str]:
        """The members of ``properties`` that pollers call secret."""
        named = (poller.secrets for poller in self._pollers.values())
        return frozenset().union(*named)

    def _add(self, served: Served) -> None:
        other = self._served.setdefault(served.type.name, served)
        if other is not served:
            raise exceptions.PluginError(
                f'the pollers "{other.poller_name}" and '
                f'"{served.poller_name}" of {plugins.POLLERS} both declare '
                f'the target type "{served.type.name}"; remove one of them'
            )
