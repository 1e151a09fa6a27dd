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

from __future__ import annotations

import dataclasses
from typing import Any

import fixtures
from oslo_config import cfg

from esi_worker import exceptions, templates
from esi_worker.drivers import DriverSet, MappingDriver, PortDriver
from esi_worker.mapping import Choice
from esi_worker.model import (
    ParamType,
)
from esi_worker.tests.unit.drivers.support import (
    DriversTest,
    Everything,
    Nothing,
)


class MappingDriverTest(DriversTest):
    def test_each_handler_with_a_template_has_a_part(self) -> None:
        resource = self.resource('network', {'id': 'n'})
        self.store('network', parameter_mappings={'a': {'output_key': 'id'}})

        (part,) = self.drivers.plan(resource, Nothing()).parts

        self.assertEqual(
            ('heat_worker', 'network'), (part.handler, part.template_id)
        )
        self.assertIs(ParamType.OUTPUT_KEY, part.params[0].type)

    def test_a_missing_template_is_an_error(self) -> None:
        choice = Choice('heat_worker', 'port', 'Cghost')
        catalog = templates.TemplateCatalog(
            self.catalog.types, choices={'heat_worker': {'port': choice}}
        )
        error = self.assertRaises(
            exceptions.TemplateNotFound,
            DriverSet(catalog).plan,
            self.port(),
            Everything(),
        )
        self.assertIn('"ghost"', str(error))

    def test_a_template_for_another_handler_is_an_error(self) -> None:
        self.store('network', handler='monitoring')
        resource = self.resource('network', {'id': 'n'})
        error = self.assertRaises(
            exceptions.TemplateError, self.drivers.plan, resource, Nothing()
        )
        self.assertIn('"heat_worker" has chosen it', str(error))

    def test_a_broken_template_does_not_hinder_a_deletion(self) -> None:
        self.store('network', template_file='{{')
        resource = self.resource('network', {'id': 'n'})
        self.assertRaises(
            exceptions.TemplateError, self.drivers.plan, resource, Nothing()
        )

        plan = self.drivers.plan(resource, Nothing(), lenient=True)

        self.assertEqual(
            [('heat_worker', 'network', ())],
            [dataclasses.astuple(part)[:3] for part in plan.parts],
        )


class OtherDriver(MappingDriver):
    """A driver class of somebody else."""


class DriverSetTest(DriversTest):
    def test_the_default_serves_types_without_a_class(self) -> None:
        self.assertIs(MappingDriver, type(self.drivers.driver('network')))
        self.assertIs(PortDriver, type(self.drivers.driver('port')))

    def test_a_type_keeps_its_driver(self) -> None:
        self.assertIs(self.drivers.driver('port'), self.drivers.driver('port'))

    def test_entry_points_bring_classes(self) -> None:
        self._install({'network': OtherDriver})

        loaded = DriverSet.load(self.catalog, cfg.ConfigOpts())

        self.assertIs(OtherDriver, type(loaded.driver('network')))

    def test_a_plugin_of_another_kind_is_refused(self) -> None:
        self._install({'network': object})
        error = self.assertRaises(
            exceptions.PluginError, DriverSet.load, self.catalog
        )
        self.assertIn('"network" of esi_worker.drivers', str(error))

    def _install(self, found: dict[str, Any]) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.plugins.load', lambda group, names=None: found
            )
        )
