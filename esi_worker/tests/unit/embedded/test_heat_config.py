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

"""What Heat is told is what was asked for."""

import configparser
from pathlib import Path

import testtools
import yaml

from esi_worker.embedded import heat_config


class OptionsTest(testtools.TestCase):
    def base(self) -> heat_config.Options:
        return heat_config.base_options(
            endpoint='http://127.0.0.1:1/v1',
            database_url='postgresql://d',
            directory=Path('/run-dir'),
            encryption_key='k' * 32,
            plugin_dirs=[Path('/one'), Path('/two')],
        )

    def test_last_layer_wins_option_by_option(self) -> None:
        merged = heat_config.merged(
            {'a': {'x': '1', 'y': '1'}}, {'a': {'x': '2'}, 'b': {'z': '2'}}
        )
        self.assertEqual({'a': {'x': '2', 'y': '1'}, 'b': {'z': '2'}}, merged)

    def test_merging_changes_no_layer(self) -> None:
        layer = {'a': {'x': '1'}}
        heat_config.merged(layer, {'a': {'x': '2'}})
        self.assertEqual({'a': {'x': '1'}}, layer)

    def test_plugin_dirs_keep_their_order(self) -> None:
        self.assertEqual('/one,/two', self.base()['DEFAULT']['plugin_dirs'])

    def test_extra_group_is_written(self) -> None:
        text = heat_config.rendered(
            heat_config.merged(
                self.base(), {'collector_agents': {'Host': 'a%b', 'port': '1'}}
            )
        )
        parser = configparser.RawConfigParser(default_section='')
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        parser.read_string(text)
        self.assertEqual(
            {'Host': 'a%b', 'port': '1'}, dict(parser['collector_agents'])
        )

    def test_other_groups_do_not_inherit_the_default_group(self) -> None:
        text = heat_config.rendered(
            {'DEFAULT': {'host': 'a'}, 'other': {'b': 'c'}}
        )
        self.assertEqual(1, text.count('host'))

    def test_nested_templates_exist(self) -> None:
        environment = yaml.safe_load(heat_config.nested_environment())
        for url in environment['resource_registry'].values():
            self.assertTrue(Path(url.removeprefix('file://')).exists())
