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

"""Sections that read what another resource's monitoring has said.

Such a section needs no collector: the other resource's published state
has it. It is asked only while the job runs (section 4.3 of the reference
of workflows, ``etcd_reader``).
"""

from __future__ import annotations

import json

from esi_worker import exceptions, store
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.model import PublishedState, ResourceRef, TypeRegistry
from esi_worker.model.codec import Json

_TYPE, _ID = 'etcd_type', 'etcd_id'
_ACTIVE, _DOWN = 'ACTIVE', 'DOWN'


class StateReader:
    """Reads the monitoring part of published states."""

    def __init__(
        self, source: store.Store, keys: store.KeyLayout, types: TypeRegistry
    ) -> None:
        self._source = source
        self._keys = keys
        self._types = types

    def check(self, section: Section) -> None:
        """:raises TemplateError: it does not say what to read"""
        for name in (_TYPE, _ID):
            if not isinstance(section.properties.get(name), str):
                raise exceptions.TemplateError(
                    f'section "{section.name}" of the type {section.type}: '
                    f'"{name}" must be a string'
                )

    def status(self, section: Section) -> Json:
        """ACTIVE when everything that is monitored there is.

        :returns: DOWN when something is not; None while nothing is known
        :raises StoreError: it cannot be read
        """
        ref = ResourceRef(
            str(section.properties[_TYPE]), str(section.properties[_ID])
        )
        path = self._types.path(ref)
        if path is None:
            return None
        kv = self._source.get(self._keys.state(path))
        if kv is None:
            return None
        return _status(kv)


def _status(kv: store.KeyValue) -> Json:
    try:
        state = PublishedState.decode(kv.key, kv.value).state
        monitored = json.loads(str(state['state_monitoring']))
    except (exceptions.DecodeError, KeyError, ValueError, RecursionError):
        return None
    if not isinstance(monitored, dict):
        return None
    good = all(value == _ACTIVE for value in monitored.values())
    return _ACTIVE if good else _DOWN
