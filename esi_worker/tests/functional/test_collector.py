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

"""``esi-collector`` as a process on a real etcd."""

from __future__ import annotations

import pathlib

import fixtures
import testtools

from esi_worker.embedded import ports
from esi_worker.tests.functional.collector_support import (
    CollectorFixture,
    post,
    run,
)
from esi_worker.tests.functional.embedded_support import wait_until
from esi_worker.tests.unit.collector.test_contrail import Analytics


class TestProcess(testtools.TestCase):
    def test_publishes_fail_when_there_is_no_analytics_server(self) -> None:
        collector = self.useFixture(CollectorFixture())

        target = post(collector.url)

        self.assertEqual(
            f'{collector.url}/targets/{target["id"]}', target['link']
        )
        wait_until(lambda: collector.monitoring() is not None)
        self.assertEqual('{"version":3,"vmi":"FAIL"}', collector.monitoring())

    def test_publishes_what_the_analytics_server_says(self) -> None:
        analytics = Analytics()
        self.addCleanup(analytics.close)
        analytics.body = b'{"UveVMInterfaceAgent": {"l2_active": true}}'
        collector = self.useFixture(
            CollectorFixture(analytics_url=analytics.url)
        )

        post(collector.url)

        wait_until(lambda: collector.monitoring() is not None)
        self.assertEqual('{"version":3,"vmi":"UP"}', collector.monitoring())

    def test_polls_on_after_a_crash(self) -> None:
        collector = self.useFixture(CollectorFixture())
        target = post(collector.url)
        wait_until(lambda: collector.monitoring() is not None)
        collector.kill()
        collector.store.delete(f'{collector.prefix}/monitoring/v2.0/ports/p1')

        collector.start()

        wait_until(lambda: collector.monitoring() is not None)
        again = post(collector.url)
        self.assertEqual(target['id'], again['id'])

    def test_ends_cleanly_on_a_signal(self) -> None:
        collector = self.useFixture(CollectorFixture())
        post(collector.url)

        code, rest = collector.stop()

        self.assertEqual((0, ''), (code, rest))

    def test_says_when_the_port_is_taken(self) -> None:
        collector = self.useFixture(CollectorFixture())
        port = collector.url.rpartition(':')[2]
        text = collector.config.read_text().replace(
            'port = 0', f'port = {port}'
        )
        config = collector.config.with_name('second.conf')
        config.write_text(text)

        second = run(config)
        out, err = second.communicate(timeout=120)

        self.assertEqual((2, ''), (second.returncode, out))
        self.assertIn(f'port {port}', err)

    def test_says_when_etcd_is_away(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        config = pathlib.Path(folder) / 'collector.conf'
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        config.write_text(
            f'[etcd]\nendpoints = http://127.0.0.1:{port.number}\n'
            'startup_timeout = 0.5\n[collector]\nport = 0\n'
        )

        process = run(config)
        out, err = process.communicate(timeout=120)

        self.assertEqual((1, ''), (process.returncode, out))
        self.assertIn('does not answer', err)
