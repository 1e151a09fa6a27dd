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

"""From options to a store, and the wait for it at start."""

from __future__ import annotations

from pathlib import Path

import fixtures
from oslo_config import cfg
from oslo_config import fixture as config_fixture
import requests
import requests_mock
import testtools

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.store import etcd_client, keys, memory, opening, opts


class OptionsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        # Groups share their options, so overrides have to be taken back.
        self.useFixture(config_fixture.Config(self.conf))
        self.conf([])
        opts.register(self.conf)

    def test_the_defaults_open_a_store_on_this_machine(self) -> None:
        store = opening.open_store(self.conf)

        self.assertEqual('etcd at http://127.0.0.1:2379', str(store))

    def test_an_etcd_that_is_away_is_told_with_the_option(self) -> None:
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        named, unset = folder / 'named.conf', folder / 'unset.conf'
        named.write_text('[etcd]\nendpoints = http://a:1, http://b:1\n')
        unset.write_text('[etcd]\ntimeout = 1\n')
        for files, advice in (
            ([named, unset], f'look at [etcd] endpoints in {named}'),
            ([unset], f'which is not set in {unset}'),
            ([], 'not set, for no configuration was found'),
        ):
            self.conf([], default_config_files=[str(file) for file in files])
            self.assertIn(advice, self.refused())

    def refused(self) -> str:
        """What a store says that nobody answers."""
        with (
            requests_mock.Mocker() as http,
            opening.open_store(self.conf) as store,
        ):
            http.post(requests_mock.ANY, exc=requests.ConnectionError)
            error = self.assertRaises(
                exceptions.StoreUnavailable, store.get, '/'
            )
        return str(error)

    def test_the_prefixes_make_the_layout(self) -> None:
        self.conf.set_override('jobs_prefix', '/a/jobs', 'keys')

        layout = opening.key_layout(self.conf)

        self.assertEqual('/a/jobs/all/1', layout.job('1'))
        self.assertEqual('/config/x', layout.config('x'))

    def test_the_shape_of_states_is_chosen(self) -> None:
        self.assertIs(
            keys.StateShape.NESTED,
            opening.key_layout(self.conf).state_shape,
        )
        self.conf.set_override('state_shape', 'string', 'keys')

        layout = opening.key_layout(self.conf)

        self.assertIs(keys.StateShape.STRING, layout.state_shape)

    def test_prefixes_with_wrong_slashes_are_refused(self) -> None:
        for wrong in ('', '/', 'jobs', '/jobs/', '//jobs', '/a//b'):
            self.assertRaises(
                ValueError,
                self.conf.set_override,
                'jobs_prefix',
                wrong,
                'keys',
            )

    def test_the_password_is_secret(self) -> None:
        secret = {opt.name for opt in opts.ETCD_OPTS if opt.secret}

        self.assertEqual({'password'}, secret)

    def test_every_option_is_listed_with_help(self) -> None:
        groups = {group.name: options for group, options in opts.list_opts()}

        self.assertEqual({'etcd', 'keys'}, set(groups))
        for options in groups.values():
            self.assertTrue(all(opt.help for opt in options))

    def test_wrong_endpoints_are_refused_without_being_shown(self) -> None:
        for wrong in (
            'etcd:2379',
            'ftp://etcd',
            'http://me:hidden@etcd:2379',
            'http://etcd:port',
            'http://etcd:2379/hidden',
            '',
        ):
            error = self.assertRaises(
                exceptions.ConfigurationError,
                etcd_client.split_endpoint,
                wrong,
            )
            self.assertNotIn('hidden', str(error))

    def test_endpoints_are_taken_apart(self) -> None:
        for endpoint, expected in (
            ('http://etcd', ('http', 'etcd', 2379)),
            ('https://etcd:1/', ('https', 'etcd', 1)),
            ('http://[::1]:5', ('http', '::1', 5)),
        ):
            self.assertEqual(expected, etcd_client.split_endpoint(endpoint))


class WaitForStoreTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.store = memory.MemoryStore(clock=self.clock)
        self.store.interceptor = self.intercept
        self.error: Exception | None = exceptions.StoreUnavailable('away')
        self.pauses: list[float] = []

    def intercept(self, name: str, phase: memory.Phase) -> None:
        if self.error is not None:
            raise self.error

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def wait(self, timeout: float) -> None:
        opening.wait_for_store(
            self.store, timeout, clock=self.clock, pause=self.pause
        )

    def test_a_store_that_answers_is_not_waited_for(self) -> None:
        self.error = None

        self.wait(60)

        self.assertEqual([], self.pauses)

    def test_the_pauses_double_until_the_time_is_over(self) -> None:
        error = self.assertRaises(exceptions.StoreUnavailable, self.wait, 60)

        self.assertEqual([1, 2, 4, 8, 16, 16, 13], self.pauses)
        self.assertIn(str(self.store), str(error))
        self.assertIn('away', str(error))

    def test_a_wrong_password_is_not_tried_again(self) -> None:
        self.error = exceptions.StoreAuthError()

        self.assertRaises(exceptions.StoreAuthError, self.wait, 60)

        self.assertEqual([], self.pauses)

    def test_a_service_that_is_stopped_waits_no_longer(self) -> None:
        self.assertRaises(
            exceptions.StoreUnavailable,
            opening.wait_for_store,
            self.store,
            60,
            clock=self.clock,
            pause=lambda _: True,
        )
