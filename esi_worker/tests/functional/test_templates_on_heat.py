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

"""Templates are what a real Heat takes.

The resource types of controllers and appliances are stand-ins (see
esi_worker/embedded/contrail), those of monitoring are ours, with a
collector that takes every target.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import server
import json
from pathlib import Path
import threading
from typing import Any, ClassVar
import uuid

from heatclient import client as heat_client
from heatclient import exc as heat_exc
import jinja2
from jinja2 import meta
from oslo_config import cfg
import testtools
import yaml

from esi_worker import templates
from esi_worker.collector import heat_plugin
from esi_worker.embedded import fixtures
from esi_worker.tests.conformance import traces
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional.embedded_support import outputs

#: Renders every optional part; other variables are some text.
VARIABLES: dict[str, Any] = {
    'jinja_attached': True,
    'jinja_common_service_numbers': [1],
    'jinja_device_owner': 'compute:nova',
    'jinja_fixed_ips': [{'subnet_id': 's', 'ip_address': '10.0.0.3'}],
    'jinja_port_ids': ['p', 'q'],
    'jinja_primary_uplink_ip': '10.0.0.1/30',
    'jinja_secondary_uplink_ip': '10.0.0.2/30',
    'jinja_slot_number': 1,
    'jinja_subnets': ['backend'],
    'jinja_vrids': [41],
}
#: Values that are more than one of their type.
VALUES: dict[str, Any] = {
    'credentials': {'username': 'root', 'password': 'secret'},
    'networks': [{'port': 'p'}, {'port': 'q'}],
}
BY_TYPE: dict[str, Any] = {
    'string': 'a-text',
    'number': 7,
    'boolean': True,
    'comma_delimited_list': ['a', 'b'],
    'json': [],
}
RECORDINGS = ('heat_templates_2018.json', 'heat_templates_2019.json')


class TemplatesOnHeatTest(testtools.TestCase):
    collector: ClassVar[Collector]
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.collector = Collector()
        cls.addClassCleanup(cls.collector.close)
        cls.heat = fixtures.HeatFixture(
            plugin_dirs=[Path(heat_plugin.__file__).parent],
            extra_options={'collector_agents': {'url': cls.collector.url}},
        )
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        session = self.heat.session()
        self.stacks = embedded_support.Stacks(session)
        self.client = heat_client.Client('1', session=session).stacks

    def refusals(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Why Heat takes some texts for no templates."""
        refused = {}
        for id_, text in texts.items():
            try:
                self.client.validate(template=text)
            except heat_exc.HTTPException as exc:
                refused[id_] = str(exc)
        return refused

    def test_every_shipped_template_is_valid(self) -> None:
        self.assertEqual({}, self.refusals(shipped()))

    def test_every_shipped_template_makes_a_stack(self) -> None:
        texts = shipped()
        made = {
            id_: self.client.create(
                stack_name=id_, template=text, parameters=sample(text)
            )['stack']['id']
            for id_, text in texts.items()
        }
        for id_, stack_id in made.items():
            stack = self.stacks.settled(f'{id_}/{stack_id}')
            self.assertEqual(
                ('CREATE_COMPLETE', 'Stack CREATE completed successfully'),
                (stack.stack_status, stack.stack_status_reason),
            )
            errors = [item.get('output_error') for item in stack.outputs]
            self.assertEqual([None] * len(errors), errors)
            declared = yaml.safe_load(texts[id_]).get('outputs', ())
            self.assertEqual(set(declared), outputs(stack).keys())
            self.client.delete(f'{id_}/{stack_id}')
        for id_, stack_id in made.items():
            stack = self.stacks.settled(f'{id_}/{stack_id}')
            self.assertEqual('DELETE_COMPLETE', stack.stack_status)
        self.assertEqual({}, self.collector.targets)

    def test_every_recorded_template_is_valid(self) -> None:
        found = traces.find()
        if found is None:
            self.skipTest(
                f'no recorded traces; {traces.VARIABLE} names their folder'
            )
        for name in RECORDINGS:
            catalog = traces.Traces(found).run(name).catalog
            self.assertEqual({}, self.refusals(rendered(catalog)), name)


def shipped() -> dict[str, str]:
    """The texts of the shipped set by template id."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    return rendered(templates.load_catalog(conf))


def rendered(catalog: templates.TemplateCatalog) -> dict[str, str]:
    """All templates for Heat by id, filled in."""
    environment = jinja2.Environment()
    texts = {}
    for template in catalog.templates():
        if template.handler != 'heat_worker':
            continue
        read = meta.find_undeclared_variables(environment.parse(template.text))
        variables = {**dict.fromkeys(read, 'text'), **VARIABLES}
        texts[template.id] = catalog.render(template.id, variables)
    return texts


def sample(text: str) -> dict[str, Any]:
    """A value for each parameter of a template."""
    return {
        name: VALUES.get(name, BY_TYPE[item['type']])
        for name, item in yaml.safe_load(text)['parameters'].items()
    }


class Collector:
    """Takes every target and forgets it on request."""

    def __init__(self) -> None:
        targets = self.targets = dict[str, Any]()

        class Handler(server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers['Content-Length'])
                target = json.loads(self.rfile.read(length))
                target['id'] = str(uuid.uuid4())
                target['link'] = f'{url}/targets/{target["id"]}'
                targets[target['id']] = target
                self._answer(201, target)

            def do_DELETE(self) -> None:
                known = targets.pop(self.path.rpartition('/')[2], None)
                self._answer(404 if known is None else 204)

            def _answer(self, status: int, body: Any = None) -> None:
                text = b'' if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        url = self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
