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

"""Asking web servers within a time, and no longer than that."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import requests
import urllib3

from esi_worker import exceptions
from esi_worker.collector import deadlines

_CHUNK_BYTES = 16 * 1024
_MEBIBYTE = 1024 * 1024
#: Not all errors of urllib3 are turned into errors of requests.
_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)


class WebError(exceptions.TransientError):
    """The server does not tell."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a server has answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """:raises WebError: it is no JSON"""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise WebError('the server did not answer JSON') from None


def get(
    url: str,
    timeout: float,
    *,
    max_bytes: int = _MEBIBYTE,
    verify: bool | str = True,
) -> Answer:
    """Get a page; redirects are not followed.

    :param timeout: seconds for the whole exchange
    :param verify: as requests has it: False, or a file of authorities
    :raises WebError: there is no answer, or it is too slow or too long
    """
    with deadlines.Limit(timeout) as limit, deadlines.session() as session:
        # A proxy or a netrc file of the environment is not meant for us.
        session.trust_env = False
        try:
            with session.get(
                url,
                timeout=timeout,
                stream=True,
                allow_redirects=False,
                verify=verify,
            ) as response:
                body = _read(response, limit, max_bytes)
                return Answer(response.status_code, body)
        except _ERRORS as error:
            if limit.over:
                raise WebError('the server answers too slowly') from None
            # Its text may hold the URL, and that a password.
            raise WebError(f'no answer ({type(error).__name__})') from error


def _read(
    response: requests.Response, limit: deadlines.Limit, max_bytes: int
) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise WebError('the answer is too long')
    if limit.over:
        # What looks like the end may be none.
        raise WebError('the server answers too slowly')
    return bytes(body)
