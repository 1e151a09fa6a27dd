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

"""Operators' requests on a real etcd: one template, and very many."""

from __future__ import annotations

from collections.abc import Sequence
import io
import json
import logging
from typing import Any

from esi_worker import store
from esi_worker.cli import app, requests
from esi_worker.model import Request, ResourceRef
from esi_worker.model.requests import REAPPLY
from esi_worker.tests.functional import service_support

COUNT = 6
MANY = 300
KEY = '/config/v2.0/heat_templates/thing'


class TemplateApplyTest(service_support.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        # Commands set up logging for themselves.
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))

    def manage(self, *arguments: str) -> tuple[int, str]:
        """Run a command of operators: its exit code and what it says."""
        output = io.StringIO()
        program = app.ManageApp(stdout=output, stderr=output)
        code = program.run(
            ['--config-file', str(self.service.config_file), *arguments]
        )
        return code, output.getvalue()

    def template(self, expression: Any) -> str:
        body = {
            'id': 'thing',
            'handler': 'noop',
            'parameter_mappings': {'name': expression},
            'template_file': 'a thing\n',
        }
        return json.dumps({'body': json.dumps(body), 'version': 1})

    def actions(self, name: str) -> list[str]:
        lines = self.etcd.json(f'/esi-worker/history/v2.0/things/{name}')
        return [f'{line["action"]}:{line["version"]}' for line in lines]

    def serve(self, name: str, **manager: int) -> None:
        """Start a service that knows things."""
        folder = service_support.thing_folder(self.folder / name)
        self.service = self.start(
            name,
            resources={'template_paths': str(folder), 'handlers': 'noop'},
            manager=manager,
        )

    def make_things(self, names: Sequence[str]) -> None:
        for name in names:
            body = {'id': name, 'tenant_id': 't'}
            self.etcd.put(
                f'/config/v2.0/things/{name}', service_support.config(body)
            )
        for name in names:
            self.history.state(f'things/{name}', 1)

    def outcome(self, key: str) -> str:
        """What a request was answered, when it is."""
        event = self.history.wait(
            f'an answer to {key}',
            lambda event: (
                event.key == key
                and event.value is not None
                and 'answer' in event.json
            ),
        )
        return str(event.json['answer']['outcome'])

    def test_all_who_ask_for_one_resource_are_answered(self) -> None:
        """Far more than fits one transaction of etcd."""
        self.serve('many')
        self.make_things(['asked'])
        ref = ResourceRef('thing', 'asked')
        with store.EtcdStore([self.server.endpoint]) as target:
            names = requests.submit(
                target, store.KeyLayout(), [Request(REAPPLY, ref)] * MANY
            )
        outcomes = {self.outcome(name) for name in names}
        self.assertEqual({'accepted'}, outcomes)
        self.assertIn('modify:1', self.actions('asked'))

    def test_a_changed_template_is_applied_again(self) -> None:
        self.serve('apply', paced_requests=2)
        names = [f'thing-{number}' for number in range(COUNT)]
        self.make_things(names)

        # A change alone touches nothing.
        self.etcd.put(KEY, self.template('Cchanged'))
        code, text = self.manage('template', 'apply', 'thing', '--dry-run')
        self.assertEqual((0, COUNT), (code, text.count('version 1')))
        self.assertEqual(['create:1'], self.actions(names[0]))

        code, text = self.manage(
            'template', 'apply', 'thing', '--yes', '--wait'
        )
        self.assertEqual(0, code, text)
        for name in names:
            self.assertEqual(['create:1', 'modify:1'], self.actions(name))
            job = self.history.put(f'/jobs/all/modify:noop:thing:{name}:1:')
            (param,) = job.json[1]['params']
            self.assertEqual('changed', param['value'])

        code, text = self.manage('request', 'list', '-f', 'json')
        self.assertEqual(
            ['accepted'] * COUNT, [row['Answer'] for row in json.loads(text)]
        )
