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

"""Which driver serves which resource type."""

from __future__ import annotations

from collections.abc import Mapping
import threading
from typing import Any

from esi_worker import plugins
from esi_worker.drivers.base import Driver, Plan, View
from esi_worker.drivers.mapping import MappingDriver
from esi_worker.model import Resource
from esi_worker.templates import TemplateCatalog


class DriverSet:
    """The drivers of all resource types; thread-safe.

    A type is served by the class whose entry point has its name, or by
    the default driver.
    """

    def __init__(
        self,
        catalog: TemplateCatalog,
        classes: Mapping[str, type[Driver]] | None = None,
        conf: Any = None,
    ) -> None:
        """Take driver classes.

        :param classes: by resource type
        :param conf: where their options are registered, if given
        """
        self.catalog = catalog
        self._conf = conf
        self._classes = dict(classes or {})
        self._drivers: dict[str, Driver] = {}
        self._lock = threading.Lock()
        if conf is not None:
            plugins.register_options(conf, self._classes.values())

    @classmethod
    def load(cls, catalog: TemplateCatalog, conf: Any = None) -> DriverSet:
        """Load the entry points of ``esi_worker.drivers``.

        :param conf: where their options are registered, if given
        :raises PluginError: one cannot be loaded or is no driver
        """
        classes = plugins.load_classes(plugins.DRIVERS, Driver)
        return cls(catalog, classes, conf)

    def driver(self, resource_type: str) -> Driver:
        """The driver of a resource type."""
        with self._lock:
            driver = self._drivers.get(resource_type)
            if driver is None:
                class_ = self._classes.get(resource_type, MappingDriver)
                driver = class_(resource_type, self.catalog)
                driver.conf = self._conf
                self._drivers[resource_type] = driver
            return driver

    def plan(
        self, resource: Resource, view: View, lenient: bool = False
    ) -> Plan:
        """What a version of a resource needs; see ``Driver.plan``."""
        driver = self.driver(resource.type.name)
        return driver.plan(resource, view, lenient=lenient)

    def workable(self, resource: Resource) -> bool:
        """Whether a version of a resource may need work.

        Reads no other resource. A driver that does not choose by
        templates always may.

        :raises MappingError: a choice does not fit the body
        """
        driver = self.driver(resource.type.name)
        if isinstance(driver, MappingDriver):
            return driver.workable(resource)
        return True
