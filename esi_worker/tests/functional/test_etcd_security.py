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

"""Certificates and tokens of an etcd, seen from whole services."""

from __future__ import annotations

from collections.abc import Mapping
import http.client
import json
import ssl
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from esi_worker import embedded
from esi_worker.tests.certificates import Authority
from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import raw_etcd
from esi_worker.tests.functional import service_support as support

LOAD = 40
#: Seconds that a token is good for, used or not.
TOKEN_TTL = 2
PASSWORD = 'the secret of root'


class SecureTestCase(faults.FaultTestCase):
    """Services that are started without asking an etcd by hand."""

    def start_secured(
        self, endpoint: str, etcd: Mapping[str, object]
    ) -> processes.PluggedWorker:
        process = self.make(endpoint, etcd=etcd)
        with self.changes(self.etcd.revision() + 1) as history:
            process.launch()
            history.put('/esi-worker/workers/')
            history.put(support.ELECTION)
        return process


class TlsEtcd(raw_etcd.RawEtcd):
    """Requests with a client certificate."""

    def __init__(self, endpoint: str, context: ssl.SSLContext) -> None:
        super().__init__(endpoint)
        self._context = context

    def connect(self) -> http.client.HTTPConnection:
        host, port = self._address
        return http.client.HTTPSConnection(
            host, port, timeout=60, context=self._context
        )


class TlsTest(SecureTestCase):
    def test_work_is_done_with_client_certificates(self) -> None:
        authority = Authority(self.folder, 'ours')
        cert, key = authority.issue('server')
        tls = embedded.TlsFiles(authority.ca, cert, key, client_auth=True)
        server = embedded.EtcdServer(
            self.folder, unsafe_no_fsync=True, tls=tls
        )
        self.enterContext(server)
        cert, key = authority.issue('client')
        context = ssl.create_default_context(cafile=str(authority.ca))
        context.load_cert_chain(cert, key)
        self.etcd = TlsEtcd(server.endpoint, context)
        service = self.start_secured(
            server.endpoint,
            etcd={'ca_cert': authority.ca, 'cert': cert, 'key': key},
        )
        names = self.write_load(LOAD)
        self.await_some(names, 5)

        server.stop()
        server.start()

        self.assert_recovered()
        self.await_all(names)
        self.assert_done_once(names)
        self.assertEqual(0, self.repeated(names))
        self.assert_readable(service)


class UserEtcd(raw_etcd.RawEtcd):
    """Requests of a user; each connection gets a token of its own."""

    def connect(self) -> http.client.HTTPConnection:
        host, port = self._address
        connection = _Authorized(host, port, timeout=60)
        connection.token = self._token()
        return connection

    def _token(self) -> str:
        connection = super().connect()
        body = {'name': 'root', 'password': PASSWORD}
        connection.request('POST', '/v3/auth/authenticate', json.dumps(body))
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return str(answer['token'])


class _Authorized(http.client.HTTPConnection):
    token: str

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self.putheader('Authorization', self.token)
        super().endheaders(*args, **kwargs)


class TokenTest(SecureTestCase):
    def start_with_users(self) -> embedded.EtcdServer:
        private, public = self.write_keys()
        server = self.start_etcd(
            f'--auth-token=jwt,sign-method=RS256,ttl={TOKEN_TTL}s,'
            f'priv-key={private},pub-key={public}',
            # The tests ask for a token with every request.
            '--bcrypt-cost=4',
        )
        user = {'name': 'root', 'password': PASSWORD}
        self.etcd.post('auth/user/add', user)
        self.etcd.post('auth/role/add', {'name': 'root'})
        self.etcd.post('auth/user/grant', {'user': 'root', 'role': 'root'})
        self.etcd.post('auth/enable', {})
        self.etcd = UserEtcd(server.endpoint)
        return server

    def write_keys(self) -> tuple[str, str]:
        """Keys that sign tokens, private and public."""
        key = rsa.generate_private_key(65537, 2048)
        private = self.folder / 'token.key'
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        public = self.folder / 'token.pub'
        public.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        )
        return str(private), str(public)

    def test_tokens_run_out_again_and_again(self) -> None:
        server = self.start_with_users()
        service = self.start_secured(
            server.endpoint, etcd={'username': 'root', 'password': PASSWORD}
        )

        # Longer than two tokens last.
        names = [
            *self.write_load(LOAD),
            self.write('slow', polls=int(2.5 * TOKEN_TTL / 0.1)),
        ]
        self.await_all(names)

        self.assert_recovered()
        self.assert_done_once(names)
        self.assertEqual(0, self.repeated(names))
        text = service.log_text()
        self.assertNotIn('Traceback', text)
        self.assertNotIn('WARNING', text)
        self.assertNotIn(PASSWORD, text)
