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


"""Ways to log in and to trust, with a real Keystone and a real Heat."""

from __future__ import annotations

from pathlib import Path
import socket
import socketserver
import ssl
import threading
from typing import Any

import fixtures as fixtures_
from keystoneauth1 import loading
import testtools

from esi_worker.embedded import fixtures, ports
from esi_worker.model import Action, Done, InProgress, Retry
from esi_worker.tests.certificates import Authority
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.unit.handlers.heat import scene


class ApplicationCredentialTest(support.HandlerTestCase):
    """It works in its own project, and says so in any other."""

    def setUp(self) -> None:
        testtools.TestCase.setUp(self)
        heat = self.useFixture(fixtures.HeatWithKeystoneFixture())
        keystone = heat.keystone
        identity = keystone.server.identity()
        self.other = identity.project(fixtures.unique('other'))
        self.tenant = identity.project(keystone.project)
        session = keystone.session()
        answer = session.post(
            f'{keystone.auth_url}/users/{keystone.user_id}'
            '/application_credentials',
            json={'application_credential': {'name': fixtures.unique('app')}},
        )
        credential = answer.json()['application_credential']
        kind = 'v3applicationcredential'
        conf = scene.configuration(auth_type=kind, poll_interval=0.2)
        conf.register_opts(loading.get_auth_plugin_conf_options(kind), 'heat')
        for name, value in {
            'auth_url': keystone.auth_url,
            'application_credential_id': credential['id'],
            'application_credential_secret': credential['secret'],
        }.items():
            conf.set_override(name, value, 'heat')
        self.use(conf)

    def test_it_works_in_its_project(self) -> None:
        outcome = self.handler.start(self.job(Action.DELETE))
        assert isinstance(outcome, Done), outcome
        self.check_state('DELETE_COMPLETE', outcome)

    def test_creation_needs_a_heat_that_makes_no_trusts(self) -> None:
        """Keystone lets no application credential make one."""
        outcome = self.failed(self.job(text='a'))
        self.assertIn('HeatForbids: HTTP 403', outcome.error)

    def test_it_says_which_tenant_it_cannot_serve(self) -> None:
        project, self.tenant = self.tenant, self.other
        outcome = self.handler.start(self.job())
        assert isinstance(outcome, Retry), outcome
        self.assertIn(f'belongs to the project {project}', outcome.reason)
        self.assertIn(self.other, outcome.reason)


class TlsTest(support.HandlerTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures_.TempDir()).path)
        self.authority = Authority(folder, 'ours')
        self.stranger = Authority(folder, 'stranger')
        self.front = _TlsFront(self.heat.server.port, self.authority)
        self.addCleanup(self.front.close)

    def trust(self, **options: Any) -> None:
        self.use(
            scene.configuration(
                auth_type='none',
                endpoint_override=f'{self.front.url}/v1',
                poll_interval=0.2,
                **options,
            )
        )

    def test_heat_is_trusted_by_its_authority_alone(self) -> None:
        self.trust(cafile=str(self.stranger.ca))
        outcome = self.handler.start(self.job(text='a'))
        assert isinstance(outcome, Retry), outcome
        self.assertIn('certificate verify failed', outcome.reason)
        self.trust(cafile=str(self.authority.ca))
        self.check_state('CREATE_COMPLETE', self.done(self.job(text='a')))

    def test_certificate_of_our_own_is_shown(self) -> None:
        self.front.demand(self.authority)
        self.trust(cafile=str(self.authority.ca))
        self.assertIsInstance(self.handler.start(self.job(text='a')), Retry)
        certificate, key = self.authority.issue('worker')
        self.trust(
            cafile=str(self.authority.ca),
            certfile=str(certificate),
            keyfile=str(key),
        )
        outcome = self.handler.start(self.job(text='a'))
        self.assertIsInstance(outcome, InProgress)


class _TlsFront:
    """Speaks TLS and passes on what it hears to a port."""

    def __init__(self, port: int, authority: Authority) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*authority.issue('front'))
        context = self.context

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                try:
                    near = context.wrap_socket(self.request, server_side=True)
                except OSError:
                    return
                with (
                    near,
                    socket.create_connection((ports.LOOPBACK, port)) as far,
                ):
                    back = threading.Thread(
                        target=_pump, args=(far, near), daemon=True
                    )
                    back.start()
                    _pump(near, far)
                    back.join()

        self._server = socketserver.ThreadingTCPServer(
            (ports.LOOPBACK, 0), Handler
        )
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()
        self.url = f'https://{ports.LOOPBACK}:{self._server.server_address[1]}'

    def demand(self, authority: Authority) -> None:
        """From now on clients need a certificate of this authority."""
        self.context.load_verify_locations(authority.ca)
        self.context.verify_mode = ssl.CERT_REQUIRED

    def close(self) -> None:
        self._server.shutdown()
        # Connections end with their clients.
        self._server.socket.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
