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

"""What a poll says about a target."""

from __future__ import annotations

import dataclasses
from typing import Final

from esi_worker.model.codec import Json

#: The name of the result that tells how a target is.
STATUS: Final = 'status'

#: The object works.
UP: Final = 'UP'
#: The poll succeeded and the object does not work.
DOWN: Final = 'DOWN'
#: The poll itself failed: nothing is known about the object.
FAIL: Final = 'FAIL'


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """A value that was seen: a string, a number or an object."""

    name: str
    value: Json


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A value that could not be seen.

    ``reason`` says why, without secrets.
    """

    name: str
    reason: str


Result = Sample | Failure
