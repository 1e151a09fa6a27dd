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

"""Whether Keystone gives a token and Heat takes it.

For an operator who has written the group ``[heat]``: the errors that a
worker would only tell in its log. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib import parse

from esi_worker import exceptions, masking
from esi_worker.handlers import base
from esi_worker.handlers.heat import options, sessions, translating

#: The stack that is asked for, and where no project is known, its tenant.
NOBODY = 'esi-worker-probe'


def probe(
    logins: sessions.TenantSessions, ask: Callable[[str], object]
) -> Iterator[base.Probe]:
    """Log in, then ask Heat for something.

    :param ask: asks for a stack in a tenant
    """
    secrets = _secrets(logins)
    tenant, problem = NOBODY, ''
    if logins.has_keystone:
        tenant, problem = _login(logins)
        yield base.Probe('Keystone', masking.masked(problem, secrets))
    if problem:
        problem = 'it was not asked, for there is no token'
    elif not tenant:
        problem = (
            'it was not asked, for the user has no role in any project; give '
            'it one in the project of every tenant'
        )
    else:
        problem = _asked(ask, tenant)
    yield base.Probe('Heat', masking.masked(problem, secrets))


def _login(logins: sessions.TenantSessions) -> tuple[str, str]:
    """A project to work in, and what is wrong."""
    try:
        with translating.addressing():
            return logins.any_project(), ''
    except exceptions.EsiWorkerError as error:
        names = ', '.join(logins.login_options())
        return '', f'{error}; look at [{options.GROUP}] {names}'


def _asked(ask: Callable[[str], object], tenant: str) -> str:
    try:
        ask(tenant)
    except exceptions.EsiWorkerError as error:
        return (
            f'{error}; look at [{options.GROUP}] endpoint_override, or at '
            'region_name, valid_interfaces and service_type, which choose '
            "Heat in Keystone's catalog"
        )
    return ''


def _secrets(logins: sessions.TenantSessions) -> frozenset[str]:
    """What no text may hold; a URL can hold a password too."""
    if not logins.has_keystone:
        return frozenset()
    values = logins.login_options()
    urls = (parse.urlsplit(value) for value in values.values())
    return masking.secrets_in(values) | {
        url.password for url in urls if url.password
    }
