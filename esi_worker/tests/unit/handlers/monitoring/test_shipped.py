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

from oslo_config import cfg
import testtools

from esi_worker import clock as clocks
from esi_worker import templates
from esi_worker.collector import schemas
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.loading import load_pollers
from esi_worker.handlers.monitoring import legacy, sections
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.tests.unit.collector import support

VARIABLES = {
    'attached': True,
    'device_owner': 'compute:nova',
    'fq_name': 'default-domain:admin:x',
    'id': 'x',
}


class ShippedTest(testtools.TestCase):
    """The monitoring templates that come with esi-worker."""

    def setUp(self) -> None:
        super().setUp()
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        self.catalog = templates.load_catalog(conf)

    def sections(self, template_id: str, **changes: object) -> list[Section]:
        text = self.catalog.render(template_id, {**VARIABLES, **changes})
        found = sections.parse(template_id, text)
        return list(legacy.modernized(found))

    def test_the_collector_takes_what_they_give(self) -> None:
        pollers = load_pollers(support.make_conf(), clocks.ManualClock())
        types = Catalogue(pollers)
        names = []
        for template in self.catalog.templates():
            if template.handler != 'monitoring':
                continue
            names.append(template.id)
            for section in self.sections(template.id):
                served = types.get(section.type)
                assert served is not None, section.type
                problems = schemas.problems(
                    section.properties, served.type.properties, 'properties'
                )
                self.assertEqual([], list(problems), template.id)
        self.assertIn('port_monitoring', names)

    def test_only_an_attached_port_is_monitored(self) -> None:
        self.assertEqual(1, len(self.sections('port_monitoring')))
        for changes in ({'attached': False}, {'device_owner': ''}):
            self.assertEqual([], self.sections('port_monitoring', **changes))
