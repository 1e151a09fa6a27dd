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

"""Ports in ``properties``; templates may give them as texts."""

from __future__ import annotations

from typing import Final

from esi_worker.collector.target_types import Schema
from esi_worker.model.codec import Json

#: From 1 to 65535.
_TEXT: Final = (
    '^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}'
    '|655[0-2][0-9]|6553[0-5])$'
)
SCHEMA: Final[Schema] = {
    'type': ['integer', 'string'],
    'minimum': 1,
    'maximum': 65535,
    'pattern': _TEXT,
    'description': 'a port of TCP or UDP',
}


def number(value: Json, default: int) -> int:
    """The port; None stands for the default."""
    return default if value is None else int(value)
