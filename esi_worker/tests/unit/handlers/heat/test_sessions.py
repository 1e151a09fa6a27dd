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

"""Sessions per tenant, their number and their endpoints."""

from __future__ import annotations

from http import server
import threading

import testtools

from esi_worker.embedded import ports
from esi_worker.handlers.heat import errors, sessions
from esi_worker.tests.unit.handlers.heat import scene


class TenantUrlTest(testtools.TestCase):
    def test_tenant_is_appended(self) -> None:
        self.assertEqual(
            'http://h/v1/t1', sessions.tenant_url('http://h/v1/', 't1')
        )

    def test_tenant_takes_its_place_in_a_pattern(self) -> None:
        for pattern in ('%(project_id)s', '$(tenant_id)s'):
            url = sessions.tenant_url(f'http://h/v1/{pattern}', 't1')
            self.assertEqual('http://h/v1/t1', url)

    def test_tenant_cannot_leave_its_place(self) -> None:
        url = sessions.tenant_url('http://h/v1', '../admin?x')
        self.assertEqual('http://h/v1/..%2Fadmin%3Fx', url)


class TenantSessionsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        conf = scene.configuration(
            auth_type='none',
            endpoint_override='http://h/v1',
            max_sessions=2,
        )
        self.sessions = sessions.TenantSessions(conf)
        self.addCleanup(self.sessions.close)

    def test_session_of_a_tenant_is_kept(self) -> None:
        self.assertIs(self.sessions.get('a'), self.sessions.get('a'))

    def test_least_recently_used_tenant_is_forgotten(self) -> None:
        first = self.sessions.get('a')
        second = self.sessions.get('b')
        self.sessions.get('a')
        self.sessions.get('c')
        self.assertIs(first, self.sessions.get('a'))
        self.assertIsNot(second, self.sessions.get('b'))


class _Busy(server.BaseHTTPRequestHandler):
    """Wants a pause after every request."""

    def do_GET(self) -> None:
        self.server.requests += 1  # type: ignore[attr-defined]
        self.send_response(429)
        self.send_header('Retry-After', '9')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_details: object) -> None:
        pass


class PaceTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.busy = server.HTTPServer((ports.LOOPBACK, 0), _Busy)
        self.busy.requests = 0  # type: ignore[attr-defined]
        threading.Thread(target=self.busy.serve_forever, daemon=True).start()
        self.addCleanup(self.busy.server_close)
        self.addCleanup(self.busy.shutdown)
        port = self.busy.server_address[1]
        self.url = f'http://{ports.LOOPBACK}:{port}'
        conf = scene.configuration(
            auth_type='none', endpoint_override=self.url
        )
        self.sessions = sessions.TenantSessions(conf)
        self.addCleanup(self.sessions.close)

    def test_endpoint_that_wants_a_pause_gets_no_more_requests(self) -> None:
        for tenant in ('a', 'b', 'a'):
            session = self.sessions.get(tenant)
            error = self.assertRaises(
                errors.HeatUnavailable, session.get, f'{self.url}/stacks'
            )
            assert error.after is not None
            self.assertGreater(error.after, 8.0)
        self.assertEqual(1, self.busy.requests)  # type: ignore[attr-defined]
