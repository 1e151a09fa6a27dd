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


"""A stand-in for the HTTP API of Heat, in a process of its own.

It answers at once and works on stacks until it is told to end them, so
what is measured against it is the client alone. It knows as much of the
API as ``heat_worker`` uses. ``GET /account`` tells what was asked, and
when each stack had ended and was first shown so; times are monotonic,
which on Linux all processes share. ``POST /end?seconds=N`` ends all
stacks at random moments within that time.
"""

from __future__ import annotations

import collections
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import random
import re
import sys
import threading
import time
from typing import Any
from urllib import parse
import uuid

_STACK = re.compile(r'^/v1/[^/]+/stacks/(?P<name>[^/]+)/(?P<id>[^/]+)$')
_STACKS = re.compile(r'^/v1/[^/]+/stacks$')
_OUTPUT = {'output_key': 'id', 'output_value': 'x', 'description': 'The id'}


class Stacks:
    """All stacks, and the account of the requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stacks: dict[str, dict[str, Any]] = {}
        self._ends: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self.requests: collections.Counter[str] = collections.Counter()

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        stack_id = str(uuid.uuid4())
        with self._lock:
            self.requests['create'] += 1
            self._stacks[stack_id] = {
                'id': stack_id,
                'stack_name': body['stack_name'],
                'stack_status': 'CREATE_IN_PROGRESS',
                'stack_status_reason': 'Stack CREATE started',
                'tags': body['tags'].split(','),
            }
        return {'stack': {'id': stack_id}}

    def list(self, ids: list[str]) -> dict[str, Any]:
        with self._lock:
            self.requests['list'] += 1
            self.requests['listed'] += len(ids)
            found = [self._shown(each) for each in ids if each in self._stacks]
        return {'stacks': found}

    def get(self, stack_id: str) -> dict[str, Any]:
        with self._lock:
            self.requests['get'] += 1
            return {'stack': {**self._shown(stack_id), 'outputs': [_OUTPUT]}}

    def end(self, seconds: float) -> dict[str, Any]:
        now = time.monotonic()
        with self._lock:
            for stack_id in self._stacks:
                self._ends[stack_id] = now + random.uniform(0, seconds)
        return {}

    def account(self) -> dict[str, Any]:
        with self._lock:
            return {
                'requests': dict(self.requests),
                'ended': self._by_name(self._ends),
                'seen': self._by_name(self._seen),
            }

    def _by_name(self, times: dict[str, float]) -> dict[str, float]:
        return {
            self._stacks[stack_id]['stack_name']: moment
            for stack_id, moment in times.items()
        }

    def _shown(self, stack_id: str) -> dict[str, Any]:
        stack = self._stacks[stack_id]
        now = time.monotonic()
        if self._ends.get(stack_id, now + 1) <= now:
            stack['stack_status'] = 'CREATE_COMPLETE'
            stack['stack_status_reason'] = 'Stack CREATE completed'
            self._seen.setdefault(stack_id, now)
        return stack


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True
    stacks: Stacks

    def do_GET(self) -> None:
        url = parse.urlsplit(self.path)
        stack = _STACK.match(url.path)
        if stack is not None:
            self._answer(200, self.stacks.get(stack['id']))
        elif _STACKS.match(url.path):
            ids = parse.parse_qs(url.query).get('id', [])
            self._answer(200, self.stacks.list(ids))
        else:
            self._answer(200, self.stacks.account())

    def do_POST(self) -> None:
        url = parse.urlsplit(self.path)
        length = int(self.headers.get('Content-Length', 0))
        body = json.loads(self.rfile.read(length) or b'{}')
        if url.path == '/end':
            seconds = parse.parse_qs(url.query)['seconds'][0]
            self._answer(200, self.stacks.end(float(seconds)))
        else:
            self._answer(201, self.stacks.create(body))

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_details: object) -> None:
        """The account is enough."""


def main() -> int:
    """Serve until killed; the first line tells the port."""
    _Handler.stacks = Stacks()
    server = ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
    return 0


if __name__ == '__main__':
    sys.exit(main())
