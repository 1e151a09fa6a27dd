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

"""What a handler answers when it is asked to do or to look at a job."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses

from esi_worker.model.codec import Json
from esi_worker.model.records import StackRecord


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """The job is finished.

    ``results`` are merged into the workflow's job state; ``stack`` is
    published under ``heat_stacks`` unless it is None.
    """

    results: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    stack: StackRecord | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class InProgress:
    """The job goes on elsewhere; ask again in ``after`` seconds.

    ``reason`` says, without secrets, why it could not be looked at; it is
    empty when it could. With a reason, 0 leaves the pace to the
    dispatcher.
    """

    after: float = 1.0
    reason: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Retry:
    """Not now; start the job again.

    ``after`` is a hint in seconds; None leaves the pace to the
    dispatcher. ``reason`` says why it waits, without secrets.
    """

    reason: str
    after: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """The job has failed for good.

    ``error`` is ``<Class>: <short text>`` without secrets. ``results``
    and ``stack`` as in ``Done``.
    """

    error: str
    results: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    stack: StackRecord | None = None


Outcome = Done | InProgress | Retry | Failed
