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

"""Keystone sessions, one per tenant.

The service user logs in once per tenant. Its token is kept, and replaced
shortly before it expires; the least recently used tenants are forgotten.
All sessions share one pool of connections, and requests keep the pace of
their endpoints. Without Keystone a session only knows the tenant's
endpoint.

An application credential belongs to one project and cannot be scoped to
another one, so with it only that tenant's stacks can be driven.
"""

from __future__ import annotations

import collections
import threading
from typing import Any
from urllib import parse

from keystoneauth1 import exceptions as keystone
from keystoneauth1 import loading, noauth, plugin
from keystoneauth1 import session as keystone_session
import requests

from esi_worker import exceptions
from esi_worker.handlers.heat import errors, options, pacing

_POOL_SIZE = 32
_NOBODY = 'nobody'
_TOO_MANY = 429
#: Options that scope a login; the tenant takes their place.
_SCOPES = (
    'project_id',
    'project_name',
    'project_domain_id',
    'project_domain_name',
    'domain_id',
    'domain_name',
    'system_scope',
    'trust_id',
    'tenant_id',
    'tenant_name',
)
#: Those of them that take the tenant; the latter is that of Keystone v2.
_TENANT = ('project_id', 'tenant_id')
#: These bring their project with them; Keystone refuses any other.
_SCOPED = frozenset(
    (
        'v3applicationcredential',
        'v3oauth1',
        'v3oauth2clientcredential',
        'v3oauth2mtlsclientcredential',
    )
)


class TenantSessions:
    """Hands out sessions; may be used by several threads."""

    def __init__(self, conf: Any) -> None:
        """Check the configuration.

        :raises ConfigurationError: it cannot be used
        """
        self._conf = conf
        self._limit = conf[options.GROUP].max_sessions
        self._lock = threading.Lock()
        self._sessions: collections.OrderedDict[str, Any] = (
            collections.OrderedDict()
        )
        self._transport = _transport(
            pacing.Pacer(conf[options.GROUP].requests_per_second)
        )
        self._auth_type = self._checked_auth_type()
        self._check_login()

    def get(self, tenant: str) -> Any:
        """The tenant's session (``keystoneauth1.session.Session``)."""
        with self._lock:
            session = self._sessions.pop(tenant, None)
            if session is None:
                session = self._make(tenant)
            self._sessions[tenant] = session
            while len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)
            return session

    def check(self, tenant: str) -> None:
        """Make sure that the login works in the tenant; may ask Keystone.

        :raises HeatUnavailable: it belongs to another one
        """
        if self._auth_type not in _SCOPED:
            return
        project = self.get(tenant).get_project_id()
        if project != tenant:
            raise errors.HeatUnavailable(
                f'the login in the group [{options.GROUP}] belongs to the '
                f'project {project} and cannot work for tenant {tenant}; use '
                'an auth_type whose user has a role in every tenant'
            )

    @property
    def has_keystone(self) -> bool:
        """Whether anybody is asked for a token."""
        return self._auth_type not in options.NO_AUTH

    def any_project(self) -> str:
        """Log in without a scope, and find a project to work in.

        :returns: its id, empty if the user has a role in none
        :raises ClientException: of keystoneauth; there is no token
        """
        session = self._make(None)
        session.get_token()
        project = session.get_project_id()
        if project:
            return str(project)
        answer = session.get(
            '/auth/projects',
            endpoint_filter={
                'interface': plugin.AUTH_INTERFACE,
                'version': (3, 0),
            },
        )
        found = [each['id'] for each in answer.json()['projects']]
        return str(found[0]) if found else ''

    def login_options(self) -> dict[str, str]:
        """The options of the login that are set, scopes left out."""
        section = self._conf[options.GROUP].auth_section or options.GROUP
        loader: Any = loading.get_plugin_loader(self._auth_type)
        values = {
            option.dest: self._conf[section].get(option.dest)
            for option in loader.get_options()
            if option.dest not in _SCOPES
        }
        return {name: str(value) for name, value in values.items() if value}

    def endpoint(self, tenant: str) -> str | None:
        """The configured URL for a tenant; None means the catalog's."""
        url = self._conf[options.GROUP].endpoint_override
        return tenant_url(url, tenant) if url else None

    def close(self) -> None:
        self._transport.close()

    def _make(self, tenant: str | None) -> Any:
        if self._auth_type in options.NO_AUTH:
            auth = noauth.NoAuth(endpoint=self.endpoint(tenant or _NOBODY))
        else:
            auth = self._login(tenant)
        return loading.load_session_from_conf_options(
            self._conf, options.GROUP, auth=auth, session=self._transport
        )

    def _login(self, tenant: str | None) -> Any:
        loader: Any = loading.get_plugin_loader(self._auth_type)
        known = {option.dest for option in loader.get_options()}
        if self._auth_type in _SCOPED:
            known = set()
        scope: dict[str, str | None] = dict.fromkeys(known & set(_SCOPES))
        scope.update(dict.fromkeys(known & set(_TENANT), tenant))
        return loading.load_auth_from_conf_options(
            self._conf, options.GROUP, **scope
        )

    def _checked_auth_type(self) -> str:
        group = self._conf[options.GROUP]
        loading.register_auth_conf_options(self._conf, options.GROUP)
        section = group.auth_section or options.GROUP
        auth_type = self._conf[section].auth_type
        if not auth_type:
            raise exceptions.ConfigurationError(
                f'[{section}] auth_type is not set; set it to "password", '
                'or to "none" for a Heat without Keystone'
            )
        if auth_type in options.NO_AUTH and not group.endpoint_override:
            raise exceptions.ConfigurationError(
                f'[{options.GROUP}] endpoint_override is not set; with '
                f'auth_type = {auth_type} nothing else tells where Heat is'
            )
        return str(auth_type)

    def _check_login(self) -> None:
        """Make a session for nobody, for that needs all options."""
        try:
            self._make(_NOBODY)
        except keystone.AuthPluginException as error:
            raise exceptions.ConfigurationError(
                f'[{options.GROUP}] a login of auth_type = '
                f'{self._auth_type} cannot be made: {error}'
            ) from None


def tenant_url(url: str, tenant: str) -> str:
    """The endpoint of one tenant."""
    quoted = parse.quote(tenant, safe='')
    for name in ('project_id', 'tenant_id'):
        for form in (f'%({name})s', f'$({name})s'):
            if form in url:
                return url.replace(form, quoted)
    return f'{url.rstrip("/")}/{quoted}'


class _Adapter(keystone_session.TCPKeepAliveAdapter):
    """A transport that keeps the pace of each endpoint."""

    def __init__(self, pacer: pacing.Pacer) -> None:
        super().__init__(pool_maxsize=_POOL_SIZE)
        self._pacer = pacer

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self._pacer.enter(request.url)
        response = super().send(request, *args, **kwargs)
        code = response.status_code
        closed = self._pacer.saw(request.url, code, response.headers)
        if code == _TOO_MANY and closed:
            response.close()
            raise errors.HeatUnavailable(
                f'HTTP {code}: {parse.urlsplit(request.url).netloc} gets '
                f'too many requests and wants none for {closed:.0f} s',
                after=pacing.apart(closed),
            )
        return response


def _transport(pacer: pacing.Pacer) -> requests.Session:
    transport = requests.Session()
    for scheme in ('http://', 'https://'):
        transport.mount(scheme, _Adapter(pacer))
    return transport
