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

"""What a target is described with, as JSON schemas.

Requests are checked with them, and ``openapi`` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from esi_worker.collector.target_types import Schema, TargetType

#: What goes into a key of etcd; an id may hold slashes. ``$`` also matches
#: before a line feed, so what must not be there is said too.
_KEY_PART: Final[Mapping[str, Any]] = {
    'pattern': '^[A-Za-z0-9_.-]+$',
    'not': {'pattern': '[^A-Za-z0-9_.-]'},
}
_KEY_TAIL: Final[Mapping[str, Any]] = {
    'pattern': r'^[^/\x00-\x20\x7f-\xa0][^\x00-\x20\x7f-\xa0]*$',
    'not': {'pattern': r'[\x00-\x20\x7f-\xa0]'},
}
#: The columns of REST servers hold no more.
MAX_VERSION: Final = 2**31 - 1
MAX_LENGTH: Final = 255

#: Query parameters of the list.
FILTERS: Final = (
    'type',
    'resource_type',
    'resource_id',
    'field_name',
    'tenant_id',
    'version',
)


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {
        'type': 'string',
        'minLength': 1,
        'maxLength': MAX_LENGTH,
        'description': description,
        **more,
    }


#: What every target is described with, apart from the type's own.
MEMBERS: Final[Mapping[str, Schema]] = {
    'type': _text('name the type of the target'),
    'resource_type': _text(
        "give the resource's plural, such as ports", **_KEY_PART
    ),
    'resource_id': _text(
        "give the resource's id, without white space", **_KEY_TAIL
    ),
    'field_name': _text('name this monitor among those of the resource'),
    'tenant_id': _text("give the resource's tenant"),
    'version': {
        'type': 'integer',
        'minimum': 0,
        'maximum': MAX_VERSION,
        'description': "give the version of the resource's config",
    },
    'properties': {
        'type': 'object',
        'description': 'give what the type needs',
    },
    'syncer_properties': {
        'type': 'object',
        'additionalProperties': {'type': 'object'},
        'description': 'give an object for each syncer, or none',
    },
}


def target_schema(
    row: TargetType, syncers: Mapping[str, Schema]
) -> dict[str, Any]:
    """What a request with a target of this type has to look like."""
    syncer_properties = {
        **MEMBERS['syncer_properties'],
        'properties': {name: dict(syncers[name]) for name in syncers},
    }
    return {
        'type': 'object',
        'required': list(MEMBERS),
        'additionalProperties': False,
        'properties': {
            **{name: dict(MEMBERS[name]) for name in MEMBERS},
            'type': {'const': row.name},
            'properties': dict(row.properties),
            'syncer_properties': syncer_properties,
        },
    }
