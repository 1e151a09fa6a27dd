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

"""Holding back a bad status while a fresh resource still settles.

``hold_options`` of a target (section 5.1 of the reference of
monitoring)::

    {"positive_status": ["UP", "DOWN"], "time_seconds": 210}

Until ``created_at`` plus ``time_seconds`` a status that is not among the
positive ones is not published. The first positive one ends the hold for
the rest of the target's life.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import datetime
from typing import Final

from esi_worker.collector.target_types import Schema
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

OPTIONS: Final = 'hold_options'
_TIME: Final = 'time_seconds'
_POSITIVE: Final = 'positive_status'

#: What the options look like; templates may give the time as a text.
SCHEMA: Final[Schema] = {
    'type': 'object',
    'required': [_POSITIVE, _TIME],
    'properties': {
        _POSITIVE: {
            'type': ['array', 'object'],
            'description': 'list the statuses that end the hold',
        },
        _TIME: {
            'anyOf': [
                {'type': 'number', 'minimum': 0},
                {'type': 'string', 'pattern': '^[0-9]{1,9}$'},
            ],
            'description': 'give seconds from 0 on',
        },
    },
}


@dataclasses.dataclass(frozen=True, slots=True)
class Hold:
    """Until when, in seconds since the epoch, and for which statuses."""

    until: float
    positive: tuple[Json, ...]

    def holds(self, value: Json, now: float) -> bool:
        """Whether this status is not to be published yet."""
        return now < self.until and value not in self.positive


def hold_of(target: Target, settings: Mapping[str, Json]) -> Hold | None:
    """The hold of a target, None when it has none that can be used."""
    options = settings.get(OPTIONS)
    if not isinstance(options, dict) or _POSITIVE not in options:
        return None
    try:
        created = datetime.datetime.fromisoformat(target.created_at)
        seconds = float(options.get(_TIME, 0))
    except (ValueError, TypeError, OverflowError):
        return None
    return Hold(created.timestamp() + seconds, _listed(options[_POSITIVE]))


def _listed(positive: Json) -> tuple[Json, ...]:
    """A map alone stands for a list of one map."""
    return tuple(positive) if isinstance(positive, list) else (positive,)
