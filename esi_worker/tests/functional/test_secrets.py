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


"""Secrets on the whole way of a job, at the most talkative log level.

Three canaries, one for each way in which a value becomes a secret: its
name says so, the configuration names its field, or the template declares
its parameter as hidden. They go through config, job and Heat, which
quotes them when it refuses a stack and when it fails at one; then nothing
that anybody is shown may contain them.
"""

from __future__ import annotations

import io
import json
import logging
from typing import Any, ClassVar
import uuid

import requests

from esi_worker.cli import app
from esi_worker.embedded import fixtures, ours, ports
from esi_worker.tests.functional import service_support as support

TYPE = 'widget'
#: All that the manager serves.
PAGES = (
    '/',
    '/metrics',
    '/readyz',
    *(
        f'/api/{name}'
        for name in (
            'overview',
            'resources',
            'resource',
            'graph',
            'workers',
            'errors',
        )
    ),
)
FIELDS = ('admin_password', 'pin_code', 'phrase')
TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  admin_password:
    type: string
    constraints: [{allowed_pattern: '[a-z0-9-]{8,60}'}]
  pin_code:
    type: string
    constraints: [{allowed_pattern: '[a-z0-9-]{8,60}'}]
  phrase:
    type: string
    hidden: true
    constraints: [{allowed_pattern: '[a-z0-9-]{8,60}'}]
  number: {type: string}
resources:
  thing:
    type: OS::Heat::TestResource
    properties: {value: {get_param: number}}
  # What is no number is noticed only when it gets its value.
  trap:
    type: OS::Heat::RandomString
    properties: {length: {get_attr: [thing, output]}}
"""
#: What may hold secrets: the desired state itself, and the jobs made of it.
_OPEN = ('/config/', '/esi-worker/config/', '/jobs/all/')


class SecretsTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]
    service: ClassVar[ours.EsiWorkerProcess]
    port: ClassVar[int]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.heat = fixtures.HeatFixture()
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        reserved = ports.ReservedPort()
        cls.addClassCleanup(reserved.close)
        cls.port = reserved.number
        mappings = cls.folder / 'mappings.json'
        mappings.write_text(json.dumps({'heat_worker': {TYPE: f'C{TYPE}'}}))
        cls.put_template()
        cls.service = cls.make(
            'service',
            'all',
            cls.heat.server.endpoint,
            DEFAULT={
                'debug': True,
                # Instead of those that keep libraries quiet.
                'default_log_levels': 'esi_worker=DEBUG',
                'secret_fields': 'Pin_Code',
            },
            resources={'template_mappings': mappings},
            heat={'poll_interval': 0.1, 'poll_interval_max': 0.5},
            admin={'manager_port': cls.port, 'page': True},
        )
        cls.enterClassContext(cls.service)

    @classmethod
    def put_template(cls) -> None:
        body = {
            'id': TYPE,
            'handler': 'heat_worker',
            'template_file': TEMPLATE,
            'parameter_mappings': {
                name: f'P{name}' for name in (*FIELDS, 'number')
            },
        }
        cls.etcd.put(
            f'/config/v2.0/heat_templates/{TYPE}', support.config(body)
        )

    def setUp(self) -> None:
        super().setUp()
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))
        self.widget = uuid.uuid4().hex
        self.canaries = {name: f'canary-{uuid.uuid4().hex}' for name in FIELDS}

    def write(self, version: int, **changed: str) -> dict[str, Any]:
        """Write a version; gives the state that is published."""
        body = {
            'id': self.widget,
            'tenant_id': self.heat.tenant,
            **self.canaries,
            'number': '5',
            **changed,
        }
        self.etcd.put(
            f'/config/v2.0/{TYPE}s/{self.widget}',
            support.config(body, version),
        )
        state = self.history.state(f'{TYPE}s/{self.widget}', version)
        return dict(state.json)

    def manage(self, *arguments: str) -> str:
        out, errors = io.StringIO(), io.StringIO()
        program = app.ManageApp(stdout=out, stderr=errors)
        program.run(
            ['--config-file', str(self.service.config_file), *arguments]
        )
        return out.getvalue() + errors.getvalue()

    def seen(self) -> dict[str, str]:
        """All that an operator, a tenant or a log collector sees."""
        resource = (TYPE, self.widget)
        texts = {
            ' '.join(arguments): self.manage(*arguments)
            for arguments in (
                ('job', 'list'),
                ('resource', 'list'),
                ('resource', 'show', *resource),
                ('resource', 'history', *resource),
                ('resource', 'preview', *resource),
            )
        }
        with requests.Session() as session:
            session.trust_env = False
            for path in PAGES:
                answer = session.get(
                    f'http://{ports.LOOPBACK}:{self.port}{path}',
                    params={'path': f'v2.0/{TYPE}s/{self.widget}'},
                    timeout=60,
                )
                answer.raise_for_status()
                texts[path] = answer.text
        for event in self.history.events:
            if not event.key.startswith(_OPEN):
                texts[f'{event.key} at {event.revision}'] = str(event)
        texts['the log'] = self.service.log_text()
        return texts

    def test_no_canary_is_ever_seen(self) -> None:
        refusals = []
        self.assertEqual('', self.write(1)['error'])
        for version, (name, canary) in enumerate(self.canaries.items(), 2):
            # So long that it does not match, and Heat quotes it.
            state = self.write(version, **{name: canary * 2})
            refusals.append(state['error'])
        # Heat fails at the stack, and its reason quotes them all.
        number = ' '.join(self.canaries.values())
        failure = self.write(5, number=number)['error']

        self.assertIn('StackFailed: ', failure)
        self.assertIn('trap', failure)
        for refusal in refusals:
            self.assertIn('HeatRefused: HTTP 400', refusal)
        # Some of it was there to be masked, or this would prove nothing.
        self.assertIn('***', ' '.join((*refusals, failure)))
        log = self.service.log_text()
        self.assertIn(' DEBUG ', log)
        for what, text in self.seen().items():
            for name, canary in self.canaries.items():
                self.assertNotIn(canary, text, f'{name} in {what}')
