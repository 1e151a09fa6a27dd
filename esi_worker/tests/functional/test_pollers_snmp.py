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


"""The pollers of SNMP ask a real agent: snmpd of the distribution.

It runs on a free port of the loopback address, with a configuration of
its own. Where there is none the tests are skipped; on Debian,
``apt-get install snmpd`` brings it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
from typing import Any

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.snmp_answers import SnmpError
from esi_worker.collector.pollers.snmp_client import Agent, SnmpClient
from esi_worker.collector.pollers.snmp_device import SnmpDevicePoller
from esi_worker.collector.pollers.snmp_ports import SnmpPortsPoller
from esi_worker.collector.pollers.snmp_users import Community
from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.collector.targets import Target
from esi_worker.embedded import ports
from esi_worker.tests.functional.embedded_support import wait_until
from esi_worker.tests.unit.collector import support

TIMEOUT = 30.0
CONFIG = """\
rocommunity for-tests 127.0.0.1
createUser monitor SHA-256 auth-for-tests AES priv-for-tests
createUser watcher MD5 auth-for-tests
rouser monitor priv
rouser watcher auth
sysName the-device
"""
CREDENTIALS = """\
DEVICE_COMMUNITY: for-tests
WRONG_COMMUNITY: not-for-tests
MONITOR: {user: monitor, auth_protocol: sha256,
          auth_password: auth-for-tests, priv_protocol: aes,
          priv_password: priv-for-tests}
WATCHER: {user: watcher, auth_protocol: md5, auth_password: auth-for-tests}
WRONG_PASSWORD: {user: monitor, auth_protocol: sha256,
                 auth_password: no-such-password, priv_password: 12345678}
NO_USER: {auth_protocol: sha256}
"""


class Snmpd(fixtures.Fixture):
    """An agent; ``port`` is where it listens."""

    def __init__(self, config: str = '') -> None:
        """:param config: more lines of its configuration"""
        super().__init__()
        self.more = config

    def _setUp(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        reserved = ports.ReservedPort()
        self.addCleanup(reserved.close)
        self.port = reserved.number
        self.folder = folder
        config = folder / 'agent.conf'
        config.write_text(
            f'agentAddress udp:127.0.0.1:{self.port}\n{CONFIG}{self.more}'
        )
        self.log = folder / 'snmpd.log'
        self.start()
        self.addCleanup(self.stop)

    def start(self) -> None:
        """Start it, as a device that nobody has seen before."""
        self.process = subprocess.Popen(
            [
                _snmpd(),
                *('-f', '-Lf', str(self.log)),
                *('-p', str(self.folder / 'pid')),
                *('-C', '-c', str(self.folder / 'agent.conf')),
                *('-I', '-smux'),
            ],
            env={
                **os.environ,
                'SNMP_PERSISTENT_DIR': tempfile.mkdtemp(dir=self.folder),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = SnmpClient()
        try:
            wait_until(lambda: self._answers(client))
        finally:
            client.close()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self, client: SnmpClient) -> bool:
        agent = Agent('127.0.0.1', Community('for-tests'), self.port)
        try:
            return bool(client.get(agent, [(1, 3, 6, 1, 2, 1, 1, 5, 0)], 0.5))
        except SnmpError:
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text()) from None
            return False


def _snmpd() -> str:
    """Where it is; it is no program for everybody."""
    return shutil.which('snmpd', path='/usr/sbin:/usr/local/sbin') or ''


def loopback() -> str:
    """The name of the loopback interface."""
    return next(
        name for _, name in socket.if_nameindex() if name.startswith('lo')
    )


class SnmpTest(testtools.TestCase):
    agent: Snmpd

    def setUp(self) -> None:
        super().setUp()
        if not _snmpd():
            self.skipTest('there is no snmpd; on Debian: apt install snmpd')
        self.agent = self.useFixture(Snmpd(self.configuration()))
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.credentials = folder / 'credentials.yaml'
        self.credentials.write_text(CREDENTIALS)
        self.context = PollerContext(
            support.make_conf(),
            clocks.ManualClock(),
            Credentials(str(self.credentials)),
        )

    def configuration(self) -> str:
        """More lines of the agent's configuration."""
        return ''

    def target(self, type_: str, **properties: Any) -> Target:
        return support.make_target(
            type=type_,
            resource_id=f'{type_} {properties}',
            properties={
                'device_ip': '127.0.0.1',
                'port': self.agent.port,
                'community_name': 'DEVICE_COMMUNITY',
                **properties,
            },
        )


