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

"""Who asks an SNMP agent: a community, or a user of version 3.

A user is an entry of the credentials file::

    FIREWALL_COMMUNITY:
      user: monitor
      auth_protocol: sha256      # md5 sha sha224 sha256 sha384 sha512
      auth_password: "eight or more"
      priv_protocol: aes         # des 3des aes aes192 aes256
      priv_password: "eight or more, too"

Without a password there is no authentication, or no privacy.
"""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses

from esi_worker import exceptions
from esi_worker.model.codec import Json

AUTH_PROTOCOLS = ('md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512')
PRIV_PROTOCOLS = ('des', '3des', 'aes', 'aes192', 'aes256')
_MIN_PASSWORD = 8
_FIELDS = (
    'user',
    'auth_protocol',
    'auth_password',
    'priv_protocol',
    'priv_password',
)


class UnusableCredential(exceptions.TransientError):
    """An entry of the credentials file is not what is needed."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f'the entry of the credentials file cannot be used: {problem}'
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Community:
    """The community of version 2c."""

    name: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class SnmpUser:
    """A user of version 3; passwords are pass phrases, or empty."""

    user: str
    auth_protocol: str = 'sha'
    auth_password: str = dataclasses.field(default='', repr=False)
    priv_protocol: str = 'aes'
    priv_password: str = dataclasses.field(default='', repr=False)


def decode(entry: Json) -> Community | SnmpUser:
    """Read what the credentials file, or the target itself, says.

    :raises UnusableCredential: naming the field and the fix
    """
    if isinstance(entry, str):
        return Community(entry)
    if not isinstance(entry, Mapping):
        raise UnusableCredential('give a text or a user of SNMP')
    fields = {}
    for name, value in entry.items():
        if name not in _FIELDS:
            raise UnusableCredential(f'the fields are {", ".join(_FIELDS)}')
        # A password of digits is a number to YAML.
        fields[name] = str(value)
    if not fields.get('user'):
        raise UnusableCredential('"user" is missing')
    user = SnmpUser(**fields)
    _check('auth', user.auth_protocol, user.auth_password, AUTH_PROTOCOLS)
    _check('priv', user.priv_protocol, user.priv_password, PRIV_PROTOCOLS)
    if user.priv_password and not user.auth_password:
        raise UnusableCredential('"priv_password" needs an "auth_password"')
    return user


def _check(
    kind: str, protocol: str, password: str, known: tuple[str, ...]
) -> None:
    if protocol not in known:
        raise UnusableCredential(
            f'"{kind}_protocol" must be one of {", ".join(known)}'
        )
    if password and len(password) < _MIN_PASSWORD:
        raise UnusableCredential(
            f'"{kind}_password" needs {_MIN_PASSWORD} characters or more'
        )
