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

"""A paste filter for Heat: the tenant in the URL is the caller's project.

Heat's own noauth filter makes every caller an admin of one project, who
sees the stacks of all tenants. Here a caller is an ordinary member of the
project that the URL names, as with a token, so tenants are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
USER = 'member'
NO_TENANT = 'no-tenant'


def filter_factory(
    global_conf: Any,
    **local_conf: Any,
) -> Callable[[Wsgi], Wsgi]:
    """What paste asks for."""
    return tenant_from_path


def tenant_from_path(application: Wsgi) -> Wsgi:
    """Add the headers that a checked token would have given."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.update(headers(tenant_of(environ.get('PATH_INFO', ''))))
        return application(environ, start_response)

    return call


def tenant_of(path: str) -> str:
    """The second part of a path such as ``/v1/<tenant>/stacks``."""
    parts = path.split('/')
    return parts[2] if len(parts) > 2 and parts[2] else NO_TENANT


def headers(tenant: str) -> dict[str, Any]:
    """The WSGI environment of a member of the tenant."""
    return {
        'HTTP_X_IDENTITY_STATUS': 'Confirmed',
        'HTTP_X_PROJECT_ID': tenant,
        'HTTP_X_PROJECT_NAME': tenant,
        'HTTP_X_USER_ID': USER,
        'HTTP_X_USER_NAME': USER,
        'HTTP_X_ROLES': 'member,reader',
        'HTTP_X_SERVICE_CATALOG': {},
        # Heat keeps a user and password with each stack, to act later.
        'HTTP_X_AUTH_USER': USER,
        'HTTP_X_AUTH_KEY': 'unset',
        'HTTP_X_AUTH_URL': 'unset',
    }
