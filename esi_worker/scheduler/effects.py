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

"""What the actions that operators ask for are made of."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses

from esi_worker import exceptions, store
from esi_worker.model import Request
from esi_worker.scheduler.world import World


class Refused(exceptions.TerminalError):
    """What an operator asks for cannot be done; says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What an action is going to change.

    ``on_applied`` gets the revision of the changes; ``jobs`` are the
    ids of those that do the rest. Afterwards the resource is planned
    again.
    """

    transition: store.Transition
    on_applied: Callable[[int], None] = lambda _revision: None
    jobs: tuple[str, ...] = ()


#: Does one action on a resource of a known type; raises ``Refused``.
Action = Callable[[World, Request], Effect]
