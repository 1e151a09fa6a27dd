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

"""What a monitoring key holds, and how fields of several targets merge.

The value is compact JSON with sorted keys, ``{"<field>":<status>,
"version":<version of the target>}`` (section 6.1 of the reference of
monitoring). With the state shape ``string`` the fields are JSON in one
string, ``{"monitoring":"{...}","version":...}``.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import json

from esi_worker.model.codec import Json
from esi_worker.store import StateShape

VERSION = 'version'
MONITORING = 'monitoring'


@dataclasses.dataclass(frozen=True, slots=True)
class Published:
    """The decoded value of a monitoring key."""

    version: int
    fields: Mapping[str, Json]

    def __contains__(self, field: object) -> bool:
        return field in self.fields

    @classmethod
    def decode(cls, text: str, shape: StateShape) -> Published | None:
        """:returns: None when it is none of ours"""
        record = _object(text)
        version = version_of(record)
        if record is None or version is None:
            return None
        del record[VERSION]
        if shape is StateShape.STRING:
            record = _object(str(record.get(MONITORING))) or {}
        return cls(version, record)

    def encode(self, shape: StateShape) -> str:
        fields: Mapping[str, Json] = self.fields
        if shape is StateShape.STRING:
            fields = {MONITORING: _dumps(dict(fields))}
        return _dumps({**fields, VERSION: self.version})

    def merged(self, version: int, field: str, value: Json) -> Published:
        """With one more field; an older version changes nothing."""
        if version < self.version:
            return self
        if version > self.version:
            return Published(version, {field: value})
        return Published(version, {**self.fields, field: value})

    def without(self, version: int, field: str) -> Published | None:
        """Without a field of this version; None when nothing is left."""
        if version != self.version or field not in self.fields:
            return self
        left = {name: self.fields[name] for name in self.fields}
        del left[field]
        return Published(version, left) if left else None


def version_in(text: str) -> int | None:
    """The version that a published text is for, if it names one."""
    return version_of(_object(text))


def version_of(record: Mapping[str, Json] | None) -> int | None:
    version = None if record is None else record.get(VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        return None
    return version


def _object(text: str) -> dict[str, Json] | None:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _dumps(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(',', ':'))
