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

"""Who may see the page, and what a browser may do with it.

Basic authentication, if the options ask for a user; the probes and the
metrics stay open. Every answer tells browsers to load nothing from
elsewhere and to be shown in no frame.
"""

from __future__ import annotations

import base64
import binascii
import hmac

import falcon

#: What needs no login.
OPEN = frozenset(('/metrics', '/healthz', '/readyz'))

_HEADERS = (
    (
        'Content-Security-Policy',
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
    ),
    ('X-Content-Type-Options', 'nosniff'),
    ('X-Frame-Options', 'DENY'),
    ('Referrer-Policy', 'no-referrer'),
)


class Guard:
    """Middleware in front of everything."""

    def __init__(self, username: str | None, password: str | None) -> None:
        """:param username: None lets everybody in"""
        self._expected = (
            None
            if username is None
            else f'{username}:{password or ""}'.encode()
        )

    def process_request(
        self, req: falcon.Request, _resp: falcon.Response
    ) -> None:
        if self._expected is None or req.path in OPEN:
            return
        if not hmac.compare_digest(_given(req), self._expected):
            raise falcon.HTTPUnauthorized(
                title='Who are you?',
                description='the options username and password of the group '
                '[admin] name who may look',
                challenges=['Basic realm="esi-worker", charset="UTF-8"'],
            )

    def process_response(
        self,
        _req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _succeeded: bool,
    ) -> None:
        for name, value in _HEADERS:
            resp.set_header(name, value)
        if resp.get_header('Cache-Control') is None:
            resp.set_header('Cache-Control', 'no-store')


def _given(req: falcon.Request) -> bytes:
    scheme, _, token = (req.auth or '').partition(' ')
    if scheme.lower() != 'basic':
        return b''
    try:
        return base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b''
