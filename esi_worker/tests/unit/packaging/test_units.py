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

"""The files for the system: units of systemd, the logging file."""

from __future__ import annotations

import configparser
import logging
import logging.config
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

import fixtures
from oslo_config import cfg

from esi_worker import service
from esi_worker.tests.unit.packaging import checkout

UNITS = checkout.ROOT / 'etc' / 'systemd'
LOGGING = checkout.ROOT / 'etc' / 'esi-worker' / 'logging.conf.sample'
NAMES = ('esi-worker.service', 'esi-worker@.service', 'esi-collector.service')


class UnitsTest(checkout.CheckoutTest):
    def unit(self, name: str) -> Any:
        found = configparser.RawConfigParser(strict=False)
        found.optionxform = str  # type: ignore[assignment,method-assign]
        found.read(UNITS / name)
        return found

    def test_systemd_accepts_them(self) -> None:
        tool = shutil.which('systemd-analyze')
        if tool is None:
            self.skipTest('systemd-analyze is not installed')
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        for name in NAMES:
            # The commands are not installed here; a template needs a name.
            text = re.sub(
                '/usr/bin/esi-[a-z]+', '/bin/true', (UNITS / name).read_text()
            )
            unit = folder / name.replace('@.', '@worker.')
            unit.write_text(text)
            done = subprocess.run(
                [tool, 'verify', str(unit)],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((0, ''), (done.returncode, done.stderr), name)

    def test_a_stop_has_more_time_than_the_service_takes(self) -> None:
        conf = cfg.ConfigOpts()
        service.register_options(conf)
        conf([])
        needed = conf.worker.graceful_timeout + service.MARGIN
        for name in NAMES[:2]:
            limit = self.unit(name)['Service']['TimeoutStopSec']
            self.assertGreater(int(limit), needed)

    def test_they_are_sandboxed(self) -> None:
        for name in NAMES:
            section = self.unit(name)['Service']
            self.assertEqual('strict', section['ProtectSystem'])
            self.assertEqual('yes', section['NoNewPrivileges'])
            self.assertEqual('', section['CapabilityBoundingSet'])
            self.assertEqual('esi-worker', section['User'])

    def test_a_bad_configuration_is_not_tried_again_and_again(self) -> None:
        for name in NAMES:
            section = self.unit(name)['Service']
            self.assertEqual('2', section['RestartPreventExitStatus'])


class LoggingTest(checkout.CheckoutTest):
    def test_the_sample_can_be_loaded(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        text = LOGGING.read_text().replace('/var/log/esi-worker', folder)
        file = Path(folder, 'logging.conf')
        file.write_text(text)
        self.useFixture(checkout.KeptLoggers())
        logging.config.fileConfig(file, disable_existing_loggers=False)
        logging.getLogger('esi_worker.audit').info('{"event": "x"}')
        self.assertIn('"x"', Path(folder, 'audit.log').read_text())
