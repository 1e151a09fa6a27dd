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

from pathlib import Path
from typing import Any
from wsgiref import util

from falcon import testing
import fixtures
import testtools

from esi_worker import exceptions
from esi_worker.collector import authentication
from esi_worker.tests.unit.collector import support


class TestTokens(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.path = Path(folder) / 'tokens'
        self.path.write_text('# for Heat\nsesame\n\nopen\n')
        self.client = self.make()

    def make(self, **options: Any) -> testing.TestClient:
        setting = support.Setting(
            auth='token', token_file=str(self.path), **options
        )
        self.tokens = authentication.Tokens(str(self.path))
        return testing.TestClient(
            authentication.protected(
                setting.collector.application(support.URL),
                setting.context.conf,
                self.tokens,
            )
        )

    def get(self, path: str = '/targets', **headers: str) -> Any:
        return self.client.simulate_get(path, headers=headers)

    def test_without_a_token_nothing_is_shown(self) -> None:
        response = self.get()

        self.assertEqual(401, response.status_code)
        self.assertIn('X-Auth-Token', response.json['description'])

    def test_any_token_of_the_file_will_do(self) -> None:
        for token in ('sesame', 'open'):
            self.assertEqual(
                200, self.get(**{'X-Auth-Token': token}).status_code
            )
            bearer = {'Authorization': f'Bearer {token}'}
            self.assertEqual(200, self.get(**bearer).status_code)

    def test_wrong_tokens_are_refused(self) -> None:
        for token in ('', 'sesam', 'sesame1', '# for Heat', 'Bearer sesame'):
            headers = {'X-Auth-Token': token}
            self.assertEqual(401, self.get(**headers).status_code)

    def test_a_changed_file_counts_at_once(self) -> None:
        new = self.path.with_name('new')
        new.write_text('other\n')
        new.rename(self.path)

        self.assertEqual(
            [200, 401],
            [
                self.get(**{'X-Auth-Token': token}).status_code
                for token in ('other', 'sesame')
            ],
        )

    def test_a_lost_file_leaves_what_was_read(self) -> None:
        self.path.unlink()

        headers = {'X-Auth-Token': 'sesame'}
        self.assertEqual(200, self.get(**headers).status_code)

    def test_open_paths_need_none(self) -> None:
        self.assertEqual(200, self.get('/openapi.json').status_code)
        self.assertEqual(401, self.get('/metrics').status_code)
        self.client = self.make(open_paths=['/metrics'])
        self.assertEqual(200, self.get('/metrics').status_code)

    def test_a_file_without_tokens_is_refused(self) -> None:
        self.path.write_text('# nothing\n')

        error = self.assertRaises(
            exceptions.ConfigurationError,
            authentication.Tokens,
            str(self.path),
        )

        self.assertIn('token_file', str(error))

    def test_no_file_is_refused(self) -> None:
        self.assertRaises(
            exceptions.ConfigurationError, authentication.Tokens, None
        )


class TestRoles(testtools.TestCase):
    """What Keystone's middleware says is taken from its headers."""

    def status(self, roles: str) -> str:
        def inner(environ: Any, start_response: Any) -> list[bytes]:
            start_response('200 OK', [])
            return []

        environ: dict[str, Any] = {'HTTP_X_ROLES': roles}
        util.setup_testing_defaults(environ)
        statuses: list[str] = []
        list(
            authentication.with_roles(inner, ['admin', 'service'])(
                environ, lambda status, _headers: statuses.append(status)
            )
        )
        return statuses[0]

    def test_one_of_the_roles_is_needed(self) -> None:
        self.assertEqual('200 OK', self.status('member,Service'))
        for roles in ('', 'member', 'services'):
            self.assertEqual('403 Forbidden', self.status(roles))


class TestDocument(testtools.TestCase):
    def test_names_the_header_when_one_is_needed(self) -> None:
        for auth, expected in (('none', False), ('token', True)):
            setting = support.Setting(auth=auth)
            client = testing.TestClient(
                setting.collector.application(support.URL)
            )

            shown = client.simulate_get('/openapi.json').json

            self.assertEqual(expected, 'security' in shown)
