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

"""How the real backend logs in, at a Keystone that is not there."""

from __future__ import annotations

import datetime
from typing import Any

from keystoneauth1 import fixture, loading
import requests
from requests_mock.contrib import fixture as mocking
import testtools

from esi_worker import exceptions
from esi_worker.handlers.heat import backend, errors, remote
from esi_worker.tests.unit.handlers.heat import scene

URL = 'http://heat.test:8004/v1'
STACKS = f'{URL}/t1/stacks'
KEYSTONE = 'http://keystone.test:5000/v3'
JSON = {'Content-Type': 'application/json'}
REQUEST = backend.StackRequest('net_1', 'text', {'a': None}, 3, ('x', 'y'))


class KeystoneTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.http: Any = self.useFixture(
            mocking.Fixture()  # type: ignore[no-untyped-call]
        )

    def backend(self, **values: Any) -> remote.HeatBackend:
        conf = scene.configuration(auth_type='password', **values)
        conf.register_opts(_password_options(), 'heat')
        conf.set_override('auth_url', KEYSTONE, 'heat')
        conf.set_override('username', 'worker', 'heat')
        conf.set_override('password', 'hunter2', 'heat')
        conf.set_override('project_name', 'service', 'heat')
        conf.set_override('user_domain_id', 'default', 'heat')
        stacks = remote.HeatBackend(conf)
        self.addCleanup(stacks.close)
        return stacks

    def serve(self) -> None:
        versions = {'version': fixture.V3Discovery(KEYSTONE)}
        self.http.get(KEYSTONE, json=versions)
        self.login = self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'abc'},
            json=fixture.V3Token(),
        )
        self.http.get(STACKS, json={'stacks': []}, headers=JSON)


class KeystoneTest(KeystoneTestCase):
    def test_service_user_logs_in_once_per_tenant(self) -> None:
        self.serve()
        stacks = self.backend(endpoint_override=URL)
        stacks.find('t1', 'net_1')
        stacks.find('t1', 'net_1')
        body = self.login.last_request.json()
        self.assertEqual({'project': {'id': 't1'}}, body['auth']['scope'])
        self.assertEqual(1, self.login.call_count)

    def test_keystone_away_is_transient(self) -> None:
        self.http.get(KEYSTONE, exc=requests.exceptions.ConnectionError)
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            exc=requests.exceptions.ConnectionError,
        )
        self.check_away(self.backend(endpoint_override=URL))

    def test_refused_login_is_transient(self) -> None:
        self.serve()
        self.http.post(f'{KEYSTONE}/auth/tokens', status_code=401)
        self.check_away(self.backend(endpoint_override=URL))

    def test_missing_catalog_entry_is_transient(self) -> None:
        self.serve()
        self.check_away(self.backend())

    def check_away(self, stacks: remote.HeatBackend) -> None:
        error = self.assertRaises(
            errors.HeatUnavailable, stacks.find, 't1', 'net_1'
        )
        self.assertNotIn('hunter2', str(error))

    def test_token_is_replaced_before_it_expires(self) -> None:
        self.serve()
        now = datetime.datetime.now(datetime.UTC)
        soon = now + datetime.timedelta(seconds=60)
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'old'},
            json=fixture.V3Token(expires=soon),
        )
        stacks = self.backend(endpoint_override=URL)
        stacks.find('t1', 'net_1')
        self.assertEqual('old', self.token())
        self.serve()
        stacks.find('t1', 'net_1')
        self.assertEqual('abc', self.token())

    def test_refused_token_is_replaced_at_once(self) -> None:
        self.serve()
        self.http.get(
            STACKS,
            [
                {'status_code': 401},
                {'json': {'stacks': []}, 'headers': JSON},
            ],
        )
        stacks = self.backend(endpoint_override=URL)
        self.assertIsNone(stacks.find('t1', 'net_1'))
        self.assertEqual(2, self.login.call_count)

    def test_tenants_share_no_token(self) -> None:
        self.serve()
        other = f'{URL}/t2/stacks'
        self.http.get(other, json={'stacks': []}, headers=JSON)
        stacks = self.backend(endpoint_override=URL)
        for tenant in ('t1', 't2', 't1', 't2'):
            stacks.find(tenant, 'net_1')
        self.assertEqual(2, self.login.call_count)

    def token(self) -> str:
        return str(self.http.last_request.headers['X-Auth-Token'])


class ApplicationCredentialTest(KeystoneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve()
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'abc'},
            json=fixture.V3Token(project_id='t1'),
        )
        conf = scene.configuration(
            auth_type='v3applicationcredential', endpoint_override=URL
        )
        kind = 'v3applicationcredential'
        conf.register_opts(loading.get_auth_plugin_conf_options(kind), 'heat')
        conf.set_override('auth_url', KEYSTONE, 'heat')
        conf.set_override('application_credential_id', 'app-1', 'heat')
        conf.set_override('application_credential_secret', 'hunter2', 'heat')
        self.stacks = remote.HeatBackend(conf)
        self.addCleanup(self.stacks.close)

    def test_it_is_used_without_a_scope(self) -> None:
        self.assertIsNone(self.stacks.find('t1', 'net_1'))
        (login,) = [
            request.json()['auth']
            for request in self.http.request_history
            if request.path == '/v3/auth/tokens'
        ]
        self.assertNotIn('scope', login)
        self.assertEqual(
            ['application_credential'], login['identity']['methods']
        )

    def test_it_cannot_work_for_another_tenant(self) -> None:
        error = self.assertRaises(
            errors.HeatUnavailable, self.stacks.find, 't2', 'net_1'
        )
        self.assertIn('project t1', str(error))
        self.assertIn('tenant t2', str(error))


class ConfigurationTest(testtools.TestCase):
    def refused(self, **values: Any) -> str:
        conf = scene.configuration(**values)
        return str(
            self.assertRaises(
                exceptions.ConfigurationError, remote.HeatBackend, conf
            )
        )

    def test_auth_type_must_be_set(self) -> None:
        self.assertIn('[heat] auth_type', self.refused())

    def test_no_keystone_needs_an_endpoint(self) -> None:
        text = self.refused(auth_type='none')
        self.assertIn('[heat] endpoint_override', text)

    def test_unknown_auth_type_is_named(self) -> None:
        self.assertIn('telepathy', self.refused(auth_type='telepathy'))

    def test_login_without_its_options_is_refused(self) -> None:
        self.assertIn('auth_url', self.refused(auth_type='password'))


def _password_options() -> Any:
    return loading.get_auth_plugin_conf_options('password')
