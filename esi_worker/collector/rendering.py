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

"""Targets as the HTTP API shows them, without their credentials.

The members are those of section 2.2 of the reference of monitoring.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

MASK = '***'
#: Members of ``properties``, at any depth, that are not shown.
SECRETS = frozenset(
    ('community_name', 'community', 'login', 'password', 'secret', 'token')
)


def masked(value: Json, secrets: Collection[str] = SECRETS) -> Json:
    """The same value with every secret replaced."""
    if isinstance(value, dict):
        return {
            name: MASK if name.lower() in secrets else masked(member, secrets)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [masked(item, secrets) for item in value]
    return value


class Renderer:
    """Adds where a target is polled and how it is reached."""

    def __init__(
        self,
        base_url: str,
        owner_url: Callable[[Target], str | None],
        secrets: Collection[str] = frozenset(),
    ) -> None:
        """Render for clients that reach this collector under a URL.

        :param owner_url: where the collector that polls a target is
            reached, None when that is this one or nobody knows
        :param secrets: members to mask on top of ``SECRETS``
        """
        self._secrets = SECRETS.union(secrets)
        self._base_url = base_url.rstrip('/')
        self._owner_url = owner_url

    def target(self, target: Target) -> dict[str, Json]:
        """What POST answers, and the list holds."""
        shown = target.to_json()
        for name in ('properties', 'syncer_properties'):
            shown[name] = masked(shown[name], self._secrets)
        monitorer = (self._owner_url(target) or self._base_url).rstrip('/')
        return {
            **shown,
            'monitorer': monitorer,
            'link': f'{monitorer}/targets/{target.id}',
        }
