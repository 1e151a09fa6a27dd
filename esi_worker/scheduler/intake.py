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

"""Taking ``/config`` into the mirrors.

Templates lie under ``/config`` too; they go to the catalog, everything
else to the cache. What is to be done about a change is the manager's
business.
"""

from __future__ import annotations

from collections.abc import Sequence

from esi_worker import store, templates
from esi_worker.model import ResourceRef
from esi_worker.scheduler.world import World


class ConfigIntake:
    """Keeps cache and catalog in step with ``/config``."""

    def __init__(
        self, world: World, catalog: templates.TemplateCatalog
    ) -> None:
        self._world = world
        self._keys = world.keys
        self._catalog = catalog
        self._journal = templates.Journal(catalog)

    def take_all(self, items: Sequence[store.KeyValue]) -> None:
        """Make the mirrors equal to a listing."""
        world = self._world
        seen: set[ResourceRef] = set()
        self._catalog.replace_all(
            {kv.key: kv.value for kv in items if self._template_id(kv.key)}
        )
        self._journal.look_at_all()
        for kv in items:
            if self._template_id(kv.key) is None:
                ref = world.cache.put(kv)
                seen.update(() if ref is None else (ref,))
        for ref in world.cache.refs() - seen:
            world.cache.remove(self._keys.config(world.path(ref)))
        world.referrers.reset()

    def take(self, event: store.Event) -> ResourceRef | None:
        """Take in one change.

        :returns: the resource that has changed; None for a template or
            a path of no known type
        """
        kv = event.kv
        deleted = event.type is store.EventType.DELETE
        template_id = self._template_id(kv.key)
        if template_id is not None:
            self._take_template(template_id, kv, deleted)
            return None
        cache = self._world.cache
        ref = cache.remove(kv.key) if deleted else cache.put(kv)
        if ref is not None:
            self._world.referrers.update(ref)
        return ref

    def is_template(self, event: store.Event) -> bool:
        return self._template_id(event.kv.key) is not None

    def locate(self, key: str) -> ResourceRef | None:
        """The resource that a config key belongs to."""
        path = self._keys.config_path(key)
        place = None if path is None else self._world.types.locate(path)
        return None if place is None else ResourceRef(place[0].name, place[1])

    def _take_template(
        self, template_id: str, kv: store.KeyValue, deleted: bool
    ) -> None:
        if deleted:
            self._catalog.remove(template_id)
        else:
            self._catalog.put(kv.key, kv.value)
        self._journal.look_at(template_id)

    def _template_id(self, key: str) -> str | None:
        path = self._keys.config_path(key)
        return None if path is None else templates.is_template_path(path)
