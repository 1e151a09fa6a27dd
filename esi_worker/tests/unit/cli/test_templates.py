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
import json
from pathlib import Path

import fixtures
from oslo_config import cfg
import yaml

from esi_worker import drivers, plugins
from esi_worker.model import Config, Param, ParamType, Resource
from esi_worker.tests.unit.cli import support


class TemplateListTest(support.CommandTest):
    def test_shipped_templates_are_listed(self) -> None:
        rows = self.rows('template', 'list')
        self.assertIn('port', [row['ID'] for row in rows])

    def test_broken_template_in_etcd_is_named_with_the_reason(self) -> None:
        key = self.keys.config('v2.0/heat_templates/mine')
        self.store.put(key, json.dumps({'body': '{}', 'version': 1}))
        rows = self.rows('template', 'list')
        self.assertNotIn('mine', [row['ID'] for row in rows])
        self.assertIn(key, self.stderr.getvalue())


class TemplateContentTest(support.CommandTest):
    """Of the shipped set, whose type network has a template."""

    def setUp(self) -> None:
        super().setUp()
        body = {
            'id': 'n',
            'tenant_id': 't',
            'name': 'mine',
            'admin_state_up': True,
        }
        self.store.put(
            self.keys.config('v2.0/networks/n'), Config(body, 1).encode()
        )

    def key(self, name: str) -> str:
        return self.keys.config(f'v2.0/heat_templates/{name}')

    def test_show_gives_parameters_and_text(self) -> None:
        shown = self.rows('template', 'show', 'network')
        self.assertEqual('heat_worker', shown['Handler'])
        self.assertIn('heat_template_version', shown['Text'])
        self.assertTrue(shown['Parameters'])

    def test_show_of_an_unknown_one_fails(self) -> None:
        self.assertEqual(1, self.run_command('template', 'show', 'robot'))
        self.assertIn('robot', self.stderr.getvalue())

    def test_render_gives_the_text_for_a_resource(self) -> None:
        code = self.run_command('template', 'render', 'network', 'n')
        self.assertEqual(0, code, self.stderr.getvalue())
        self.assertIn('heat_template_version', self.stdout.getvalue())

    def test_render_shows_parameters_only_when_asked(self) -> None:
        self.run_command('template', 'render', 'network', 'n')
        self.assertNotIn('mine', self.stdout.getvalue())
        self.run_command('template', 'render', 'network:n', '--parameters')
        self.assertIn('heat_timeout', self.stdout.getvalue())

    def test_render_needs_a_desired_state(self) -> None:
        code = self.run_command('template', 'render', 'network', 'gone')
        self.assertEqual(1, code)
        self.assertIn('no desired state', self.stderr.getvalue())

    def test_push_puts_a_template_of_a_folder_into_etcd(self) -> None:
        code = self.run_command('template', 'push', 'network', '--yes')
        self.assertEqual(0, code, self.stderr.getvalue())
        (row,) = (
            row
            for row in self.rows('template', 'list')
            if row['ID'] == 'network'
        )
        self.assertEqual(self.key('network'), row['Source'])

    def test_push_of_the_same_again_changes_nothing(self) -> None:
        self.run_command('template', 'push', 'network', '--yes')
        before = self.store.get(self.key('network'))
        code = self.run_command('template', 'push', 'network', '--yes')
        self.assertEqual(0, code)
        self.assertEqual(before, self.store.get(self.key('network')))

    def test_push_asks_first(self) -> None:
        self.assertEqual(1, self.run_command('template', 'push', 'network'))
        self.assertIsNone(self.store.get(self.key('network')))


DRIVER = """
type: robot
plural: robots
prefix: /v2.0/robots
fields: [id, name, network_id, plan_id]
relations: {network_id: network, plan_id: plan}
choices: {heat_worker: Crobot}
templates:
  robot:
    handler: heat_worker
    file: heat.yaml
    parameters: {heat_timeout: C60}
    depends_on: [network_id]
    needs: [{path: [plan_id]}]
"""


class OwnTemplateTestCase(support.CommandTest):
    """With a folder of the operator's own."""

    driver = DRIVER
    text = 'heat_template_version: 2013-05-23\n'

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        (folder / 'robot').mkdir()
        (folder / 'robot' / 'driver.yaml').write_text(self.driver)
        (folder / 'robot' / 'heat.yaml').write_text(self.text)
        self.config = str(folder / 'esi-worker.conf')
        Path(self.config).write_text(
            f'[resources]\ntemplate_paths = {folder}\n'
        )

    def run_command(self, *arguments: str) -> int:
        return super().run_command('--config-file', self.config, *arguments)


