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


"""Plugins are found by name, checked against the contract, and made."""

from __future__ import annotations

from typing import ClassVar

import fixtures
from oslo_config import cfg
import testtools

from esi_worker import exceptions, plugins

GROUP = 'esi_worker.test_things'


class Thing(plugins.Plugin):
    """What the plugins of the tests must be."""


class Good(Thing):
    api_version: ClassVar[str] = plugins.API_VERSION


class LoadClassesTest(testtools.TestCase):
    def load(self, **found: object) -> dict[str, object]:
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.plugins.load', lambda group, names=None: found
            )
        )
        return plugins.load_classes(GROUP, Thing, list(found))

    def check_refused(self, plugin: object, *words: str) -> None:
        error = self.assertRaises(
            exceptions.PluginError, self.load, thing=plugin
        )
        for word in ('"thing"', GROUP, *words):
            self.assertIn(word, str(error))

    def test_a_class_that_keeps_the_contract(self) -> None:
        self.assertEqual({'thing': Good}, self.load(thing=Good))

    def test_what_is_no_class_of_the_kind(self) -> None:
        for plugin in (object, Good(), 'text', None):
            self.check_refused(plugin, 'must be a class', 'Thing')

    def test_versions_that_this_release_does_not_offer(self) -> None:
        for version in ('2.0', '1.1', '0.9', '1', '1.x', '', 1, None):
            class_ = type('Other', (Thing,), {'api_version': version})
            self.check_refused(class_, f'version {version} of', 'offers 1.0')

    def test_a_name_that_nobody_offers(self) -> None:
        error = self.assertRaises(
            exceptions.PluginError,
            plugins.load_classes,
            GROUP,
            Thing,
            ['nobody'],
        )
        self.assertIn('"nobody"', str(error))
        self.assertIn('correct the name', str(error))


class MakeTest(testtools.TestCase):
    def make(self, error: Exception) -> None:
        def factory() -> None:
            raise error

        plugins.make(GROUP, 'thing', factory)

    def test_an_unexpected_error_names_the_plugin(self) -> None:
        error = self.assertRaises(
            exceptions.PluginError, self.make, ValueError('boom')
        )
        self.assertEqual(
            f'plugin "thing" of {GROUP} cannot be made: ValueError: boom',
            str(error),
        )

    def test_errors_of_configuration_pass_through(self) -> None:
        for error in (
            exceptions.ConfigurationError('[thing] depth is not set'),
            cfg.RequiredOptError('depth'),
        ):
            self.assertIs(
                error, self.assertRaises(type(error), self.make, error)
            )
