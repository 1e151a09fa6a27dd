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

"""The metrics of firewalls and load balancers, on a real agent.

snmpd of the distribution serves the numbers that only such devices have:
``pass_persist`` gives the subtree of a load balancer to a program of
ours, ``override`` sets what the agent knows only after a minute.
"""

from __future__ import annotations

import pathlib
import sys

import fixtures
import requests

from esi_worker.collector.pollers import snmp_answers
from esi_worker.collector.pollers.snmp_device import METRICS, SnmpDevicePoller
from esi_worker.collector.results import STATUS, Result, Sample
from esi_worker.tests.functional import collector_support, test_pollers_snmp
from esi_worker.tests.functional.embedded_support import wait_until

_VENDOR = '.1.3.6.1.4.1.5951'
#: By the end of the OID: the type of SNMP and the value. The requests are
#: more than 32 bits hold.
_SERVED = {
    '4.1.1.41.1.0': ('gauge', 17),
    '4.1.1.41.2.0': ('gauge', 63),
    '4.1.1.46.1.0': ('gauge', 240),
    '4.1.1.46.2.0': ('gauge', 4_000_000_000),
    '4.1.1.48.67.0': ('counter64', 2**33 + 5),
}
LOAD_BALANCER = {
    'cpu.usage': 17,
    'memory.usage': 63,
    'tcp.server': 240,
    'tcp.client': 4_000_000_000,
    'http.request': 2**33 + 5,
}
CPU = {'cpu.user': 7, 'cpu.system': 3, 'cpu.idle': 90}
#: Speaks with snmpd over its standard input and output.
PROGRAM = f"""\
import sys

SERVED = {_SERVED!r}
oids = {{'{_VENDOR}.' + end: SERVED[end] for end in SERVED}}


def numbers(oid):
    return [int(part) for part in oid.strip('.').split('.')]


def following(oid):
    later = [each for each in oids if numbers(each) > numbers(oid)]
    return min(later, key=numbers, default=None)


while command := sys.stdin.readline().strip().lower():
    answer = 'NONE'
    if command == 'ping':
        answer = 'PONG'
    elif command in ('get', 'getnext'):
        oid = sys.stdin.readline().strip()
        if command == 'getnext':
            oid = following(oid)
        if oid in oids:
            kind, value = oids[oid]
            answer = f'{{oid}}\\n{{kind}}\\n{{value}}'
    print(answer, flush=True)
"""
_USERS = {
    'SHA512': ('SHA-512', 'sha512', 'AES-256', 'aes256'),
    'SHA384': ('SHA-384', 'sha384', 'AES', 'aes'),
    'SHA224': ('SHA-224', 'sha224', 'AES', 'aes'),
    'SHA1': ('SHA', 'sha', 'AES', 'aes'),
    'MD5': ('MD5', 'md5', 'DES', 'des'),
}


def _users() -> str:
    return ''.join(
        f'createUser {name} {auth} auth-for-tests {priv} priv-for-tests\n'
        f'rouser {name} priv\n'
        for name, (auth, _, priv, _) in _USERS.items()
    )


def _credentials() -> str:
    return ''.join(
        f'{name}: {{user: {name}, auth_protocol: {auth}, auth_password: '
        f'auth-for-tests, priv_protocol: {priv}, priv_password: '
        'priv-for-tests}\n'
        for name, (_, auth, _, priv) in _USERS.items()
    )


class MetricSetsTest(test_pollers_snmp.SnmpTest):
    def configuration(self) -> str:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        program = folder / 'load_balancer.py'
        program.write_text(PROGRAM)
        overridden = ''.join(
            f'override {_dotted(METRICS["snmp_device_fw"][name])} integer '
            f'{CPU[name]}\n'
            for name in CPU
        )
        return (
            f'{_users()}{overridden}'
            f'pass_persist {_VENDOR} {sys.executable} -u {program}\n'
        )

    def setUp(self) -> None:
        super().setUp()
        with self.credentials.open('a') as file:
            file.write(_credentials())
        self.poller = SnmpDevicePoller(self.context)
        self.addCleanup(self.poller.close)

    def poll(self, type_: str, community: str) -> dict[str, Result]:
        target = self.target(type_, community_name=community)
        found = self.poller.poll([target], test_pollers_snmp.TIMEOUT)
        return {result.name: result for result in found[target.id]}

    def test_a_load_balancer_tells_its_metrics(self) -> None:
        expected = {
            name: Sample(name, LOAD_BALANCER[name]) for name in LOAD_BALANCER
        }

        for community in ('DEVICE_COMMUNITY', 'MONITOR'):
            self.assertEqual(
                {STATUS: Sample(STATUS, 'UP'), **expected},
                self.poll('snmp_device_lb', community),
                community,
            )

    def test_a_firewall_tells_its_metrics(self) -> None:
        for community in ('DEVICE_COMMUNITY', 'MONITOR'):
            found = self.poll('snmp_device_fw', community)

            self.assertEqual(
                {'status', *METRICS['snmp_device_fw']}, found.keys()
            )
            for result in found.values():
                self.assertIsInstance(result, Sample)
            for name, value in CPU.items():
                self.assertEqual(Sample(name, value), found[name])

    def test_every_pair_of_protocols_is_spoken(self) -> None:
        for name in _USERS:
            found = self.poll('snmp_device_lb', name)

            self.assertEqual(Sample('cpu.usage', 17), found['cpu.usage'], name)

    def test_a_collector_publishes_and_shows_them(self) -> None:
        collector = self.useFixture(
            collector_support.CollectorFixture(
                credentials_file=self.credentials,
                poll_timeout=10,
                poll_interval=10,
            )
        )

        target = collector_support.post(
            collector.url,
            type='snmp_device_lb',
            properties={
                'device_ip': '127.0.0.1',
                'port': self.agent.port,
                'community_name': 'SHA512',
            },
        )

        wait_until(lambda: collector.monitoring() is not None)
        self.assertEqual('{"version":3,"vmi":"UP"}', collector.monitoring())
        text = requests.get(f'{collector.url}/metrics', timeout=10).text
        self.assertRegex(text, r'esi_monitoring_cpu_usage\{.*\} 17\.0')
        self.assertRegex(
            text, r'esi_monitoring_http_request\{.*\} 8\.589934597e\+09'
        )
        shown = requests.get(target['link'], timeout=10).json()
        values = {each['key']: each['value'] for each in shown['values']}
        self.assertEqual({STATUS: 'UP', **LOAD_BALANCER}, values)
        self.assertNotIn('for-tests', str(shown) + text)


def _dotted(oid: snmp_answers.Oid) -> str:
    return '.' + '.'.join(map(str, oid))
