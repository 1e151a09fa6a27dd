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

"""Every kind of login that keystoneauth knows for Heat can be configured."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from keystoneauth1 import loading
import testtools

from esi_worker.handlers.heat import options, sessions
from esi_worker.tests.unit.handlers.heat import scene

#: Its project comes from elsewhere, so a login may be for one tenant only.
WITHOUT_SCOPE = (
    'admin_token',
    'http_basic',
    'v3applicationcredential',
    'v3oauth1',
    'v3oauth2clientcredential',
    'v3oauth2mtlsclientcredential',
)
SCOPED = (
    'password',
    'token',
    'v2password',
    'v2token',
    'v3adfspassword',
    'v3fedkerb',
    'v3kerberos',
    'v3oidcaccesstoken',
    'v3oidcauthcode',
    'v3oidcclientcredentials',
    'v3oidcdeviceauthz',
    'v3oidcpassword',
    'v3password',
    'v3samlpassword',
    'v3token',
    'v3tokenlessauth',
    'v3totp',
    'v3websso',
)
#: The methods of this one keystoneauth cannot read from a file.
OTHERS = ('v3multifactor',)
#: What cannot be any text.
VALUES: dict[str, Any] = {
    'auth_url': 'http://keystone.test:5000/v3',
    'endpoint': 'http://heat.test:8004/v1',
    'redirect_port': 8080,
    'login_timeout': 60,
    'code_challenge_method': None,
}


class AuthTypesTest(testtools.TestCase):
    def login(self, auth_type: str) -> Any:
        """The login of a tenant, with a value for each option."""
        group = options.GROUP
        conf = scene.configuration(
            auth_type=auth_type, endpoint_override='http://heat.test:8004/v1'
        )
        loader: Any = loading.get_plugin_loader(auth_type)
        for option in loader.get_options():
            conf.register_opt(option._to_oslo_opt(), group)
            if option.dest not in sessions._SCOPES:
                value = VALUES.get(option.dest, 'a-value')
                conf.set_override(option.dest, value, group)
        made = sessions.TenantSessions(conf)
        self.addCleanup(made.close)
        return made.get('tenant-1').auth

    def test_all_are_named_here(self) -> None:
        known = {*WITHOUT_SCOPE, *SCOPED, *OTHERS, *options.NO_AUTH}
        available = {
            entry.name
            for entry in metadata.entry_points(group='keystoneauth1.plugin')
            if entry.dist and entry.dist.name == 'keystoneauth1'
        }
        self.assertEqual(set(), available - known)

    def test_login_is_scoped_to_the_tenant(self) -> None:
        # Some need further libraries.
        for auth_type in sorted(
            set(SCOPED) & set(loading.get_available_plugin_names())
        ):
            auth = self.login(auth_type)
            scopes = [
                getattr(auth, name, None)
                for name in ('project_id', '_project_id', 'tenant_id')
            ]
            self.assertIn('tenant-1', scopes, auth_type)

    def test_login_that_brings_its_project_is_made_as_it_is(self) -> None:
        for auth_type in WITHOUT_SCOPE:
            auth = self.login(auth_type)
            self.assertIsNone(getattr(auth, 'project_id', None), auth_type)
