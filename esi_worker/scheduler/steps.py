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

"""One change of the queue: what goes to etcd, and what it means here."""

from __future__ import annotations

from collections.abc import Callable
import dataclasses

from esi_worker import store
from esi_worker.model import ResourceRef
from esi_worker.scheduler.requests import Pending


def _nothing(_revision: int) -> None:
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A transition with its effects on the mirrors.

    ``on_applied`` gets the revision. It is not called when a compare
    did not hold, which means that a newer event is on its way.
    An ``alone`` step is committed before anything after it is planned,
    for its effects come with ``on_applied`` only. ``jobs`` are the ids
    of those that it stores, ``answers`` the requests of operators that
    it answers.
    """

    ref: ResourceRef
    transition: store.Transition
    on_applied: Callable[[int], None] = _nothing
    alone: bool = False
    jobs: tuple[str, ...] = ()
    answers: tuple[Pending, ...] = ()
