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

"""The types of targets: who asks, for what, and how often.

A poller declares the types it serves as rows of data, so that several
types may share a poller, and a plugin brings its types along. What a
target of a type needs in its ``properties`` is a JSON schema: requests
are checked against it, and the description of the HTTP API shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
from typing import Final

from esi_worker.model.codec import Json

Schema = Mapping[str, Json]

#: A text that is not empty.
TEXT: Final[Schema] = {'type': 'string', 'minLength': 1}
#: A port of TCP or UDP.
PORT: Final[Schema] = {'type': 'integer', 'minimum': 1, 'maximum': 65535}


def members(
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
) -> Schema:
    """The schema of an object; members it does not name are allowed."""
    every = {**required, **(optional or {})}
    return {
        'type': 'object',
        'required': list(required),
        'properties': {name: dict(every[name]) for name in every},
    }


@dataclasses.dataclass(frozen=True, slots=True)
class TargetType:
    """One row of the table (section 4 of the reference of monitoring).

    ``results`` are the names of what a poll tells. ``properties`` is the
    JSON schema of the member ``properties``. ``interval`` and
    ``timeout``, in seconds, take the place of the options
    ``poll_interval`` and ``poll_timeout``. Results that are
    ``unpublished`` are shown by the HTTP API and given to no syncer.
    """

    name: str
    results: tuple[str, ...]
    properties: Schema
    interval: float | None = None
    timeout: float | None = None
    unpublished: frozenset[str] = frozenset()
