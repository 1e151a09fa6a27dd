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

"""A headless Chromium of the distribution, for the page."""

from __future__ import annotations

from pathlib import Path
import shutil
from typing import Any

import fixtures
from selenium import webdriver
from selenium.webdriver.chrome import service
import testtools

_BROWSERS = ('chromium', 'chromium-headless-shell', 'google-chrome')


class Browser(fixtures.Fixture):
    """``driver`` is the WebDriver; nobody else's network is needed."""

    def __init__(self, case: testtools.TestCase) -> None:
        super().__init__()
        found = [path for name in _BROWSERS if (path := shutil.which(name))]
        driver = shutil.which('chromedriver')
        if not found or driver is None:
            case.skipTest(
                'there is no Chromium with its driver (Debian packages: '
                'chromium-headless-shell or chromium, and chromium-driver)'
            )
        self._binary, self._driver = found[0], str(driver)

    def _setUp(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        options = webdriver.ChromeOptions()
        options.binary_location = self._binary
        for argument in (
            '--headless',
            # Tests run as root in containers, where there is no sandbox.
            '--no-sandbox',
            '--disable-gpu',
            '--disable-dev-shm-usage',
            '--no-proxy-server',
            f'--user-data-dir={folder}',
            '--window-size=1280,800',
            # Whatever is asked of another host fails.
            '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        ):
            options.add_argument(argument)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
        log = Path(folder, 'driver.log')
        self.driver: Any = webdriver.Chrome(
            options=options,
            service=service.Service(self._driver, log_output=str(log)),
        )
        self.addCleanup(self.driver.quit)
