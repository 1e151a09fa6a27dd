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
"""The kit for the tests of third parties' drivers."""

from __future__ import annotations

import dataclasses
from typing import Any

from oslo_config import cfg
import testtools

from esi_worker import drivers, exceptions, plugins, testing
from esi_worker.model import Param, ParamType, Resource

BODY = {'id': 'n', 'tenant_id': 't', 'name': 'mine'}


class Painter(drivers.MappingDriver):
    """Gives networks as many stripes as the configuration says."""

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return [('painter', [cfg.IntOpt('stripes', default=3, min=1)])]

    def plan(
        self,
        resource: Resource,
        view: drivers.View,
        *,
        lenient: bool = False,
    ) -> drivers.Plan:
        plan = super().plan(resource, view, lenient=lenient)
        (part,) = plan.parts
        count = self.conf.painter.stripes
        param = Param('stripes', ParamType.VALUE, count)
        part = dataclasses.replace(part, params=(*part.params, param))
        return dataclasses.replace(plan, parts=(part,))


class SceneOptionsTest(testtools.TestCase):
    def scene(self, **options: Any) -> testing.Scene:
        return testing.Scene('network', BODY, driver=Painter, **options)

    def test_a_driver_sees_the_defaults_of_its_options(self) -> None:
        self.assertEqual(3, self.scene().values()['stripes'])

    def test_a_driver_sees_the_options_that_are_set(self) -> None:
        scene = self.scene(options={'painter': {'stripes': 5}})
        self.assertEqual(5, scene.values()['stripes'])

    def test_an_option_that_cannot_be_is_an_error(self) -> None:
        for options, text in (
            ({'painter': {'colour': 'red'}}, r'\[painter\] colour'),
            ({'brush': {'size': 1}}, r'\[brush\] size'),
            ({'painter': {'stripes': 0}}, r'\[painter\] stripes'),
        ):
            with testtools.ExpectedException(
                exceptions.ConfigurationError, f'.*{text}.*'
            ):
                self.scene(options=options)