class ReferencesTest(OwnTemplateTestCase):
    def test_push_keeps_what_jobs_wait_for(self) -> None:
        before = self.rows('template', 'show', 'robot')
        code = self.run_command('template', 'push', 'robot', '--yes')
        self.assertEqual(0, code, self.stderr.getvalue())
        kv = self.store.get(self.keys.config('v2.0/heat_templates/robot'))
        assert kv is not None
        body = Config.decode(kv.key, kv.value).body
        self.assertEqual(['network_id'], body['depends_on'])
        self.assertEqual([{'path': ['plan_id']}], body['needs'])
        after = self.rows('template', 'show', 'robot')
        self.assertEqual(kv.key, after['Source'])
        self.assertEqual({**before, 'Source': kv.key}, after)

    def test_show_gives_what_jobs_wait_for(self) -> None:
        shown = self.rows('template', 'show', 'robot')
        self.assertEqual('network_id', shown['Depends on'])
        self.assertEqual('{"path": ["plan_id"]}', shown['Needs'])


SECRETIVE = """
type: robot
plural: robots
prefix: /v2.0/robots
fields: [id, password, pin, nick]
choices: {heat_worker: Crobot}
templates:
  robot:
    handler: heat_worker
    file: heat.yaml
    parameters:
      heat_timeout: C60
      code: Ppin
      login: Ppassword
      nick: Pnick
      jinja_password: Ppassword
"""
HIDING = """
heat_template_version: 2013-05-23
description: let in with {{ jinja_password }}
parameters:
  code: {type: string, hidden: true}
  login: {type: string}
  nick: {type: string}
"""


class SecretsTest(OwnTemplateTestCase):
    driver = SECRETIVE
    text = HIDING

    def setUp(self) -> None:
        super().setUp()
        body = {'id': 'r', 'password': 's3same', 'pin': 4711, 'nick': 'Bob'}
        self.store.put(
            self.keys.config('v2.0/robots/r'), Config(body, 1).encode()
        )

    def render(self, *arguments: str) -> str:
        self.stdout.seek(0)
        self.stdout.truncate()
        code = self.run_command('template', 'render', 'robot:r', *arguments)
        self.assertEqual(0, code, self.stderr.getvalue())
        return self.stdout.getvalue()

    def test_parameters_are_shown_without_secrets(self) -> None:
        shown = yaml.safe_load(self.render('--parameters'))
        self.assertEqual(
            {
                'code': '***',
                'heat_timeout': '60',
                'jinja_password': '***',
                'login': '***',
                'nick': 'Bob',
            },
            shown,
        )

    def test_the_text_is_shown_without_secrets(self) -> None:
        self.assertIn('let in with ***', self.render())

    def test_further_names_of_secrets_are_the_operators(self) -> None:
        with Path(self.config).open('a') as file:
            file.write('[DEFAULT]\nsecret_fields = nick\n')
        shown = yaml.safe_load(self.render('--parameters'))
        self.assertEqual('***', shown['nick'])

    def test_secrets_are_shown_when_asked_for(self) -> None:
        shown = yaml.safe_load(self.render('--parameters', '--show-secrets'))
        self.assertEqual(4711, shown['code'])
        self.assertEqual('s3same', shown['login'])
        self.assertIn('s3same', self.render('--show-secrets'))


class Painter(drivers.MappingDriver):
    """Gives robots the colour that the configuration names."""

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return [('robots', [cfg.StrOpt('colour', default='grey')])]

    def plan(
        self,
        resource: Resource,
        view: drivers.View,
        *,
        lenient: bool = False,
    ) -> drivers.Plan:
        plan = super().plan(resource, view, lenient=lenient)
        (part,) = plan.parts
        colour = Param('colour', ParamType.VALUE, self.conf.robots.colour)
        part = dataclasses.replace(part, params=(*part.params, colour))
        return dataclasses.replace(plan, parts=(part,))


class DriverOptionsTest(OwnTemplateTestCase):
    driver = DRIVER.replace('needs: [{path: [plan_id]}]', '')

    def test_render_uses_the_options_of_a_driver(self) -> None:
        with Path(self.config).open('a') as file:
            file.write('[robots]\ncolour = red\n')
        self.useFixture(
            fixtures.MockPatchObject(
                plugins, 'load_classes', lambda *_: {'robot': Painter}
            )
        )
        key = self.keys.config('v2.0/robots/r')
        self.store.put(key, Config({'id': 'r', 'network_id': ''}, 1).encode())
        code = self.run_command(
            'template', 'render', 'robot:r', '--parameters'
        )
        self.assertEqual(0, code, self.stderr.getvalue())
        self.assertIn('colour: red', self.stdout.getvalue())
