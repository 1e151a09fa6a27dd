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

"""The desired state of all resources in memory.

The cache follows ``/config`` event by event, so that what a driver
looks up is what was there when the event at hand happened. A value that
cannot be decoded is logged with its key and skipped: the last good one
stays, and the resource is remembered as broken until its key changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oslo_log import log as logging

from esi_worker import exceptions, store
from esi_worker.model import (
    Config,
    Resource,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)


class ConfigCache:
    """All configs of known types; a ``View`` for drivers."""

    def __init__(self, types: TypeRegistry, keys: store.KeyLayout) -> None:
        self._types = types
        self._keys = keys
        self._resources: dict[ResourceRef, Resource] = {}
        self._broken: dict[ResourceRef, str] = {}
        self._unknown: set[str] = set()

    def __len__(self) -> int:
        return len(self._resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def refs(self) -> set[ResourceRef]:
        """All resources that have a config, readable or not."""
        return self._resources.keys() | self._broken.keys()

    def get(self, ref: ResourceRef) -> Resource | None:
        return self._resources.get(ref)

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        """The body of a resource's config, or None."""
        resource = self._resources.get(ref)
        return None if resource is None else resource.body

    def broken(self, ref: ResourceRef) -> str | None:
        """Why a resource's config cannot be read, or None."""
        return self._broken.get(ref)

    def put(self, kv: store.KeyValue) -> ResourceRef | None:
        """Take in a config key.

        :returns: the resource it belongs to, or None for a path of no
            known type
        """
        place = self._locate(kv.key)
        if place is None:
            return None
        type_, resource_id = place
        ref = ResourceRef(type_.name, resource_id)
        try:
            config = Config.decode(kv.key, kv.value)
        except exceptions.DecodeError as error:
            self._refuse(ref, error)
            return ref
        self._broken.pop(ref, None)
        self._resources[ref] = Resource(
            type_, resource_id, config, kv.create_revision, kv.mod_revision
        )
        return ref

    def remove(self, key: str) -> ResourceRef | None:
        """Take a config key out.

        :returns: as ``put``
        """
        place = self._locate(key)
        if place is None:
            return None
        ref = ResourceRef(place[0].name, place[1])
        self._resources.pop(ref, None)
        self._broken.pop(ref, None)
        return ref

    def _locate(self, key: str) -> tuple[ResourceType, str] | None:
        path = self._keys.config_path(key)
        if path is None:
            return None
        place = self._types.locate(path)
        if place is None:
            self._note_unknown(path)
        return place

    def _note_unknown(self, path: str) -> None:
        collection = path.rpartition('/')[0]
        if collection not in self._unknown:
            self._unknown.add(collection)
            LOG.info('Configs under "%s" are of no known type', collection)

    def _refuse(self, ref: ResourceRef, error: exceptions.DecodeError) -> None:
        LOG.error('Config skipped: %s', error)
        self._broken[ref] = error.reason
