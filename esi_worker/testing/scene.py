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

"""What becomes of a resource, without etcd and Heat.

A ``Scene`` holds a resource, its neighbours and the outputs of their
stacks, and answers what esi-worker would make of it::

    scene = testing.Scene('robot', {'id': 'r', 'arena_id': 'a'})
    scene.add('arena', {'id': 'a', 'name': 'Hall'})
    scene.give('arena', 'a', network='net-1')
    assert scene.values()['network'] == 'net-1'
    assert 'robot r in Hall' in scene.text()

It uses the drivers, templates and filters of the installed packages and
those that are handed in, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import pathlib
from typing import Any

from oslo_config import cfg

from esi_worker import drivers, exceptions, store, templates
from esi_worker.handlers import resolving
from esi_worker.handlers.heat import preparing
from esi_worker.model import Config, Param, Resource, ResourceRef, StackRecord
from esi_worker.model.codec import Json
from esi_worker.templates import options as resources

HEAT = 'heat_worker'


class Scene:
    """One resource and everything around it."""

    def __init__(
        self,
        type: str,
        body: Mapping[str, Json],
        version: int = 1,
        *,
        driver: type[drivers.Driver] | None = None,
        folders: Iterable[pathlib.Path | str] = (),
        handlers: Iterable[str] = (HEAT,),
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Set a scene up.

        :param type: the type of the resource
        :param driver: serves the type in place of the installed one
        :param folders: further folders of templates
        :param handlers: those that take part in workflows, in order
        :param options: values of drivers' options by group and name, as
            an operator sets them
        :raises ConfigurationError: nobody declares the type, a folder
            cannot be read, or an option is unknown or has a wrong value
        """
        conf = _conf(folders, handlers)
        self.catalog = templates.load_catalog(conf)
        self._types = self.catalog.types
        self.resource = self._resource(type, body, version)
        self._bodies: dict[ResourceRef, Mapping[str, Json]] = {}
        self._store = store.MemoryStore()
        self._keys = store.KeyLayout()
        if driver is None:
            self._drivers = drivers.DriverSet.load(self.catalog, conf)
        else:
            classes = {type: driver}
            self._drivers = drivers.DriverSet(self.catalog, classes, conf)
        _set_options(conf, options or {})

    # --- the world around -------------------------------------------------

    def add(self, type: str, body: Mapping[str, Json]) -> ResourceRef:
        """Let another resource exist; its body needs an ``id``."""
        ref = self._resource(type, body, 1).ref
        self._bodies[ref] = body
        return ref

    def give(self, type: str, id: str, /, **outputs: Json) -> None:
        """Let the stack of a resource have these outputs."""
        ref = ResourceRef(type, id)
        record = StackRecord(
            id=str(ref),
            tenant_id='tenant',
            stack_id=f'{type}_{id}',
            stack_status='CREATE_COMPLETE',
            status_reason='',
            output=[
                {'output_key': key, 'output_value': value, 'description': ''}
                for key, value in outputs.items()
            ],
        )
        path = self._types.path(ref)
        if path is None:
            raise _unknown(type)
        self._store.put(self._keys.heat_stack(path), record.encode())

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        """What drivers see of another resource."""
        return self._bodies.get(ref)

    # --- what becomes of it -----------------------------------------------

    def plan(self, *, lenient: bool = False) -> drivers.Plan:
        """The plan that the driver makes.

        :param lenient: as for a deletion
        :raises MissingReference: a resource is referred to that was not
            added
        :raises MappingError, TemplateError: why no job could be made
        """
        return self._drivers.plan(self.resource, self, lenient=lenient)

    def params(self, handler: str = HEAT) -> dict[str, Param]:
        """The parameters of a handler's job by their names."""
        return {param.name: param for param in self._part(handler).params}

    def references(self) -> frozenset[ResourceRef]:
        """Every resource that a job would refer to and wait for."""
        return self.plan().refs

    def values(self, handler: str = HEAT) -> dict[str, Json]:
        """The values of the parameters, with the outputs filled in.

        :raises OutputNotFound: an output is needed that nobody gives
        """
        resolver = resolving.Resolver(self._store, self._keys, self._types)
        return resolver.values(self._part(handler).params)

    def text(self, handler: str = HEAT) -> str:
        """The template as the handler renders it.

        ``heat_worker`` gives the text only what begins with ``jinja_``.
        """
        values = self.values(handler)
        if handler == HEAT:
            values = {
                name: value
                for name, value in values.items()
                if name.startswith(preparing.JINJA_PREFIX)
            }
        return self.catalog.render(self._part(handler).template_id, values)

    def lint(self) -> list[templates.Finding]:
        """What the linter says of the templates of the resource's type."""
        mine = {
            template.id
            for template in self.catalog.templates()
            if any(part.template_id == template.id for part in self._parts())
        }
        return [
            finding
            for finding in templates.Linter(self.catalog).lint()
            if finding.template in mine
            and finding.severity is not templates.Severity.NOTE
        ]

    # --- helpers ----------------------------------------------------------

    def _parts(self) -> tuple[drivers.Part, ...]:
        return self.plan(lenient=True).parts

    def _part(self, handler: str) -> drivers.Part:
        for part in self.plan().parts:
            if part.handler == handler:
                return part
        raise LookupError(
            f'{handler} has no work for {self.resource.ref}: it chooses no '
            'template'
        )

    def _resource(
        self, name: str, body: Mapping[str, Json], version: int
    ) -> Resource:
        type_ = self._types.get(name)
        if type_ is None:
            raise _unknown(name)
        return Resource(type_, str(body['id']), Config(body, version))


def _unknown(type: str) -> exceptions.ConfigurationError:
    return exceptions.ConfigurationError(
        f'nobody declares the type "{type}"; hand in the folder that does, '
        'or install its package'
    )


def _conf(
    folders: Iterable[pathlib.Path | str], handlers: Iterable[str]
) -> Any:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    conf.register_opts(resources.OPTS, group=resources.GROUP)
    paths = [str(folder) for folder in folders]
    conf.set_override('template_paths', paths, resources.GROUP)
    conf.set_override('handlers', list(handlers), resources.GROUP)
    return conf


def _set_options(conf: Any, options: Mapping[str, Mapping[str, Any]]) -> None:
    for group, values in options.items():
        for name, value in values.items():
            try:
                conf.set_override(
                    name, value, None if group == 'DEFAULT' else group
                )
            except (cfg.Error, ValueError, TypeError) as error:
                raise exceptions.ConfigurationError(
                    f'[{group}] {name} cannot be set to {value!r}: {error}; '
                    'options() of the driver declares what there is'
                ) from error
