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

import json
import pathlib
from typing import Any

import fixtures
from oslo_config import cfg
import testtools

from esi_worker import exceptions, plugins, templates
from esi_worker.templates import TemplateCatalog, loading, options

DRIVER = """
type: thing
plural: things
prefix: /v2.0/things
relations: {port_id: port}
fields: [id, port_id]
choices:
  heat_worker: Cthing
  monitoring: Cthing_monitoring
templates:
  thing:
    handler: heat_worker
    file: heat.yaml.j2
    parameters: {name: Pid}
"""


def ordered(*options: str) -> str:
    """The driver file with options of its template."""
    lines = ''.join(f'    {option}\n' for option in options)
    return DRIVER + lines


class LoadingTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.conf = cfg.ConfigOpts()
        self.conf([], default_config_files=[], default_config_dirs=[])
        self.conf.register_opts(options.OPTS, group='resources')

    def load(self, **values: Any) -> TemplateCatalog:
        for name, value in values.items():
            self.conf.set_override(name, value, 'resources')
        return templates.load_catalog(self.conf)

    def test_a_filter_that_is_no_function_is_refused(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.plugins.load',
                lambda group: (
                    {'odd': 'text'} if group == plugins.JINJA_FILTERS else {}
                ),
            )
        )
        error = self.assertRaises(exceptions.PluginError, self.load)
        self.assertIn('"odd" of esi_worker.jinja_filters', str(error))

    def refused(self, **values: Any) -> str:
        error = self.assertRaises(
            exceptions.ConfigurationError, self.load, **values
        )
        return str(error)

    def write(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str):
            content = json.dumps(content)
        path.write_text(content, 'utf-8')
        return str(path)

    def add_thing(self, driver: str = DRIVER, folder: str = 'mine') -> str:
        self.write(f'{folder}/thing/driver.yaml', driver)
        self.write(f'{folder}/thing/heat.yaml.j2', 'a thing')
        self.write(f'{folder}/no_driver/README', 'left alone')
        return str(self.folder / folder)


class FoldersTest(LoadingTest):
    def test_the_shipped_templates_are_there(self) -> None:
        ours = self.load()

        self.assertEqual(('heat_worker',), ours.handlers)
        for name in ('network', 'subnet', 'port'):
            self.assertIn(name, ours.types)
            ours.get_for('heat_worker', name)

    def test_an_option_chooses_the_set(self) -> None:
        ours = self.load(template_set='neutron')

        self.assertIsNotNone(ours.choice('heat_worker', 'security_group'))
        self.assertNotIn('vnf_instance', ours.types)
        self.assertIn('OS::Neutron::Net', ours.get('network').text)

    def test_an_installation_has_them_among_its_data(self) -> None:
        data = self.folder / 'share' / 'esi-worker' / 'templates'
        self.write(f'{data}/port/driver.yaml', '')
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.templates.loading.__file__', '/a/b/c/d.py'
            )
        )
        self.useFixture(fixtures.MonkeyPatch('sys.prefix', str(self.folder)))

        self.assertEqual(data, loading.shipped_folder())
        self.assertRaises(
            exceptions.ConfigurationError, loading.shipped_folder, 'neutron'
        )

    def test_a_folder_of_ones_own_is_read(self) -> None:
        ours = self.load(template_paths=[self.add_thing()])

        self.assertEqual('a thing', ours.render('thing', {}))
        type_ = ours.types.get('thing')
        assert type_ is not None
        self.assertEqual({'port_id': 'port'}, type_.relations)
        self.assertEqual({'id', 'port_id'}, type_.fields)
        self.assertEqual('thing', ours.choose('heat_worker', 'thing', {}, 1))

    def test_relations_may_lie_deeper(self) -> None:
        driver = DRIVER.replace('port_id: port', '"ends[].port_id": port')

        ours = self.load(template_paths=[self.add_thing(driver)])

        type_ = ours.types.get('thing')
        assert type_ is not None
        self.assertEqual({}, type_.relations)
        self.assertEqual({'ends[].port_id': 'port'}, type_.nested)

    def test_a_template_may_order_jobs(self) -> None:
        driver = ordered('depends_on: [port_id]', 'needs: ["ends[].port_id"]')

        ours = self.load(template_paths=[self.add_thing(driver)])

        mappings = ours.get('thing').mappings
        self.assertTrue(mappings.depends_on)
        self.assertTrue(mappings.needs)

    def test_a_later_folder_wins(self) -> None:
        second = DRIVER.replace('Cthing\n', 'Cother\n')
        folders = [self.add_thing(), self.add_thing(second, 'second')]

        ours = self.load(template_paths=folders)

        self.assertEqual('other', ours.choose('heat_worker', 'thing', {}, 1))
        self.assertIn('second', ours.get('thing').source)

    def test_packages_may_bring_folders(self) -> None:
        folder = self.add_thing()
        for item in (folder, lambda: folder, pathlib.Path(folder)):
            self.assertEqual(
                pathlib.Path(folder), loading._plugin_folder('mine', item)
            )
        self.assertEqual(
            pathlib.Path(templates.__file__).parent,
            loading._plugin_folder('mine', templates),
        )
        self.assertRaises(
            exceptions.PluginError, loading._plugin_folder, 'mine', 1
        )

    def test_what_is_wrong_is_named_with_its_file(self) -> None:
        cases = {
            'type: [': 'cannot be read as YAML',
            '- a': 'must be a mapping',
            DRIVER + 'extra: 1': 'extra: ',
            DRIVER.replace('type: thing', 'type: 1'): 'type: ',
            DRIVER.replace('prefix: /', 'path: /'): 'path: ',
            DRIVER.replace('[id, port_id]', 'id'): 'fields: ',
            DRIVER.replace('port_id: port', 'port_id: 1'): 'relations: ',
            DRIVER.replace('Cthing\n', 'Xthing\n'): 'choices.heat_worker: ',
            DRIVER.replace('Pid', 'X'): 'templates.thing.parameters: ',
            DRIVER.replace('Pid', '2020-01-01'): 'JSON lacks',
            DRIVER.replace('heat.yaml', 'x.yaml'): 'templates.thing.file: ',
            ordered('depends_on: port_id'): 'templates.thing.depends_on: ',
            ordered('needs: [[]]'): 'templates.thing.needs: ',
            DRIVER.replace('handler:', 'hander:'): 'templates.thing.hander: ',
        }
        for driver, named in cases.items():
            text = self.refused(template_paths=[self.add_thing(driver)])
            self.assertIn('thing/driver.yaml: ', text)
            self.assertIn(named, text)

    def test_a_text_that_is_no_jinja_is_refused(self) -> None:
        folder = self.add_thing()
        self.write('mine/thing/heat.yaml.j2', '\n{{')
        text = self.refused(template_paths=[folder])
        self.assertIn('template "thing", line 2', text)

    def test_a_folder_that_is_absent_is_refused(self) -> None:
        text = self.refused(template_paths=['/nowhere/at/all'])
        self.assertIn('/nowhere/at/all', text)
        self.assertIn('"template_paths"', text)

    def test_somebody_must_work(self) -> None:
        self.assertIn('"handlers"', self.refused(handlers=[]))


