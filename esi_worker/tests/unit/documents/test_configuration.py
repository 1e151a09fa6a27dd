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

"""Each piece of configuration that is shown can be used as it stands."""

from __future__ import annotations

import configparser
import logging
import logging.config
from pathlib import Path
from typing import Any

import fixtures
from oslo_config import cfg

from esi_worker import opts
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout

LOGGING = checkout.ROOT / 'etc' / 'esi-worker' / 'logging.conf.sample'
UNIT = checkout.ROOT / 'etc' / 'systemd' / 'esi-worker.service'


class SettingsTest(checkout.CheckoutTest):
    @blocks.every('ini')
    def test_options_exist_and_take_their_values(
        self, shown: list[blocks.Block]
    ) -> None:
        declared = _declared()
        self.assertGreater(len(shown), 5)
        for block in shown:
            problems = list(self.problems(block.text, declared))
            self.assertEqual([], problems, str(block))

    def test_a_wrong_option_is_found(self) -> None:
        for text in (
            '[etcd]\nendpoint = http://etcd:2379\n',
            '[admins]\npage = true\n',
            '[admin]\npage = maybe\n',
        ):
            self.assertTrue(list(self.problems(text, _declared())), text)

    def problems(self, text: str, declared: dict[str, Any]) -> Any:
        """What is wrong with a configuration file of this text.

        :raises configparser.Error: a section or an option comes twice
        """
        conf = _read(text, self.useFixture(fixtures.TempDir()).path)
        for group, options in declared.items():
            # By its name: objects of groups are shared by all ConfigOpts.
            conf.register_opts(options, group=group)
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        for group in parser.sections():
            for name in parser[group]:
                try:
                    conf[group][name]
                except (cfg.Error, ValueError) as error:
                    yield f'[{group}] {name}: {error}'


def _read(text: str, folder: str) -> Any:
    file = Path(folder, 'shown.conf')
    file.write_text(text)
    conf = cfg.ConfigOpts()
    conf(
        ['--config-file', str(file)],
        default_config_files=[],
        default_config_dirs=[],
    )
    return conf


def _declared() -> dict[str, Any]:
    """Our own options, by group."""
    return {
        str(getattr(group, 'name', group)): options
        for group, options in opts.list_opts()
    }


class OtherFilesTest(checkout.CheckoutTest):
    @blocks.uses('actions.rst', '[logger_audit]')
    def test_the_audit_channel_gets_a_file_of_its_own(self, text: str) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        sample = LOGGING.read_text().replace('/var/log/esi-worker', folder)
        config = configparser.RawConfigParser()
        config.read_string(sample)
        config.remove_section('logger_audit')
        config.read_string(text)
        self.useFixture(checkout.KeptLoggers())
        logging.config.fileConfig(config, disable_existing_loggers=False)

        logging.getLogger('esi_worker.audit').info('{"event": "heat"}')

        self.assertIn('"heat"', Path(folder, 'audit.log').read_text())

    @blocks.uses('installing.rst', '[Service]')
    def test_an_override_of_the_unit_names_what_the_unit_has(
        self, text: str
    ) -> None:
        unit, override = (
            configparser.RawConfigParser(strict=False) for _ in range(2)
        )
        unit.read(UNIT)
        override.read_string(text)
        for name, value in override['Service'].items():
            self.assertGreater(int(value), int(unit['Service'][name]))
