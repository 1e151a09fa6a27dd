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

"""The page in a real browser, fed by a real manager in memory.

With ``ESI_WORKER_SCREENSHOTS`` set to a folder, the pictures of the
documentation are written there.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import time
from typing import Any

from oslo_config import cfg
from oslo_config import fixture as config_fixture
import prometheus_client
from selenium.common import exceptions
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import ui

from esi_worker.admin import inventory, opts, serving
from esi_worker.model import Done, Failed, Retry
from esi_worker.store import opts as store_opts
from esi_worker.tests.cluster import NETWORK, PORT, SUBNET
from esi_worker.tests.slow import browser
from esi_worker.tests.unit.admin import support as admin_support
from esi_worker.tests.unit.dispatcher import support

PATIENCE = 60
CANARY = 'canary-91bc'
SCREENSHOTS = 'ESI_WORKER_SCREENSHOTS'


class BrowserTest(support.HandlerTest):
    def setUp(self) -> None:
        super().setUp()
        self.driver = self.useFixture(browser.Browser(self)).driver
        self.url = self.serve()

    def serve(self) -> str:
        conf = cfg.ConfigOpts()
        opts.register(conf)
        store_opts.register(conf)
        self.useFixture(config_fixture.Config(conf))
        conf([])
        conf.set_override('page', True, 'admin')
        conf.set_override('manager_port', 0, 'admin')
        keys, types = self.cluster.keys, self.cluster.catalog.types
        admin = serving.ManagerAdmin(
            conf,
            admin_support.Alive(leading=True),
            self.cluster.store,
            types,
            prometheus_client.CollectorRegistry(),
            inventory=inventory.Inventory(keys, types),
        )
        admin.start()
        self.addCleanup(admin.stop)
        self.admin = admin
        return f'http://127.0.0.1:{admin.server.port}/'

    def open(self, view: str = '') -> None:
        self.driver.get(self.url + view)

    def until(self, reached: Callable[[], Any]) -> Any:
        """Wait; elements may be replaced while they are looked at."""
        waiting = ui.WebDriverWait(
            self.driver,
            PATIENCE,
            ignored_exceptions=[
                exceptions.StaleElementReferenceException,
                exceptions.NoSuchElementException,
            ],
        )
        return waiting.until(lambda _driver: reached())

    def text(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, 'body').text)

    def sees(self, *texts: str) -> None:
        """Wait until the page shows all of them."""
        self.until(lambda: all(text in self.text() for text in texts))

    def picture(self, name: str) -> None:
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            self.driver.save_screenshot(str(Path(folder, f'{name}.png')))

    def assert_clean(self) -> None:
        """Nothing failed in the browser, nothing was asked elsewhere."""
        entries = [
            entry
            for entry in self.driver.get_log('browser')
            if 'favicon' not in entry['message']
        ]
        self.assertEqual([], entries)
        loaded = self.driver.execute_script(
            'return performance.getEntriesByType("resource").map(e => e.name)'
        )
        foreign = [each for each in loaded if not each.startswith(self.url)]
        self.assertEqual([], foreign)


class PageTest(BrowserTest):
    def fill(self) -> None:
        """Something of everything: done, working, waiting, blocked,
        failed."""
        self.write(NETWORK, 'blue')
        self.write(NETWORK, 'blue', 2)
        self.write(SUBNET, 'blue-1', network_id='blue')
        self.write(PORT, 'lost', network_id='gone', fixed_ips=[])
        self.write(NETWORK, 'bad')
        answers = {
            'bad': Failed('StackFailed: the quota of the tenant is used up'),
            'n': Retry('HeatUnavailable: it does not answer', 3600),
        }
        self.handler.on_start = lambda job: answers.get(
            job.resource.id, Done()
        )
        self.write(NETWORK, 'bad', 2, name=CANARY)
        self.write(NETWORK, 'n', password=CANARY)
        fixed_ips = [{'subnet_id': 's'}]
        self.write(SUBNET, 's', network_id='n')
        self.write(PORT, 'p', network_id='n', fixed_ips=fixed_ips)
        self.write(PORT, 'q', network_id='n', fixed_ips=[])
        # A worker tells from time to time what it tries again.
        self.cluster.pass_time(6)

    def test_resources_with_states_and_reasons(self) -> None:
        self.fill()
        self.open()
        self.sees(
            'network:blue',
            'done',
            'working',
            'blocked',
            'failed',
            'the quota of the tenant',
        )
        self.picture('page-resources')
        self.assertNotIn(CANARY, self.driver.page_source)
        self.assert_clean()

    def test_the_graph_is_drawn(self) -> None:
        self.fill()
        self.open('#/graph')
        self.sees('it refers to network:n', 'tried again since')
        boxes = self.driver.find_elements(By.CSS_SELECTOR, 'svg a')
        arrows = self.driver.find_elements(
            By.CSS_SELECTOR, 'svg > path[marker-end]'
        )
        # Four jobs, a blocked port and what it misses.
        self.assertEqual(6, len(boxes))
        self.assertEqual(5, len(arrows))
        self.picture('page-graph')
        self.assertNotIn(CANARY, self.driver.page_source)
        self.assert_clean()

    def test_a_resource_has_a_timeline(self) -> None:
        self.fill()
        self.open('#/resource?path=v2.0/networks/bad')
        self.sees('Timeline', 'create v1', 'modify v2', 'the quota')
        steps = self.driver.find_elements(By.CSS_SELECTOR, '.timeline li')
        classes = [step.get_attribute('class') for step in steps]
        self.assertEqual(['done', 'failed'], classes)
        self.picture('page-resource')
        self.assertNotIn(CANARY, self.driver.page_source)
        self.assert_clean()

    def test_workers_and_errors(self) -> None:
        self.fill()
        self.open('#/workers')
        self.sees('1 workers', 'heat_worker')
        self.picture('page-workers')
        self.open('#/errors')
        self.sees('network:gone', 'blocked', 'the quota', 'retried')
        self.sees('it does not answer')
        self.picture('page-errors')
        self.assertNotIn(CANARY, self.driver.page_source)
        self.assert_clean()

    def test_it_refreshes_by_itself_and_keeps_the_focus(self) -> None:
        self.write(NETWORK, 'n')
        self.open()
        self.sees('network:n')
        self.driver.execute_script(
            'document.getElementById("to-v2.0/networks/n").focus()'
        )
        self.write(NETWORK, 'later')
        self.sees('network:later')
        focused = self.driver.switch_to.active_element
        self.assertEqual('network:n', focused.text)

    def test_everything_can_be_done_with_the_keyboard(self) -> None:
        for name in ('one', 'six'):
            self.write(NETWORK, name)
        self.open()
        self.sees('network:one')
        self.press('/')
        self.press('six', Keys.ENTER)
        self.until(lambda: 'network:one' not in self.text())
        self.sees('network:six')
        # From the search on to the first link of the table.
        self.driver.execute_script('document.activeElement.blur()')
        self.tab_to('network:six')
        self.press(Keys.ENTER)
        self.sees('Timeline')
        self.press('3')
        self.sees('1 workers')
        self.press('1')
        self.sees('network:one')

    def test_the_first_tab_skips_to_the_content(self) -> None:
        self.open()
        self.sees('Resources')
        self.press(Keys.TAB)
        focused = self.driver.switch_to.active_element
        self.assertEqual('Skip to the content', focused.text)

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, text: str) -> None:
        for _ in range(30):
            self.press(Keys.TAB)
            if self.driver.switch_to.active_element.text == text:
                return
        self.fail(f'no way with the tabulator leads to {text}')


class ManyTest(BrowserTest):
    def test_ten_thousand_resources_can_be_used(self) -> None:
        for number in range(10_000):
            key = self.cluster.keys.config(f'v2.0/plans/{number:05}')
            self.cluster.store.put(key, '{"version": 1, "body": {}}')
        self.open()
        self.sees('10000 resources', 'Page 1 of 200')
        began = time.monotonic()
        self.driver.find_element(By.ID, 'page-next').click()
        self.sees('Page 2 of 200', 'plan:00050')
        search = self.driver.find_element(By.ID, 'search')
        search.send_keys('plans/0999', Keys.ENTER)
        self.sees('10 resources', 'plan:09999')
        self.assertLess(time.monotonic() - began, PATIENCE)
        lines = self.driver.find_elements(By.CSS_SELECTOR, 'tbody tr')
        self.assertEqual(10, len(lines))
        self.assert_clean()

    def test_a_large_graph_is_cut(self) -> None:
        self.handler.on_start = lambda _job: Retry('later', 3600)
        self.write(NETWORK, 'n')
        for number in range(300):
            self.cluster.write(
                PORT, f'p{number}', network_id='n', fixed_ips=[]
            )
        self.cluster.settle()
        self.open('#/graph')
        self.sees('120 of 301 are drawn')
        boxes = self.driver.find_elements(By.CSS_SELECTOR, 'svg a')
        self.assertEqual(120, len(boxes))
        self.assert_clean()
