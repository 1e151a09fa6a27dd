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

"""A catalog of the shipped templates, and views, for driver tests."""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any

import fixtures
from oslo_config import cfg
import testtools

from esi_worker import templates
from esi_worker.drivers import DriverSet, PortDriver
from esi_worker.model import (
    Config,
    Resource,
    ResourceRef,
)
from esi_worker.templates import options
from esi_worker.tests.unit.model import seed

NETWORK = ResourceRef('network', '774acf45-316f-4431-b31b-08770b76d761')
SUBNET = ResourceRef('subnet', 'c2c9520b-026d-444a-8db9-c1cb9d71c130')
TEMPLATES = '/config/v2.0/heat_templates'


class Everything:
    """A view in which every resource exists."""

    def body(self, ref: ResourceRef) -> Mapping[str, Any] | None:
        return {'id': ref.id}


class Nothing:
    """A view in which no other resource exists."""

    def body(self, ref: ResourceRef) -> Mapping[str, Any] | None:
        return None


class DriversTest(testtools.TestCase):
    template_set = options.CONTRAIL

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        conf.register_opts(options.OPTS, group=options.GROUP)
        conf.set_override('template_set', self.template_set, options.GROUP)
        self.catalog = templates.load_catalog(conf)
        self.drivers = DriverSet(self.catalog, {'port': PortDriver})
        self.config = Config.decode(seed.CONFIG, seed.text(seed.CONFIG))

    def resource(self, type_: str, body: Mapping[str, Any]) -> Resource:
        known = self.catalog.types.get(type_)
        assert known is not None
        return Resource(known, str(body['id']), Config(body, 3))

    def port(self, **changes: Any) -> Resource:
        return self.resource('port', {**self.config.body, **changes})

    def store(self, template_id: str, **changes: Any) -> None:
        body = {
            'handler': 'heat_worker',
            'template_file': 'text',
            'parameter_mappings': {'name': 'Pname'},
            **changes,
        }
        text = json.dumps({'body': json.dumps(body), 'version': 1})
        self.catalog.put(f'{TEMPLATES}/{template_id}', text)
