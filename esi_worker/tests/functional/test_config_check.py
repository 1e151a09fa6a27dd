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

"""``config check --connect`` with a real etcd, Keystone and Heat."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import fixtures as fixtures_
import testtools

from esi_worker.cli import app
from esi_worker.embedded import fixtures, ports


class ConnectTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))
        self.heat = self.useFixture(fixtures.HeatWithKeystoneFixture())
        self.etcd = self.useFixture(fixtures.EtcdFixture())
        keystone = self.heat.keystone
        self.options = {
            'auth_type': 'password',
            'auth_url': keystone.auth_url,
            'username': keystone.username,
            'password': keystone.password,
            'user_domain_id': 'default',
            'endpoint_override': f'{self.heat.server.endpoint}',
        }

    def check(self, code: int, **options: str) -> list[str]:
        """:returns: what it says about Keystone and Heat"""
        lines = [
            '[etcd]',
            f'endpoints = {self.etcd.endpoint}',
            '[heat]',
            *(f'{k} = {v}' for k, v in {**self.options, **options}.items()),
        ]
        file = Path(self.useFixture(fixtures_.TempDir()).path, 'our.conf')
        file.write_text('\n'.join(lines))
        out, errors = io.StringIO(), io.StringIO()
        program = app.ManageApp(stdout=out, stderr=errors)
        arguments = ['--config-file', str(file), 'config', 'check']
        self.assertEqual(code, program.run([*arguments, '--connect']))
        self.assertNotIn(self.options['password'], out.getvalue())
        _usable, etcd, *others = out.getvalue().splitlines()
        self.assertEqual('etcd: ok', etcd)
        return others

    def test_a_login_without_a_scope_finds_its_project(self) -> None:
        self.assertEqual(['Keystone: ok', 'Heat: ok'], self.check(0))

    def test_the_url_may_end_with_the_version_or_not(self) -> None:
        url = self.options['auth_url'].rstrip('/').removesuffix('/v3')
        for auth_url in (url, f'{url}/v3'):
            self.assertEqual(
                ['Keystone: ok', 'Heat: ok'], self.check(0, auth_url=auth_url)
            )

    def test_a_wrong_password_is_told(self) -> None:
        keystone, heat = self.check(1, password='wrong-password')
        self.assertIn('HTTP 401', keystone)
        self.assertIn('[heat] auth_url, username', keystone)
        self.assertNotIn('wrong-password', keystone)
        self.assertIn('no token', heat)

    def test_a_wrong_url_is_told(self) -> None:
        port = ports.ReservedPort()
        self.addCleanup(port.close)
        url = f'http://{ports.LOOPBACK}:{port.number}/v3'
        keystone, _heat = self.check(1, auth_url=url)
        self.assertIn(url, keystone)
        _keystone, heat = self.check(1, endpoint_override=url)
        self.assertIn('[heat] endpoint_override', heat)
