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

"""Creates projects, users, roles and endpoints in a Keystone.

Plain requests of the identity API v3 by an admin's session. Everything
is found first and created only when missing, so that it may be repeated.
"""

from __future__ import annotations

from typing import Any

from keystoneauth1 import session as keystone_session

DOMAIN = 'default'
INTERFACES = ('public', 'internal', 'admin')


class Identity:
    """The part of the identity API that a test or demo needs."""

    def __init__(
        self, session: keystone_session.Session, url: str, region: str
    ) -> None:
        self._session = session
        self._url = url
        self._region = region

    def project(self, name: str) -> str:
        """The id of the project of this name."""
        return self._ensure('project', {'name': name}, domain_id=DOMAIN)

    def role(self, name: str) -> str:
        """The id of the role of this name."""
        return self._ensure('role', {'name': name})

    def user(
        self,
        name: str,
        password: str,
        *,
        project: str,
        roles: tuple[str, ...] = ('member',),
    ) -> str:
        """The id of a user with these roles in the project (by name).

        The password of a user that exists is left as it is.
        """
        user = self._ensure(
            'user', {'name': name}, domain_id=DOMAIN, password=password
        )
        for role in roles:
            self.grant(user, self.project(project), self.role(role))
        return user

    def grant(self, user: str, project: str, role: str) -> None:
        """Give the role, all by id."""
        self._session.put(
            f'{self._url}/projects/{project}/users/{user}/roles/{role}'
        )

    def service(self, kind: str, name: str, url: str) -> str:
        """The id of a catalog entry whose three endpoints have this URL."""
        service = self._ensure('service', {'type': kind, 'name': name})
        for interface in INTERFACES:
            endpoint = self._ensure(
                'endpoint',
                {'service_id': service, 'interface': interface},
                region_id=self._region,
                url=url,
            )
            self._session.patch(
                f'{self._url}/endpoints/{endpoint}',
                json={'endpoint': {'url': url}},
            )
        return service

    def _ensure(self, kind: str, query: dict[str, str], **more: str) -> str:
        answer = self._session.get(f'{self._url}/{kind}s', params=query)
        found: list[dict[str, Any]] = answer.json()[f'{kind}s']
        if found:
            return str(found[0]['id'])
        answer = self._session.post(
            f'{self._url}/{kind}s', json={kind: {**query, **more}}
        )
        return str(answer.json()[kind]['id'])
