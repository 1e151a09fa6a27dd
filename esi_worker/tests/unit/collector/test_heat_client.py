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

"""How the resource of Heat asks the collector."""

from __future__ import annotations

import socket
import threading

from keystoneauth1 import loading
from oslo_config import cfg
import testtools

from esi_worker.collector.heat_plugin import collector_client

#: Long enough for a machine that is busy, and far from for ever.
PATIENCE = 20.0
LOGIN = {
    'username': 'u',
    'password': 'p',
    'user_domain_id': 'd',
    'project_id': 'p',
}


class KeystoneTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.group = collector_client.GROUP
        collector_client._keystone.cache_clear()
        self.addCleanup(collector_client._keystone.cache_clear)
        # It accepts connections and nobody reads what they say.
        silent = self.enterContext(socket.create_server(('127.0.0.1', 0)))
        host, port = silent.getsockname()
        self.configure('auth_type', 'v3password')
        # The options of the plugin are there once it is loaded.
        cfg.CONF.register_opts(
            loading.get_auth_plugin_conf_options('v3password'),
            group=self.group,
        )
        self.configure('auth_url', f'http://{host}:{port}/v3')
        self.configure('request_timeout_second', 1)
        for name, value in LOGIN.items():
            self.configure(name, value)

    def configure(self, name: str, value: object) -> None:
        cfg.CONF.set_override(name, value, self.group)
        self.addCleanup(cfg.CONF.clear_override, name, self.group)

    def test_one_that_never_answers_is_given_up(self) -> None:
        errors: list[Exception] = []

        def ask() -> None:
            try:
                collector_client.request('GET', '/targets', (200,))
            except collector_client.CollectorError as error:
                errors.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(PATIENCE)

        (error,) = errors
        self.assertIn('Keystone gives no token', str(error))
