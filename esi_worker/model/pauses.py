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

"""That an operator has paused a resource."""

from __future__ import annotations

import dataclasses
from typing import Self

from esi_worker.model import codec


@dataclasses.dataclass(frozen=True, slots=True)
class Pause:
    """Who has paused a resource, when and why.

    Lies under ``/esi-worker/paused`` as ``{"by", "since", "reason"}``.
    """

    by: str
    since: str
    reason: str = ''

    @classmethod
    def decode(cls, key: str, text: str) -> Self:
        """:raises DecodeError: naming the key and the field"""
        record = codec.loads_object(key, text)
        return cls(
            by=codec.field(key, record, 'by', str),
            since=codec.field(key, record, 'since', str),
            reason=codec.field(key, record, 'reason', str),
        )

    def encode(self) -> str:
        return codec.dumps(dataclasses.asdict(self))

    def __str__(self) -> str:
        text = f'paused by {self.by or "somebody"} at {self.since}'
        return f'{text}: {self.reason}' if self.reason else text
