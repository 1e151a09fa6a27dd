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

"""A new user's first hour: the quick start, word for word.

The page is one session of a shell: what stands behind a prompt is typed,
files with a caption are written, what is shown is compared, and the page of
the manager is looked at where its address stands. Wheel, etcd, Keystone,
Heat and Chromium are real; Neutron and the client ``openstack``, of which
the page needs a quota, are stand-ins. The reader's own values take the place
of those in the configuration.
"""

from __future__ import annotations

import os
from pathlib import Path
import re
import sys
import time

import fixtures
from selenium.webdriver.common.by import By

from esi_worker.embedded import EtcdServer, ports
from esi_worker.embedded import fixtures as services
from esi_worker.tests.functional import test_wheel
from esi_worker.tests.functional.network_services import NetworkServices
from esi_worker.tests.slow import browser, shell
from esi_worker.tests.unit.documents import blocks, shown
from esi_worker.tests.unit.packaging import checkout

PAGE = 'quickstart.rst'
PORT = '7071'
NEWER = '99.0.0'
#: Seconds for one command; pip takes longest.
LIMIT = 300.0
#: Seconds after which a look shows what the page shows.
PATIENCE = 60.0
#: Commands that a reader repeats until they show what is expected.
_LOOKS = re.compile(r'esi-worker-manage \w+ (?:list|show|history)\b')
#: What is said when a wait ends with a failure.
_FAILED = 'did not get there'
_OPENSTACK = """\
#!{python}
# Does nothing but: openstack quota set --networks NUMBER PROJECT
import json, sys, urllib.request
words = sys.argv[1:]
assert words[:3] == ['quota', 'set', '--networks'], words
limit, project = words[3:]
urllib.request.urlopen(urllib.request.Request(
    f'{url}/network/v2.0/quotas/{{project}}',
    json.dumps({{'quota': {{'network': int(limit)}}}}).encode(),
    method='PUT',
))
"""

blocks.whole.add(PAGE)


class QuickStartTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.driver = self.useFixture(browser.Browser(self)).driver
        self.values = self.cloud()
        #: What the page of the manager has to show by now.
        self.expected: list[str] = []
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        self.port = str(port.number)
        test_wheel.build(self.folder)
        new = self.folder / 'new'
        new.mkdir()
        test_wheel.build(new, NEWER)
        self.shell = self.useFixture(
            shell.Shell(self.folder, self.environment())
        )

    def cloud(self) -> dict[str, str]:
        """Start what the reader has; gives the values to be filled in."""
        self.network = NetworkServices()
        self.addCleanup(self.network.close)
        heat = self.useFixture(services.HeatWithKeystoneFixture())
        keystone = heat.keystone
        admin = keystone.server.identity()
        admin.service('network', 'neutron', f'{self.network.url}/network')
        self.project = admin.project(keystone.project)
        for role in ('admin', 'member', 'heat_stack_user'):
            admin.grant(keystone.user_id, self.project, admin.role(role))
        etcd = EtcdServer(self.folder / 'etcd', unsafe_no_fsync=True)
        self.enterContext(etcd)
        return {
            'endpoints': etcd.endpoint,
            'auth_url': keystone.auth_url,
            'username': keystone.username,
            'password': keystone.password,
        }

    def environment(self) -> dict[str, str]:
        """The variables of a reader who knows nothing of the checkout."""
        tools = self.folder / 'tools'
        tools.mkdir()
        python = tools / 'python3'
        python.symlink_to(Path(sys.executable).resolve())
        client = tools / 'openstack'
        client.write_text(
            _OPENSTACK.format(python=python, url=self.network.url)
        )
        client.chmod(0o755)
        kept = test_wheel.hidden_environment(self.folder)
        here = str(Path(sys.executable).parent)
        path = [
            part for part in kept['PATH'].split(os.pathsep) if part != here
        ]
        return {
            **kept,
            'PATH': os.pathsep.join([str(tools), *path]),
            'PIP_CONSTRAINT': str(test_wheel.write_constraints(self.folder)),
            'OS_PROJECT_ID': self.project,
            'PYTHONWARNINGS': 'ignore',
        }

    def test_it_is_as_the_page_says(self) -> None:
        for step in blocks.steps(PAGE):
            if isinstance(step, str):
                if step.startswith(f'http://127.0.0.1:{PORT}'):
                    self.look(step.replace(PORT, self.port))
            elif step.caption:
                self.write(step)
            else:
                self.assertEqual('console', step.language, str(step))
                for each in shell.typed(step.text):
                    self.type(each)
        log = (self.folder / 'esi-worker.log').read_text()
        self.assertIn(f'esi-worker {NEWER} starts', log)

    def write(self, block: blocks.Block) -> None:
        text = block.text.replace(PORT, self.port)
        if block.language == 'ini':
            for name, value in self.values.items():
                text, changed = re.subn(
                    rf'(?m)^{name} = .*', f'{name} = {value}', text
                )
                self.assertEqual(1, changed, name)
        path = block.caption.replace('~', str(self.folder))
        (self.folder / path).write_text(text)
        self.expected += re.findall(r'(?m)^id: (.*)', text)

    def type(self, each: shell.Typed) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            code, printed = self.shell.run(each, LIMIT)
            problem = self.problem(each, code, printed)
            if problem is None:
                if _FAILED in printed:
                    # With its reason.
                    reason = printed.strip().rpartition('_FAILED: ')[2]
                    self.expected.append(reason)
                return
            if not _LOOKS.match(each.command) or time.monotonic() > end:
                break
        logs = [
            f'{path.name}:\n{path.read_text()[-4000:]}'
            for path in self.folder.glob('*.log')
        ]
        self.fail('\n'.join([f'$ {each.command}', problem, *logs]))

    def problem(
        self, each: shell.Typed, code: int, printed: str
    ) -> str | None:
        if code != int(_FAILED in each.shown):
            return f'it ended with {code}:\n{printed}'
        if not each.shown:
            return None
        return shown.differs(each.output, printed)

    def look(self, url: str) -> None:
        """Open the manager's page; it shows what there is by now."""
        self.driver.get(url)
        self.assertTrue(self.expected)
        end = time.monotonic() + PATIENCE
        while True:
            text = self.driver.find_element(By.TAG_NAME, 'body').text
            if all(each in text for each in self.expected):
                return
            self.assertLess(time.monotonic(), end, text)
