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

from collections.abc import Iterator
import importlib

from esi_worker import plugins
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.syncers.base import Syncer
from esi_worker.drivers.base import Driver
from esi_worker.handlers.base import Handler
from esi_worker.tests.unit.packaging import checkout


class EntryPointTest(checkout.CheckoutTest):
    def test_every_entry_point_names_something_callable(self) -> None:
        for name, value in _declared():
            module, _, attribute = value.partition(':')
            target = getattr(importlib.import_module(module), attribute)
            self.assertTrue(callable(target), name)

    def test_plugins_keep_the_contract_of_their_group(self) -> None:
        contracts: dict[str, type[plugins.Plugin]] = {
            plugins.HANDLERS: Handler,
            plugins.DRIVERS: Driver,
            plugins.POLLERS: Poller,
            plugins.SYNCERS: Syncer,
        }
        for group, base in contracts.items():
            self.assertNotEqual({}, plugins.load_classes(group, base), group)

    def test_what_is_installed_is_what_is_declared(self) -> None:
        """If not, ``make venv`` has to be run again."""
        groups = set(checkout.setup_cfg()['entry_points'])
        self.assertIn(plugins.HANDLERS, groups)
        for group in groups & {plugins.HANDLERS, plugins.DRIVERS}:
            declared = {name for name, _ in _declared(group)}
            self.assertEqual(set(), declared - set(plugins.load(group)))


def _declared(group: str | None = None) -> Iterator[tuple[str, str]]:
    sections = checkout.setup_cfg()['entry_points']
    for name in [group] if group else list(sections):
        for line in sections[name].split('\n'):
            if line.strip():
                key, _, value = line.partition('=')
                yield key.strip(), value.strip()
