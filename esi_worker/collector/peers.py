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

"""Asks the collector that polls a target for its values."""

from __future__ import annotations

import http
from typing import Any
from urllib import parse

from oslo_log import log as logging
import requests

from esi_worker import exceptions
from esi_worker.collector.ownership import Member

LOG = logging.getLogger(__name__)

#: Marks a request from another collector, which is not passed on again.
HEADER = 'X-ESI-Collector'
_TIMEOUT_SECONDS = 5.0


class OwnerSilent(exceptions.TransientError):
    """The collector that polls a target does not answer."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f'the collector at {url}, which polls this target, does not '
            'answer; ask again'
        )


class Peers:
    """The other collectors, over HTTP."""

    def __init__(
        self,
        identity: str,
        ca_file: str | None = None,
        client_cert: tuple[str, str | None] | None = None,
    ) -> None:
        """:param client_cert: certificate and key to show to them"""
        self._identity = identity
        self._cert = client_cert
        self._verify: bool | str = ca_file or True

    def values(
        self, member: Member, target_id: str, token: str
    ) -> dict[str, Any] | None:
        """What a collector answers when it is asked for a target.

        :param token: that of the request which is answered
        :returns: None when it does not know the target yet
        :raises OwnerSilent: it does not answer
        """
        headers = {HEADER: self._identity}
        if token:
            headers['X-Auth-Token'] = token
        url = f'{member.internal_url}/targets/{parse.quote(target_id, "")}'
        try:
            with requests.Session() as session:
                # A proxy of the environment is not meant for us.
                session.trust_env = False
                answer = session.get(
                    url,
                    headers=headers,
                    timeout=_TIMEOUT_SECONDS,
                    verify=self._verify,
                    cert=self._cert_files(),
                    allow_redirects=False,
                )
            if answer.status_code == http.HTTPStatus.NOT_FOUND:
                return None
            answer.raise_for_status()
            shown = answer.json()
        except (requests.RequestException, ValueError) as error:
            LOG.warning(
                'A collector does not answer; url=%s reason=%s',
                member.internal_url,
                type(error).__name__,
            )
            raise OwnerSilent(member.internal_url) from None
        return shown if isinstance(shown, dict) else None

    def _cert_files(self) -> str | tuple[str, str] | None:
        if self._cert is None:
            return None
        cert, key = self._cert
        return (cert, key) if key else cert
