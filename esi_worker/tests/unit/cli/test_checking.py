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

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any
from unittest import mock

import fixtures
from keystoneauth1 import fixture
import requests
import requests_mock
from requests_mock.contrib import fixture as mocking

from esi_worker import exceptions, store
from esi_worker.cmd import status
from esi_worker.model import WorkerRecord
from esi_worker.tests.unit.cli import support

GOOD = """\
[heat]
auth_type = none
endpoint_override = http://127.0.0.1:9/v1
"""


HEAT = 'http://127.0.0.1:9/v1'
KEYSTONE = 'http://keystone.test:5000/v3'
CANARY = 'canary-4c61'
LOGIN = f"""\
[heat]
auth_type = password
auth_url = {KEYSTONE}
username = worker
password = {CANARY}
user_domain_id = default
endpoint_override = {HEAT}
"""


class ConfigTestCase(support.CommandTest):
    def config(self, text: str) -> str:
        folder = self.useFixture(fixtures.TempDir()).path
        path = Path(folder, 'esi-worker.conf')
        path.write_text(text)
        return str(path)


class ConfigCheckTest(ConfigTestCase):
    def check(self, text: str, *more: str) -> int:
        return self.run_command(
            '--config-file', self.config(text), 'config', 'check', *more
        )

    def test_a_good_one_is_said_to_be_good(self) -> None:
        self.assertEqual(0, self.check(GOOD))
        self.assertIn('can be used', self.stdout.getvalue())

    def test_a_bad_value_is_named_and_gives_2(self) -> None:
        self.assertEqual(2, self.check(f'{GOOD}[worker]\nslots = many\n'))
        self.assertIn('slots', self.stderr.getvalue())

    def test_a_manager_needs_no_heat(self) -> None:
        self.assertEqual(2, self.check(''))
        self.assertEqual(0, self.check('', '--role', 'manager'))

    def test_options_that_do_not_fit_together_are_named(self) -> None:
        self.assertEqual(2, self.check(f'{GOOD}[admin]\npage = true\n'))
        self.assertIn('manager_port', self.stderr.getvalue())


