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

"""Several ``esi-collector`` processes on one etcd; TLS and tokens."""

from __future__ import annotations

import datetime
import functools
import ipaddress
from pathlib import Path
import socket
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid
import fixtures
import requests
import testtools

from esi_worker.embedded import fixtures as embedded
from esi_worker.tests.functional.collector_support import (
    CollectorFixture,
)
from esi_worker.tests.functional.embedded_support import wait_until
from esi_worker.tests.unit.collector import support

COUNT = 24
#: Seconds; shorter ones run out by themselves on a machine that is busy.
TTL = 5


def post(url: str, number: int, **request: Any) -> str:
    """Register a target that is always up.

    :returns: its id
    """
    response = requests.post(
        f'{url}/targets',
        json=support.body(
            type='noop', resource_id=f'p{number}', properties={}
        ),
        timeout=60,
        **request,
    )
    response.raise_for_status()
    return str(response.json()['id'])


class TestSharing(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = self.useFixture(CollectorFixture(lease_ttl=TTL))
        self.second = self.useFixture(
            CollectorFixture(beside=self.first, lease_ttl=TTL)
        )
        self.ids = [
            post(each.url, number)
            for number in range(COUNT)
            for each in [(self.first, self.second)[number % 2]]
        ]

    def shown(self, collector: CollectorFixture, target_id: str) -> Any:
        response = requests.get(
            f'{collector.url}/targets/{target_id}', timeout=60
        )
        return response.json() if response.ok else None

    def all_have_values(self, collector: CollectorFixture) -> bool:
        shown = [self.shown(collector, each) for each in self.ids]
        return all(each is not None and each['values'] for each in shown)

    def owners(self, collector: CollectorFixture) -> set[str]:
        response = requests.get(f'{collector.url}/targets', timeout=60)
        return {each['monitorer'] for each in response.json()['targets']}

    def test_each_shows_the_values_that_the_other_has(self) -> None:
        for collector in (self.first, self.second):
            wait_until(functools.partial(self.all_have_values, collector))

        wait_until(lambda: len(self.owners(self.first)) == 2)
        self.assertEqual(
            {self.first.url, self.second.url}, self.owners(self.second)
        )

    def test_what_is_killed_is_taken_over_within_its_lease(self) -> None:
        wait_until(lambda: len(self.owners(self.second)) == 2)
        self.first.kill()
        killed_at = time.monotonic()

        wait_until(lambda: self.owners(self.second) == {self.second.url})

        # etcd looks for leases that have run out twice a second; the rest
        # is for a machine that is busy.
        self.assertLess(time.monotonic() - killed_at, TTL + 20)
        wait_until(lambda: self.all_have_values(self.second))

    def test_what_ends_is_taken_over_at_once(self) -> None:
        wait_until(lambda: len(self.owners(self.second)) == 2)

        code, _ = self.first.stop()

        self.assertEqual(0, code)
        wait_until(lambda: self.owners(self.second) == {self.second.url})
        wait_until(lambda: self.all_have_values(self.second))

    def test_all_is_published(self) -> None:
        names = [f'p{number}' for number in range(COUNT)]

        wait_until(lambda: all(map(self.first.monitoring, names)))


class TestSecurity(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.cert = make_certificate(self.folder)
        self.tokens = self.folder / 'tokens'
        self.tokens.write_text('sesame\n')

    def collector(self, **options: Any) -> CollectorFixture:
        return self.useFixture(
            CollectorFixture(
                cert_file=self.cert,
                peer_ca_file=self.cert,
                auth='token',
                token_file=self.tokens,
                lease_ttl=TTL,
                **options,
            )
        )

    def request(self, **changes: Any) -> Any:
        return {
            'verify': str(self.cert),
            'headers': {'X-Auth-Token': 'sesame'},
            **changes,
        }

    def test_serves_https_to_those_who_have_a_token(self) -> None:
        collector = self.collector()

        target_id = post(collector.url, 1, **self.request())

        self.assertTrue(collector.url.startswith('https://'))
        url = f'{collector.url}/targets/{target_id}'
        without = requests.get(url, timeout=60, **self.request(headers={}))
        self.assertEqual(401, without.status_code)

    def test_passes_the_token_on_to_the_other_collector(self) -> None:
        first = self.collector()
        self.collector(beside=first)
        ids = [post(first.url, each, **self.request()) for each in range(12)]

        def values() -> list[Any]:
            answers = [
                requests.get(
                    f'{first.url}/targets/{each}',
                    timeout=60,
                    **self.request(),
                )
                for each in ids
            ]
            return [
                each.json().get('values') if each.ok else None
                for each in answers
            ]

        wait_until(lambda: all(values()))

    def test_a_client_that_says_nothing_keeps_nobody_waiting(self) -> None:
        collector = self.collector()
        host, port = collector.url.removeprefix('https://').split(':')
        for _ in range(40):
            self.enterContext(silent_connection(host, int(port)))

        # In turn, those who say nothing would take longer.
        response = requests.get(
            f'{collector.url}/targets', timeout=30, **self.request()
        )

        self.assertEqual(200, response.status_code)

    def test_a_client_certificate_can_be_demanded(self) -> None:
        collector = self.collector(client_ca_file=self.cert)
        url = f'{collector.url}/targets'

        self.assertRaises(
            requests.exceptions.RequestException,
            requests.get,
            url,
            timeout=60,
            **self.request(),
        )
        shown = requests.get(
            url, timeout=60, **self.request(cert=str(self.cert))
        )
        self.assertEqual(200, shown.status_code)


class TestKeystone(testtools.TestCase):
    """Tokens of a real Keystone."""

    def setUp(self) -> None:
        super().setUp()
        self.keystone = self.useFixture(embedded.KeystoneFixture())
        self.collector = self.useFixture(
            CollectorFixture(auth='keystone', more=self.middleware())
        )

    def middleware(self) -> str:
        """What the collector itself logs in with, to check tokens."""
        identity = self.keystone.server.identity()
        project, user = embedded.unique('service'), embedded.unique('check')
        password = 'check'
        identity.user(user, password, project=project, roles=('admin',))
        return '\n'.join(
            (
                '[keystone_authtoken]',
                f'www_authenticate_uri = {self.keystone.auth_url}',
                f'auth_url = {self.keystone.auth_url}',
                'auth_type = password',
                f'username = {user}',
                f'password = {password}',
                f'project_name = {project}',
                'user_domain_id = default',
                'project_domain_id = default',
                'service_token_roles_required = true',
            )
        )

    def status(self, token: str | None) -> int:
        headers = {} if token is None else {'X-Auth-Token': token}
        return requests.get(
            f'{self.collector.url}/targets', headers=headers, timeout=60
        ).status_code

    def token(self, *roles: str) -> str:
        identity = self.keystone.server.identity()
        user = embedded.unique('user')
        identity.user(user, 'pass', project=self.keystone.project, roles=roles)
        session = self.keystone.server.session(
            user, 'pass', self.keystone.project
        )
        return str(session.get_token())

    def test_a_role_is_needed(self) -> None:
        self.assertEqual(
            [401, 401, 403, 200],
            [
                self.status(None),
                self.status('forged'),
                self.status(self.token('member')),
                self.status(self.token('member', 'service')),
            ],
        )


def silent_connection(host: str, port: int) -> Any:
    return socket.create_connection((host, port), timeout=60)


def make_certificate(folder: Path) -> Path:
    """A certificate for the loopback address that signs itself.

    :returns: the file with the certificate and its key
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, 'test')])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / 'collector.pem'
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
