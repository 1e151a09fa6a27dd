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

"""Reads the sections of a rendered monitoring template.

A template gives YAML. Each member is a *section*, the name of a monitor
with what it needs::

    vmi:
      type: virtual_machine_interface
      fq_name: default-domain:admin:p1
      timeout: 120                 # seconds to wait for a good status
      time_between_retries: 10     # seconds between two looks at it
      syncer_properties: {...}     # where results go, optional

All other members are the properties of the target. ``db_mappings``
belongs to a database of the first generation and is left alone
(section 4.1 of the reference of workflows).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import json
from typing import Any

import yaml

from esi_worker import exceptions
from esi_worker.model.codec import Json

_DB_MAPPINGS = 'db_mappings'
#: YAML must not turn these into numbers or dates: a password may look
#: like one, and a name with leading zeros is another name without them.
_TEXTS = frozenset(
    (
        'community_name',
        'device_ip',
        'etcd_id',
        'fq_name',
        'host',
        'if_name',
        'instance',
        'interface',
        'ip',
        'login',
        'name',
        'password',
        'peer_address',
        'server_id',
        'uuid',
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One monitor of a resource.

    ``timeout`` and ``pause`` are seconds, None for the defaults;
    ``wanted`` is the status that is waited for, None for any good one.
    """

    name: str
    type: str
    # It may hold credentials: it never appears in a repr.
    properties: Mapping[str, Json] = dataclasses.field(repr=False)
    syncer_properties: Mapping[str, Json] | None = None
    timeout: float | None = None
    pause: float | None = None
    wanted: str | None = None


def parse(template_id: str, text: str) -> list[Section]:
    """Read sections; an empty text has none.

    :raises TemplateError: naming the template, the section and the fix,
        without quoting what was filled in
    """
    document = _load(template_id, text)
    return [
        _section(template_id, name, raw)
        for name, raw in document.items()
        if name != _DB_MAPPINGS
    ]


def _load(template_id: str, text: str) -> Mapping[str, Any]:
    try:
        typed = yaml.safe_load(text)
        plain = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - only texts
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, 'problem_mark', None)
        line = f' in line {mark.line + 1}' if mark else ''
        raise exceptions.TemplateError(
            f'template "{template_id}" gives no YAML{line}; put quotes '
            'around what is filled in'
        ) from None
    if typed is None:
        return {}
    if not isinstance(typed, dict) or not all(
        isinstance(name, str) for name in typed
    ):
        raise exceptions.TemplateError(
            f'template "{template_id}" gives no mapping of sections'
        )
    return dict(_with_texts(typed, plain))


def _with_texts(typed: Any, plain: Any) -> Any:
    """The typed value, with texts where YAML must not guess."""
    if type(typed) is not type(plain) or not isinstance(typed, dict | list):
        return typed
    # Merge keys and the like make the two differ.
    if len(typed) != len(plain):
        return typed
    if isinstance(typed, list):
        return [_with_texts(*pair) for pair in zip(typed, plain, strict=True)]
    return {
        name: text
        if name in _TEXTS and isinstance(text, str)
        else _with_texts(value, text)
        for (name, value), text in zip(
            typed.items(), plain.values(), strict=True
        )
    }


def _section(template_id: str, name: str, raw: Any) -> Section:
    place = f'template "{template_id}", section "{name}"'
    if not isinstance(raw, dict):
        raise exceptions.TemplateError(f'{place}: give a mapping with a type')
    try:
        json.dumps(raw)
    except (TypeError, ValueError):
        raise exceptions.TemplateError(
            f'{place}: it holds something that JSON lacks, such as a date; '
            'put quotes around it'
        ) from None
    fields = dict(raw)
    type_ = fields.pop('type', None)
    if not isinstance(type_, str) or not type_:
        raise exceptions.TemplateError(f'{place}: name its "type"')
    syncers = fields.pop('syncer_properties', None)
    if syncers is not None and not isinstance(syncers, dict):
        raise exceptions.TemplateError(
            f'{place}: "syncer_properties" must be a mapping'
        )
    return Section(
        name,
        type_,
        syncer_properties=syncers,
        timeout=_seconds(place, fields, 'timeout'),
        pause=_seconds(place, fields, 'time_between_retries'),
        wanted=_wanted(place, fields),
        properties=dict(_properties(fields)),
    )


def _wanted(place: str, fields: dict[str, Any]) -> str | None:
    wanted = fields.pop('wanted_status', None)
    if wanted is not None and not isinstance(wanted, str):
        raise exceptions.TemplateError(
            f'{place}: "wanted_status" must be a word'
        )
    return wanted


def _seconds(place: str, fields: dict[str, Any], name: str) -> float | None:
    value = fields.pop(name, None)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value < float('inf'):
        return float(value)
    raise exceptions.TemplateError(
        f'{place}: "{name}" must be a number of seconds from 0 on'
    )


def _properties(fields: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for name, value in fields.items():
        yield str(name), value
