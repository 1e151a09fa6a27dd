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

"""TLS, users and tokens of a real etcd."""

from __future__ import annotations

import logging
from pathlib import Path
import threading
from typing import Any

import fixtures
import requests
import testtools

from esi_worker import embedded, exceptions
from esi_worker.embedded import etcd as embedded_etcd
from esi_worker.store import etcd, etcd_client
from esi_worker.tests.certificates import Authority

PATIENCE = 60.0


class TlsTest(testtools.TestCase):
    """An etcd that wants certificates of its clients."""

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.ours = Authority(folder, 'ours')
        self.theirs = Authority(folder, 'theirs')
        cert, key = self.ours.issue('server')
        tls = embedded_etcd.TlsFiles(self.ours.ca, cert, key, True)
        server = embedded.EtcdServer(folder, unsafe_no_fsync=True, tls=tls)
        self.addCleanup(server.close)
        server.start()
        self.endpoint = server.endpoint
        self.cert, self.key = self.ours.issue('client')

    def open_store(self, *files: Path) -> etcd.EtcdStore:
        tls = etcd_client.Tls(*map(str, files))
        store = etcd.EtcdStore([self.endpoint], timeout=20, tls=tls)
        self.addCleanup(store.close)
        return store

    def test_calls_and_watches_use_the_certificate(self) -> None:
        store = self.open_store(self.ours.ca, self.cert, self.key)

        watch = store.watch({'/a/': 0})
        self.addCleanup(watch.close)
        store.put('/a/1', 'x')

        self.assertIsNotNone(watch.next(PATIENCE))
        watch.close()
        self.assertRaises(exceptions.WatchDisconnected, watch.next, 0)
        # The reader was woken although it waits on TLS.
        reader = watch._reader
        reader.join(PATIENCE)
        self.assertFalse(reader.is_alive())

    def test_an_unknown_server_is_refused(self) -> None:
        store = self.open_store(self.theirs.ca, self.cert, self.key)

        error = self.assertRaises(
            exceptions.StoreUnavailable, store.put, '/a/1', 'x'
        )

        self.assertNotIsInstance(error, exceptions.StoreTimeout)
        self.assertIn('certificate', str(error))

    def test_an_unknown_client_is_refused(self) -> None:
        store = self.open_store(self.ours.ca, *self.theirs.issue('other'))

        self.assertRaises(exceptions.StoreUnavailable, store.put, '/a/1', 'x')

    def test_a_missing_file_is_named(self) -> None:
        error = self.assertRaises(
            exceptions.ConfigurationError,
            self.open_store,
            Path('/nowhere/ca.pem'),
        )

        self.assertIn('/nowhere/ca.pem', str(error))


class AuthTest(testtools.TestCase):
    """An etcd with users, whose tokens do not last."""

    PASSWORD = 'the secret of root'

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.server = embedded.EtcdServer(
            folder,
            unsafe_no_fsync=True,
            extra_args=['--auth-token=simple', '--auth-token-ttl=1'],
        )
        self.addCleanup(self.server.close)
        self.server.start()
        self._enable_users()

    def open_store(
        self, username: str | None, password: str | None
    ) -> etcd.EtcdStore:
        store = etcd.EtcdStore(
            [self.server.endpoint],
            timeout=20,
            username=username,
            password=password,
        )
        self.addCleanup(store.close)
        return store

    def test_the_right_password_is_let_in(self) -> None:
        store = self.open_store('root', self.PASSWORD)

        store.put('/a/1', 'x')

        self.assertIsNotNone(store.get('/a/1'))

    def test_a_token_that_ran_out_is_renewed_unnoticed(self) -> None:
        logged = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        store = self.open_store('root', self.PASSWORD)
        store.put('/a/1', 'x')
        self.let_tokens_run_out()

        store.put('/a/1', 'y')

        self.assertNotIn(self.PASSWORD, logged.output)

    def test_a_watch_renews_the_token_too(self) -> None:
        store = self.open_store('root', self.PASSWORD)
        store.put('/a/1', 'x')
        self.let_tokens_run_out()

        with store.watch({'/a/': 0}) as watch:
            store.put('/a/1', 'y')
            self.assertIsNotNone(watch.next(PATIENCE))

    def let_tokens_run_out(self) -> None:
        """Wait until no token of before is known any more."""
        token = self._token()
        # Nothing tells when etcd forgets a token, and asking renews it.
        threading.Event().wait(3.5)
        rejected = self.assertRaises(
            requests.HTTPError, self._post, 'user/list', {}, token
        )
        self.assertEqual(401, rejected.response.status_code)

    def test_a_wrong_password_is_told_but_not_shown(self) -> None:
        store = self.open_store('root', 'wrong guess')

        error = self.assertRaises(exceptions.StoreAuthError, store.get, '/a/1')

        self.assertNotIn('wrong guess', str(error))
        self.assertNotIn('root', str(error))

    def test_a_user_without_rights_is_told(self) -> None:
        self._post('user/add', {'name': 'guest', 'password': 'guest'})
        store = self.open_store('guest', 'guest')

        self.assertRaises(exceptions.StoreAuthError, store.put, '/a/1', 'x')

    def test_a_store_without_user_says_what_to_set(self) -> None:
        store = self.open_store(None, None)

        error = self.assertRaises(exceptions.StoreAuthError, store.get, '/a/1')

        self.assertIn('username', str(error))

    def test_a_user_is_no_harm_where_there_are_none(self) -> None:
        store = self.open_store('root', self.PASSWORD)
        self._post('auth/disable', {}, self._token())

        store.put('/a/1', 'x')

    def _enable_users(self) -> None:
        self._post('user/add', {'name': 'root', 'password': self.PASSWORD})
        self._post('role/add', {'name': 'root'})
        self._post('user/grant', {'user': 'root', 'role': 'root'})
        self._post('enable', {})

    def _token(self) -> str:
        answer = self._post(
            'authenticate', {'name': 'root', 'password': self.PASSWORD}
        )
        return str(answer['token'])

    def _post(
        self, path: str, body: dict[str, str], token: str | None = None
    ) -> Any:
        path = path.removeprefix('auth/')
        if token is None and path == 'user/add' and body['name'] != 'root':
            token = self._token()
        answer = requests.post(
            f'{self.server.endpoint}/v3/auth/{path}',
            json=body,
            headers={'Authorization': token} if token else {},
            timeout=PATIENCE,
        )
        answer.raise_for_status()
        return answer.json()
