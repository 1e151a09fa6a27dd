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

"""Stand-ins for the HTTP services of Neutron and Octavia.

They keep what they are sent and show it with the members that the real
ones add; everything is active at once. Heat drives them with its own
resource types and clients. They enforce nothing but a quota, where one
is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import server
import json
import threading
from typing import Any
from urllib import parse
import uuid

#: The collections by the last part of their path, with the word for one.
SINGULAR = {
    'networks': 'network',
    'subnets': 'subnet',
    'ports': 'port',
    'security-groups': 'security_group',
    'security-group-rules': 'security_group_rule',
    'loadbalancers': 'loadbalancer',
    'listeners': 'listener',
    'pools': 'pool',
    'members': 'member',
    'healthmonitors': 'healthmonitor',
}
#: What Heat asks for before it makes a security group.
EXTENSION = 'security-group'
#: What the services add to what they are sent.
ADDED: Mapping[str, Mapping[str, Any]] = {
    'network': {'subnets': [], 'mtu': 1500},
    'port': {'mac_address': 'fa:16:3e:00:00:01'},
    'security_group': {'security_group_rules': []},
    'loadbalancer': {'vip_address': '10.0.0.200', 'vip_port_id': 'a-port'},
}


class NetworkServices:
    """Both services behind one port; ``items`` holds all by kind and id."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, dict[str, Any]]] = {
            kind: {} for kind in SINGULAR.values()
        }
        self.quota: dict[str, int] = {}
        services = self

        class Handler(server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get('Content-Length') or 0)
                text = self.rfile.read(length)
                status, body = services.handle(
                    self.command, self.path, json.loads(text or b'{}')
                )
                shown = b'' if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(shown)))
                self.end_headers()
                self.wfile.write(shown)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def all(self, kind: str) -> list[dict[str, Any]]:
        return list(self.items[kind].values())

    def handle(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        url = parse.urlsplit(target)
        parts = url.path.strip('/').split('/')
        if parts[-1] == 'extensions':
            return 200, {'extensions': [{'alias': EXTENSION}]}
        if parts[-2:-1] == ['quotas'] and method == 'PUT':
            # Of all projects, for tests have one each.
            self.quota.update(body['quota'])
            return 200, {'quota': self.quota}
        if parts[-1] in SINGULAR:
            return self._collection(
                method, parts, dict(parse.parse_qsl(url.query)), body
            )
        if len(parts) > 1 and parts[-2] in SINGULAR:
            return self._item(method, SINGULAR[parts[-2]], parts[-1], body)
        return 404, {'error': f'nothing is known of {url.path}'}

    def _collection(
        self, method: str, parts: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        kind, several = SINGULAR[parts[-1]], parts[-1].replace('-', '_')
        if method == 'POST' and several in body:
            made = [self._create(kind, each) for each in body[several]]
            return 201, {several: made}
        if method == 'POST' and self._is_full(kind):
            return 409, _refusal(
                'OverQuota', f"Quota exceeded for resources: ['{kind}']."
            )
        if method == 'POST':
            return 201, {kind: self._create(kind, body[kind])}
        found = [
            item
            for item in self.all(kind)
            if all(
                str(item.get(name)) == value
                for name, value in query.items()
                if name in ('id', 'name')
            )
        ]
        return 200, {several: found}

    def _is_full(self, kind: str) -> bool:
        limit = self.quota.get(kind)
        return limit is not None and len(self.items[kind]) >= limit

    def _create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        item = {
            **ADDED.get(kind, {}),
            'id': str(uuid.uuid4()),
            'status': 'ACTIVE',
            'provisioning_status': 'ACTIVE',
            'operating_status': 'ONLINE',
            **body,
        }
        self.items[kind][item['id']] = item
        if kind == 'security_group_rule':
            group = self.items['security_group'][body['security_group_id']]
            group['security_group_rules'] = [
                *group['security_group_rules'],
                item,
            ]
        return item

    def _item(
        self, method: str, kind: str, id_: str, body: Any
    ) -> tuple[int, Any]:
        item = self.items[kind].get(id_)
        if item is None:
            return 404, _refusal(
                'NotFound', f'{kind} {id_} could not be found'
            )
        if method == 'DELETE':
            del self.items[kind][id_]
            for rule in item.get('security_group_rules', ()):
                self.items['security_group_rule'].pop(rule['id'], None)
            return 204, None
        if method == 'PUT':
            item.update(body[kind])
        return 200, {kind: item}


def _refusal(kind: str, message: str) -> dict[str, Any]:
    """An error as Neutron and as Octavia tell it."""
    error = {'type': kind, 'message': message, 'detail': ''}
    return {'NeutronError': error, 'faultstring': message}