class ConnectTest(ConfigTestCase):
    """``config check --connect``."""

    def setUp(self) -> None:
        super().setUp()
        self.http: Any = self.useFixture(
            mocking.Fixture()  # type: ignore[no-untyped-call]
        )
        self.http.get(
            KEYSTONE, json={'version': fixture.V3Discovery(KEYSTONE)}
        )
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'abc'},
            json=fixture.V3Token(project_id='t1'),
        )
        for tenant in ('t1', 't2', 'esi-worker-probe'):
            self.http.get(
                f'{HEAT}/{tenant}/stacks',
                json={'stacks': []},
                headers={'Content-Type': 'application/json'},
            )

    def connect(self, *more: str, text: str = LOGIN, code: int) -> list[str]:
        """:returns: what it says, by line, without the first one"""
        self.assertEqual(
            code,
            self.run_command(
                *('--config-file', self.config(text)),
                *('config', 'check', '--connect', *more),
            ),
            self.stderr.getvalue(),
        )
        self.assertNotIn(CANARY, self.stdout.getvalue())
        self.assertNotIn(CANARY, self.stderr.getvalue())
        return self.stdout.getvalue().splitlines()[1:]

    def test_all_that_a_worker_needs_is_asked(self) -> None:
        self.assertEqual(
            ['etcd: ok', 'Keystone: ok', 'Heat: ok'], self.connect(code=0)
        )

    def test_a_heat_without_keystone_needs_no_token(self) -> None:
        self.assertEqual(
            ['etcd: ok', 'Heat: ok'], self.connect(text=GOOD, code=0)
        )

    def test_a_manager_asks_etcd_alone(self) -> None:
        self.http.post(f'{KEYSTONE}/auth/tokens', status_code=401)
        self.assertEqual(
            ['etcd: ok'], self.connect('--role', 'manager', code=0)
        )

    def test_etcd_that_is_away_hides_nothing_else(self) -> None:
        def refuse(_name: str, _moment: str) -> None:
            raise exceptions.StoreUnavailable('no etcd endpoint answers')

        self.store.interceptor = refuse
        etcd, keystone, _heat = self.connect(code=1)
        self.assertIn('etcd: failed: ', etcd)
        self.assertIn('no etcd endpoint answers', etcd)
        self.assertEqual('Keystone: ok', keystone)

    def test_a_wrong_password_is_told_with_the_options(self) -> None:
        self.http.post(f'{KEYSTONE}/auth/tokens', status_code=401)
        _etcd, keystone, heat = self.connect(code=1)
        self.assertIn('failed: Unauthorized', keystone)
        self.assertIn('[heat] auth_url, ', keystone)
        for name in ('username', 'password', 'user_domain_id'):
            self.assertIn(name, keystone)
        self.assertIn('there is no token', heat)

    def test_a_keystone_that_is_away_is_told(self) -> None:
        for method in (self.http.get, self.http.post):
            method(requests_mock.ANY, exc=requests.ConnectionError)
        _etcd, keystone, _heat = self.connect(code=1)
        self.assertIn('failed: ConnectFailure', keystone)
        self.assertIn(KEYSTONE, keystone)

    def test_a_heat_that_is_away_is_told_with_the_options(self) -> None:
        self.http.get(f'{HEAT}/t1/stacks', exc=requests.ConnectionError)
        _etcd, keystone, heat = self.connect(code=1)
        self.assertEqual('Keystone: ok', keystone)
        self.assertIn('failed: ', heat)
        self.assertIn('[heat] endpoint_override', heat)

    def test_a_login_without_a_project_of_its_own_takes_one(self) -> None:
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'abc'},
            json=fixture.V3Token(),
        )
        projects = self.http.get(
            f'{KEYSTONE}/auth/projects', json={'projects': [{'id': 't2'}]}
        )
        *_others, heat = self.connect(code=0)
        self.assertEqual('Heat: ok', heat)
        self.assertTrue(projects.called)

    def test_a_user_without_any_role_is_told(self) -> None:
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            headers={'X-Subject-Token': 'abc'},
            json=fixture.V3Token(),
        )
        self.http.get(f'{KEYSTONE}/auth/projects', json={'projects': []})
        *_others, heat = self.connect(code=1)
        self.assertIn('no role in any project', heat)

    def test_no_text_shows_a_password(self) -> None:
        """Not even one that a server quotes."""
        self.http.post(
            f'{KEYSTONE}/auth/tokens',
            status_code=401,
            json={'error': {'message': f'{CANARY} is wrong', 'code': 401}},
            headers={'Content-Type': 'application/json'},
        )
        _etcd, keystone, _heat = self.connect(code=1)
        self.assertIn('*** is wrong', keystone)


class UpgradeCheckTest(ConfigTestCase):
    """``esi-worker-status upgrade check``."""

    def check(self, text: str = GOOD) -> tuple[int, dict[str, Any]]:
        """:returns: the exit code, and the checks by their names"""
        output = io.StringIO()
        arguments = ['--config-file', self.config(text)]
        with (
            contextlib.redirect_stdout(output),
            mock.patch.object(store, 'open_store', lambda conf: self.store),
        ):
            code = status.main([*arguments, 'upgrade', 'check', '--json'])
        found = json.loads(output.getvalue())['checks']
        return code, {each['check']: each for each in found}

    def test_all_is_well(self) -> None:
        code, checks = self.check()
        self.assertEqual(0, code, str(checks))

    def test_a_configuration_that_cannot_be_used_is_a_failure(self) -> None:
        code, checks = self.check(f'{GOOD}[worker]\nslots = many\n')
        self.assertEqual(2, code)
        self.assertIn('slots', checks['Configuration']['details'])

    def test_jobs_that_cannot_be_read_deserve_a_look(self) -> None:
        self.store.put(self.keys.job('j'), 'no json')
        code, checks = self.check()
        self.assertEqual(1, code)
        self.assertIn('/jobs/all/j', checks['Unfinished jobs']['details'])

    def test_a_mixture_of_versions_deserves_a_look(self) -> None:
        for name in '12':
            record = WorkerRecord((), 1, 1, extra={'version': name})
            self.store.put(self.keys.worker(name), record.encode())
        code, checks = self.check()
        self.assertEqual(1, code)
        self.assertIn('1, 2', checks['Running versions']['details'])
