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

"""Resources as a manager would plan them now, for commands.

Everything is read from etcd once; nothing follows it.
"""

from __future__ import annotations

from oslo_config import cfg

from esi_worker import drivers, exceptions, reader, store, templates
from esi_worker.model import Action, Job, Resource, ResourceRef


class Blueprint:
    """The desired state of all resources, and the drivers' plans."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        catalog: templates.TemplateCatalog,
        source: store.Store,
        keys: store.KeyLayout,
    ) -> None:
        """Read templates and configs.

        :param catalog: gets the templates of etcd too
        :raises ConfigurationError: drivers cannot be loaded
        """
        self._source = source
        self._keys = keys
        self.catalog = catalog
        self._drivers = drivers.DriverSet.load(self.catalog, conf)
        self.configs = reader.ConfigCache(self.catalog.types, keys)
        stored = {}
        for kv in source.range(keys.configs).items:
            path = keys.config_path(kv.key)
            if path and templates.is_template_path(path) is not None:
                stored[kv.key] = kv.value
            else:
                self.configs.put(kv)
        self.catalog.replace_all(stored)

    def resource(self, ref: ResourceRef) -> Resource:
        """The latest config of a resource.

        :raises TerminalError: it has none, or none that can be read
        """
        broken = self.configs.broken(ref)
        if broken is not None:
            raise exceptions.TerminalError(f'the config of {ref}: {broken}')
        resource = self.configs.get(ref)
        if resource is None:
            raise exceptions.TerminalError(f'{ref} has no config')
        return resource

    def jobs(self, ref: ResourceRef) -> list[Job]:
        """The jobs that would bring about the latest config of a
        resource; they exist nowhere else.

        :raises TerminalError: no plan can be made, and why
        """
        resource = self.resource(ref)
        action = self._action(resource)
        plan = self._drivers.plan(
            resource, self.configs, lenient=action.deletes
        )
        return [
            Job(
                id=f'{action.value}:{part.handler}:{ref}:preview',
                action=action,
                handler=part.handler,
                resource=ref,
                version=resource.version,
                params=part.params,
                resource_input=resource.body,
            )
            for part in plan.parts
        ]

    def _action(self, resource: Resource) -> Action:
        if resource.config.marked_for_deletion:
            return Action.LOGICAL_DELETE
        accepted = self._keys.accepted(resource.path)
        known = self._source.get(accepted) is not None
        return Action.MODIFY if known else Action.CREATE