class TemplateMappingsTest(LoadingTest):
    def test_they_replace_every_other_choice(self) -> None:
        path = self.write(
            'mappings.json',
            {
                'monitoring_worker': {'port': 'Cport_monitoring'},
                'heat_worker': {'thing': 'Cmapped', 'network': None},
            },
        )

        ours = self.load(
            template_mappings=path, template_paths=[self.add_thing()]
        )

        self.assertEqual(('monitoring_worker', 'heat_worker'), ours.handlers)
        chosen = {
            (handler, name): ours.choose(handler, name, {}, 1)
            for handler in ours.handlers
            for name in ('port', 'thing', 'network')
        }
        self.assertEqual(
            {
                ('monitoring_worker', 'port'): 'port_monitoring',
                ('heat_worker', 'thing'): 'mapped',
            },
            {key: found for key, found in chosen.items() if found},
        )

    def test_a_type_nobody_declares_gets_the_usual_place(self) -> None:
        path = self.write('mappings.json', {'heat_worker': {'box': 'Cbox'}})

        ours = self.load(template_mappings=path)

        located = ours.types.locate('v2.0/boxs/b1')
        assert located is not None
        self.assertEqual('box', located[0].name)
        self.assertIn('assuming /v2.0/boxs', self.log.output)

    def test_what_is_wrong_is_named(self) -> None:
        cases: list[tuple[Any, str]] = [
            ('{', 'JSON'),
            ([], 'it must be an object'),
            ({'heat_worker': []}, '"heat_worker" must be an object'),
            ({'heat_worker': {'port': 'X'}}, 'for "port"'),
        ]
        for content, named in cases:
            path = self.write('mappings.json', content)
            text = self.refused(template_mappings=path)
            self.assertIn(path, text)
            self.assertIn(named, text)


class OptionsTest(testtools.TestCase):
    def test_they_are_offered_to_the_sample_file(self) -> None:
        ((group, opts),) = templates.list_opts()
        self.assertEqual('resources', group)
        self.assertEqual(
            {
                'schemas',
                'template_mappings',
                'template_paths',
                'template_set',
                'handlers',
            },
            {opt.name for opt in opts},
        )

    def test_the_groups_of_plugins_keep_their_names(self) -> None:
        self.assertEqual('esi_worker.template_paths', plugins.TEMPLATE_PATHS)
        self.assertEqual('esi_worker.jinja_filters', plugins.JINJA_FILTERS)
