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

"""Handlers are loaded by name, with their options and aliases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from unittest import mock

from oslo_config import cfg
import testtools

from esi_worker import exceptions, plugins
from esi_worker.handlers import base, loading
from esi_worker.model import Done, Job, Outcome
from esi_worker.tests.unit.handlers.heat import scene


class WatchHandler(base.Handler):
    """A third-party handler."""

    aliases: ClassVar[Sequence[str]] = ('watch_worker', 'other')
    closed = 0

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return (('watch', [cfg.IntOpt('depth', default=3)]),)

    def __init__(self, context: base.HandlerContext) -> None:
        super().__init__(context)
        self.depth = context.conf.watch.depth

    def start(self, job: Job) -> Outcome:
        return Done()

    def close(self) -> None:
        self.closed += 1


class OtherHandler(WatchHandler):
    aliases: ClassVar[Sequence[str]] = ()


class BrokenHandler(WatchHandler):
    aliases: ClassVar[Sequence[str]] = ()

    def __init__(self, context: base.HandlerContext) -> None:
        raise exceptions.ConfigurationError('[watch] depth is not set')


class LoadHandlersTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.context = scene.Scene().context

    def load(self, **classes: type[base.Handler]) -> dict[str, base.Handler]:
        """Load classes that no package has installed."""
        with mock.patch.object(plugins, 'load', return_value=classes):
            return dict(
                loading.load_handlers(
                    self.context.conf, self.context, list(classes)
                )
            )

    def test_options_are_there_when_a_handler_is_made(self) -> None:
        handler = self.load(watch=WatchHandler)['watch']
        assert isinstance(handler, WatchHandler)
        self.assertEqual(3, handler.depth)

    def test_aliases_are_the_same_handler(self) -> None:
        handlers = self.load(watch=WatchHandler)
        self.assertEqual({'watch', 'watch_worker', 'other'}, set(handlers))
        self.assertEqual(1, len(set(handlers.values())))

    def test_name_of_a_handler_wins_over_an_alias(self) -> None:
        handlers = self.load(watch=WatchHandler, other=OtherHandler)
        self.assertIsInstance(handlers['other'], OtherHandler)

    def test_handlers_are_closed_once(self) -> None:
        handlers = self.load(watch=WatchHandler)
        loading.close_handlers(handlers)
        handler = handlers['watch']
        assert isinstance(handler, WatchHandler)
        self.assertEqual(1, handler.closed)

    def test_handler_that_cannot_be_made_is_an_error(self) -> None:
        error = self.assertRaises(
            exceptions.ConfigurationError, self.load, broken=BrokenHandler
        )
        self.assertIn('[watch] depth', str(error))

    def test_handler_that_breaks_when_it_is_made_is_named(self) -> None:
        class Careless(WatchHandler):
            def __init__(self, context: base.HandlerContext) -> None:
                raise LookupError('depth')

        error = self.assertRaises(
            exceptions.PluginError, self.load, careless=Careless
        )
        self.assertIn('"careless" of esi_worker.handlers', str(error))
        self.assertIn('LookupError', str(error))

    def test_handler_that_is_not_installed_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.PluginError,
            loading.load_handlers,
            self.context.conf,
            self.context,
            ['no_such_handler'],
        )
        self.assertIn('no_such_handler', str(error))