class DeviceTest(SnmpTest):
    def setUp(self) -> None:
        super().setUp()
        self.poller = SnmpDevicePoller(self.context)
        self.addCleanup(self.poller.close)

    def poll(
        self, type_: str = 'snmp_device', timeout: float = TIMEOUT, **more: Any
    ) -> dict[str, Result]:
        target = self.target(type_, **more)
        found = self.poller.poll([target], timeout)
        return {result.name: result for result in found[target.id]}

    def test_a_device_that_answers_is_up(self) -> None:
        for name in (
            'for-tests',
            'DEVICE_COMMUNITY',
            'MONITOR',
            'WATCHER',
        ):
            self.assertEqual(
                {STATUS: Sample(STATUS, 'UP')},
                self.poll(community_name=name),
                name,
            )

    def test_who_is_not_let_in_gets_a_failure_without_secrets(self) -> None:
        for name in ('WRONG_COMMUNITY', 'WRONG_PASSWORD', 'NO_USER'):
            (result,) = self.poll(community_name=name, timeout=1.0).values()

            assert isinstance(result, Failure), name
            for secret in ('for-tests', 'no-such', '12345678'):
                self.assertNotIn(secret, result.reason)

    def test_a_device_that_is_away_is_a_failure(self) -> None:
        self.agent.stop()

        (result,) = self.poll(timeout=1.0).values()

        self.assertIsInstance(result, Failure)

    def test_a_name_that_nobody_knows_is_a_failure(self) -> None:
        (result,) = self.poll(device_ip='no-such-host.invalid').values()

        self.assertIsInstance(result, Failure)

    def test_a_device_that_takes_an_address_over_is_known_soon(self) -> None:
        """With version 3 it has another identity."""
        self.poller.client = SnmpClient(renewal=0.0)
        self.addCleanup(self.poller.client.close)
        self.poll(community_name='MONITOR')

        self.agent.stop()
        self.agent.start()
        # Such as the poll that sees the old device no more.
        self.poll(community_name='MONITOR', timeout=2.0)

        self.assertEqual(
            {STATUS: Sample(STATUS, 'UP')},
            self.poll(community_name='MONITOR'),
        )

    def test_a_firewall_tells_its_metrics(self) -> None:
        found = self.poll('snmp_device_fw')

        self.assertEqual(Sample(STATUS, 'UP'), found[STATUS])
        for name in (
            'memory.total',
            'memory.available',
            'tcp.active',
            'tcp.passive',
        ):
            result = found[name]
            assert isinstance(result, Sample), result
            self.assertIsInstance(result.value, int)
        # The agent knows its load only when it has run for a minute.
        self.assertEqual(
            {'cpu.user', 'cpu.system', 'cpu.idle'},
            {name for name in found if name.startswith('cpu.')},
        )

    def test_metrics_that_a_device_lacks_are_failures_of_their_own(
        self,
    ) -> None:
        found = self.poll('snmp_device_lb')

        self.assertEqual(Sample(STATUS, 'UP'), found.pop(STATUS))
        self.assertEqual(5, len(found))
        for result in found.values():
            self.assertIsInstance(result, Failure)


class PortsTest(SnmpTest):
    def setUp(self) -> None:
        super().setUp()
        self.poller = SnmpPortsPoller(self.context)
        self.addCleanup(self.poller.close)

    def test_one_walk_tells_of_every_port_of_a_device(self) -> None:
        name = loopback()
        status, both, metric, missing = targets = [
            self.target('snmp_ports_status', if_name=name),
            self.target('snmp_ports', if_name=name),
            self.target('snmp_ports_metric', if_name=name, more=1),
            self.target('snmp_ports', if_name='xe-0/0/3.1025'),
        ]
        self.assertEqual(
            1, len({self.poller.pool_key(target) for target in targets})
        )

        found = self.poller.poll(targets, TIMEOUT)

        self.assertEqual((Sample(STATUS, 'UP'),), found[status.id])
        for target in (both, metric):
            state, *traffic = found[target.id]
            self.assertEqual(Sample(STATUS, 'UP'), state)
            self.assertEqual(
                ['traffic.in', 'traffic.out'], [each.name for each in traffic]
            )
            for each in traffic:
                assert isinstance(each, Sample)
                self.assertIsInstance(each.value, int)
        for each in found[missing.id]:
            assert isinstance(each, Failure)
            self.assertIn('no such interface', each.reason)

    def test_works_with_version_3(self) -> None:
        target = self.target(
            'snmp_ports_status', if_name=loopback(), community_name='MONITOR'
        )

        found = self.poller.poll([target], TIMEOUT)

        self.assertEqual((Sample(STATUS, 'UP'),), found[target.id])

    def test_a_device_that_is_away_is_a_failure_of_all(self) -> None:
        self.agent.stop()
        targets = [
            self.target('snmp_ports', if_name=name) for name in ('a', 'b')
        ]

        found = self.poller.poll(targets, 1.0)

        for target in targets:
            self.assertEqual(
                [STATUS, 'traffic.in', 'traffic.out'],
                [each.name for each in found[target.id]],
            )
            for each in found[target.id]:
                self.assertIsInstance(each, Failure)

    def test_a_pool_does_not_show_its_community(self) -> None:
        first, second = (
            self.poller.pool_key(
                self.target('snmp_ports', if_name='a', community_name=name)
            )
            for name in ('open-sesame', 'another')
        )
        self.assertNotEqual(first, second)
        self.assertNotIn('sesame', first)

    def test_types_of_one_device_go_to_one_collector(self) -> None:
        affinities = {
            self.poller.affinity(self.target(type_, if_name='a'))
            for type_ in ('snmp_ports', 'snmp_ports_status')
        }
        self.assertEqual(1, len(affinities))
