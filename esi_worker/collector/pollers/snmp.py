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

"""What the pollers of SNMP have in common: whom to ask, and as who."""

from __future__ import annotations

import abc
from collections.abc import Mapping
import hashlib
import os
from typing import Final

from esi_worker.collector.pollers import base, libraries, ports, snmp_users
from esi_worker.collector.pollers.snmp_answers import SnmpError
from esi_worker.collector.pollers.snmp_client import Agent, SnmpClient
from esi_worker.collector.target_types import TEXT, Schema
from esi_worker.collector.targets import Target

_PORT = 161
#: Nobody may find a community by trying.
_KEY = os.urandom(16)
#: Members of ``properties``, required and optional ones.
AGENT: Final[Mapping[str, Schema]] = {
    'device_ip': TEXT,
    'community_name': TEXT,
}
OPTIONAL: Final[Mapping[str, Schema]] = {'port': ports.SCHEMA}


class SnmpPoller(base.Poller, abc.ABC):
    """Base of pollers that ask an SNMP agent.

    ``properties.community_name`` is a community of version 2c, or names
    an entry of the credentials file, which may be a user of version 3;
    ``properties.port`` may name another port than 161.
    """

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self.client = SnmpClient()

    def problems(self, target: Target) -> list[str]:
        missing = libraries.missing('pysnmp')
        return [missing] if missing else []

    def agent(self, target: Target) -> Agent:
        """Whom to ask.

        :raises UnusableCredential: the entry of the file is no user
        :raises SnmpError: the library is missing
        """
        missing = libraries.missing('pysnmp')
        if missing:
            raise SnmpError(missing)
        name = target.properties['community_name']
        return Agent(
            str(target.properties['device_ip']),
            snmp_users.decode(self.context.credentials.resolve(name)),
            ports.number(target.properties.get('port'), _PORT),
        )

    def close(self) -> None:
        self.client.close()


def device(target: Target) -> str:
    """One agent, asked with one community; it may be logged."""
    wanted = target.properties
    community = str(wanted['community_name']).encode()
    digest = hashlib.blake2b(community, digest_size=8, key=_KEY).hexdigest()
    return f'{wanted["device_ip"]}:{wanted.get("port", _PORT)} {digest}'
