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

"""Operators' requests on a real etcd: applying a template again."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from esi_worker.cli import app
from esi_worker.tests.functional import service_support

COUNT = 6
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

    def test_a_changed_template_is_applied_again(self) -> None:
        folder = service_support.thing_folder(self.folder / 'apply')
        self.service = self.start(
            'apply',
            resources={'template_paths': str(folder), 'handlers': 'noop'},
            manager={'paced_requests': 2},
        )
        names = [f'thing-{number}' for number in range(COUNT)]
        for name in names:
            body = {'id': name, 'tenant_id': 't'}
            self.etcd.put(
                f'/config/v2.0/things/{name}', service_support.config(body)
            )
        for name in names:
            self.history.state(f'things/{name}', 1)

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
