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

"""The recorded traces: where they are and how they are read.

They are not part of the project. The environment variable
``ESI_WORKER_TRACES`` names their folder; without it they are looked for
in ``../shared/traces`` beside the checkout. A file that is absent has no
records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import functools
import json
import os
import pathlib
from typing import Any

from oslo_config import cfg
import testtools

from esi_worker import drivers, exceptions, templates
from esi_worker.model import Config, Resource, ResourceRef
from esi_worker.model.codec import Json
from esi_worker.templates import options

VARIABLE = 'ESI_WORKER_TRACES'
TEMPLATES_2018 = 'heat_templates_2018.json'
TEMPLATES_2019 = 'heat_templates_2019.json'
SCHEMAS = 'schemas.json'
MAPPINGS = 'two_handlers/template_mappings.json'
_CONFIG = '/config/'
_OF_2017 = ('01_', '02_', '03_')


def find() -> pathlib.Path | None:
    """The folder of the traces, or None when there is none."""
    named = os.environ.get(VARIABLE)
    beside = pathlib.Path(__file__).parents[4] / 'shared' / 'traces'
    folder = pathlib.Path(named) if named else beside
    return folder if folder.is_dir() else None


class UnknownKey(exceptions.TerminalError):
    """No type of the traces has the key."""


class Known:
    """A view of the bodies that a record brings along."""

    def __init__(self, bodies: Mapping[ResourceRef, Json]) -> None:
        self._bodies = bodies

    def body(self, ref: ResourceRef) -> Mapping[str, Json] | None:
        body: Mapping[str, Json] | None = self._bodies.get(ref)
        return body


class Run:
    """The types, templates and drivers of one recorded system."""

    def __init__(self, catalog: templates.TemplateCatalog) -> None:
        self.catalog = catalog
        self.drivers = drivers.DriverSet.load(catalog)

    def resource(self, key: str, value: Json) -> Resource:
        """A recorded config as the drivers take it."""
        type_, id_ = self.locate(key)
        config = Config.decode(key, json.dumps(value))
        return Resource(type_, id_, config)

    def locate(self, key: str) -> Any:
        located = self.catalog.types.locate(key.removeprefix(_CONFIG))
        if located is None:
            raise UnknownKey(f'no type of the traces has the key {key}')
        return located

    def known(self, configs: Mapping[str, Json]) -> Known:
        """A view of configs by key."""
        bodies = {}
        for key, value in configs.items():
            type_, id_ = self.locate(key)
            bodies[ResourceRef(type_.name, id_)] = value['body']
        return Known(bodies)


class Traces:
    """One folder of recordings."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def lines(self, name: str) -> Iterator[Any]:
        """The records of a JSON Lines file."""
        path = self.root / name
        if not path.is_file():
            return
        with path.open(encoding='utf-8') as file:
            for line in file:
                if line.strip():
                    yield json.loads(line)

    def scenarios(self, folder: str) -> list[str]:
        """The names of the scenarios recorded in a folder."""
        return sorted(
            path.stem for path in self.root.glob(f'{folder}/*.jsonl')
        )

    def document(self, name: str) -> Any:
        """A JSON file, or None when it is absent."""
        path = self.root / name
        if not path.is_file():
            return None
        return json.loads(path.read_text('utf-8'))

    @functools.cache  # noqa: B019 - lives as long as the report
    def run(
        self,
        templates_file: str,
        mappings_file: str = '',
        schemas_file: str = SCHEMAS,
    ) -> Run:
        """The system with one set of templates.

        :param templates_file: those in etcd; empty for none
        :param mappings_file: chooses the templates; empty leaves that
            to the schemas
        :param schemas_file: empty leaves the types to the shipped set
        """
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.register_opts(options.OPTS, group=options.GROUP)
        self._set(conf, 'schemas', schemas_file)
        self._set(conf, 'template_mappings', mappings_file)
        catalog = templates.load_catalog(conf)
        stored = (templates_file and self.document(templates_file)) or {}
        catalog.replace_all(
            {
                f'/config/{templates.HEAT_TEMPLATES_PATH}/{id_}': _envelope(
                    body
                )
                for id_, body in stored.items()
            }
        )
        return Run(catalog)

    def _set(self, conf: Any, option: str, name: str) -> None:
        if name and (self.root / name).is_file():
            conf.set_override(option, str(self.root / name), options.GROUP)

    def lacking(self, *names: str) -> str:
        """Which files are absent, in words; empty when all are there."""
        absent = [name for name in names if not (self.root / name).is_file()]
        return f'absent: {", ".join(absent)}' if absent else ''

    def two_handlers_templates(self, scenario: str) -> str:
        """The file with the templates of the system of 2017.

        Without templates of the scenario's own those of another one
        serve: it was one system.
        """
        found = sorted(
            path.name for path in self.root.glob('two_handlers/templates_*')
        )
        own = f'templates_{scenario}.json'
        name = own if own in found or not found else found[0]
        return f'two_handlers/{name}'

    def two_handlers_files(self, scenario: str) -> tuple[str, ...]:
        """What nothing can be compared without."""
        return SCHEMAS, MAPPINGS, self.two_handlers_templates(scenario)

    def two_handlers(self, scenario: str) -> Run:
        """The system of 2017, which had two handlers."""
        return self.run(self.two_handlers_templates(scenario), MAPPINGS)

    def story(self, scenario: str) -> Run:
        """The system that a story was recorded from."""
        if self._is_of_2017(scenario):
            return self.two_handlers(scenario)
        return self.run(TEMPLATES_2018)

    def story_files(self, scenario: str) -> tuple[str, ...]:
        """What a story cannot be compared without."""
        if self._is_of_2017(scenario):
            return self.two_handlers_files(scenario)
        return SCHEMAS, TEMPLATES_2018

    def _is_of_2017(self, scenario: str) -> bool:
        """01, 02 and 03 are, and so is whatever was monitored by a
        handler."""
        monitored = any(
            job['handler'] == 'monitoring_worker'
            for record in self.lines(f'story/{scenario}.jsonl')
            for job in record.get('workflow') or ()
        )
        old = scenario.startswith(_OF_2017)
        both = scenario in self.scenarios('two_handlers')
        return monitored or old or both


def _envelope(body: Json) -> str:
    return json.dumps({'body': json.dumps(body), 'version': 1})


class TracesTestCase(testtools.TestCase):
    """A test of the traces, skipped where they are absent."""

    def setUp(self) -> None:
        super().setUp()
        found = find()
        if found is None:
            self.skipTest(f'no recorded traces; {VARIABLE} names their folder')
        self.folder = Traces(found)

    def need(self, *names: str) -> None:
        """Skip the test where a file is absent."""
        absent = self.folder.lacking(*names)
        if absent:
            self.skipTest(f'of the traces {absent}')
