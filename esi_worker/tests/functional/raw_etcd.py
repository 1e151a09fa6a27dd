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

"""etcd by hand: requests to its HTTP gateway, and nothing else.

Nothing of esi-worker is used, so that what tests see and write does not
pass through the code under test. Waiting is on a watch, with a deadline.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
import contextlib
import dataclasses
import http.client
import json
import time
from typing import Any
from urllib import parse

#: Seconds; only a failing test waits for it.
DEADLINE = 120.0

#: Proof of life and the like, which come at any time.
NOISE = ('/esi-worker/pulse/', '/esi-worker/workers/')


def encoded(text: str) -> str:
    """Base64; lone surrogates stand for bytes that are no UTF-8."""
    data = text.encode('utf-8', 'surrogateescape')
    return base64.b64encode(data).decode()


def decoded(text: str) -> str:
    return base64.b64decode(text).decode('utf-8', 'surrogateescape')


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One change of one key; ``value`` is None when it was deleted."""

    revision: int
    key: str
    value: str | None
    lease: int = 0

    @property
    def json(self) -> Any:
        assert self.value is not None
        return json.loads(self.value)

    def __str__(self) -> str:
        return f'{"put" if self.value is not None else "delete"} {self.key}'


class RawEtcd:
    """Requests to the HTTP gateway of an etcd."""

    def __init__(self, endpoint: str) -> None:
        url = parse.urlsplit(endpoint)
        assert url.hostname is not None
        self._address = (url.hostname, url.port or 2379)

    def put(self, key: str, value: str, lease: int = 0) -> int:
        """:returns: the revision"""
        return revision_of(self.post('kv/put', put_request(key, value, lease)))

    def put_json(self, key: str, value: Any) -> int:
        return self.put(key, json.dumps(value))

    def delete(self, key: str) -> int:
        """:returns: how many keys there were"""
        answer = self.post('kv/deleterange', {'key': encoded(key)})
        return int(answer.get('deleted', 0))

    def delete_everything(self) -> None:
        everything = encoded('\0')
        self.post(
            'kv/deleterange', {'key': everything, 'range_end': everything}
        )

    def create(self, key: str, value: str, lease: int = 0) -> bool:
        """Put a key unless it exists."""
        missing = {
            'key': encoded(key),
            'target': 'CREATE',
            'result': 'EQUAL',
            'create_revision': '0',
        }
        put = {'request_put': put_request(key, value, lease)}
        answer = self.post('kv/txn', {'compare': [missing], 'success': [put]})
        return bool(answer.get('succeeded'))

    def entry(self, key: str) -> Event | None:
        answer = self.post('kv/range', {'key': encoded(key)})
        found = answer.get('kvs', [])
        return event_of(found[0], deleted=False) if found else None

    def get(self, key: str) -> str | None:
        found = self.entry(key)
        return None if found is None else found.value

    def json(self, key: str) -> Any:
        found = self.entry(key)
        return None if found is None else found.json

    def keys(self, prefix: str) -> list[str]:
        found = self._below(prefix, keys_only=True)
        return [decoded(entry['key']) for entry in found]

    def values(self, prefix: str) -> list[str]:
        """The values of all keys that begin so."""
        return [decoded(entry['value']) for entry in self._below(prefix)]

    def _below(self, prefix: str, **more: Any) -> list[dict[str, str]]:
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.post(
            'kv/range',
            {'key': encoded(prefix), 'range_end': encoded(end), **more},
        )
        return list(answer.get('kvs', []))

    def revision(self) -> int:
        return revision_of(self.post('kv/range', {'key': encoded('none')}))

    def grant(self, ttl: int) -> int:
        """:returns: the id of a lease"""
        return int(self.post('lease/grant', {'TTL': ttl})['ID'])

    def revoke(self, lease: int) -> None:
        self.post('lease/revoke', {'ID': lease})

    def leases(self) -> set[int]:
        answer = self.post('lease/leases', {})
        return {int(lease['ID']) for lease in answer.get('leases', [])}

    def history(self) -> History:
        """Everything that changes from now on."""
        return History(self.connect(), self.revision() + 1)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._address, timeout=DEADLINE)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        with contextlib.closing(self.connect()) as connection:
            connection.request('POST', f'/v3/{path}', json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        if answer.status != 200:
            raise AssertionError(f'{path}: {answer.status} {text!r}')
        return json.loads(text)


class History:
    """All changes of all keys since a revision, in their order."""

    def __init__(
        self, connection: http.client.HTTPConnection, revision: int
    ) -> None:
        everything = encoded('\0')
        request = {
            'key': everything,
            'range_end': everything,
            'start_revision': str(revision),
        }
        connection.request(
            'POST', '/v3/watch', json.dumps({'create_request': request})
        )
        self.events: list[Event] = []
        self._connection = connection
        self._stream = connection.getresponse()

    def close(self) -> None:
        self._stream.close()
        self._connection.close()

    def put(
        self,
        prefix: str,
        where: Callable[[Event], bool] = lambda _event: True,
        *,
        after: int = 0,
    ) -> Event:
        """Wait until a key that begins so is put.

        :param after: look only at later revisions
        """
        return self.wait(
            f'put {prefix}',
            lambda event: (
                event.key.startswith(prefix)
                and event.value is not None
                and event.revision > after
                and where(event)
            ),
        )

    def deleted(self, prefix: str, *, after: int = 0) -> Event:
        """Wait until a key that begins so is deleted."""
        return self.wait(
            f'delete {prefix}',
            lambda event: (
                event.key.startswith(prefix)
                and event.value is None
                and event.revision > after
            ),
        )

    def state(self, resource: str, version: int) -> Event:
        """Wait for the published state of a version."""
        return self.put(
            f'/state/v2.0/{resource}',
            lambda event: event.json['version'] == version,
        )

    def wait(self, what: str, matches: Callable[[Event], bool]) -> Event:
        """Wait for the first event that matches, from the beginning on."""
        seen = 0
        deadline = time.monotonic() + DEADLINE
        while True:
            for event in self.events[seen:]:
                if matches(event):
                    return event
            seen = len(self.events)
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(self._missing(what))

    def sequence(self, after: int, upto: int) -> list[str]:
        """What happened later than one revision, up to another."""
        return [
            str(event)
            for event in self.events
            if after < event.revision <= upto
            and not event.key.startswith(NOISE)
        ]

    def _read(self, timeout: float) -> bool:
        """Take in the next message; False when none came in time."""
        if timeout <= 0:
            return False
        self._connection.sock.settimeout(timeout)
        try:
            line = self._stream.readline()
        except TimeoutError:
            return False
        if not line:
            raise AssertionError('etcd has ended the watch')
        result = json.loads(line)['result']
        for each in result.get('events', []):
            deleted = each.get('type') == 'DELETE'
            self.events.append(event_of(each['kv'], deleted=deleted))
        return True

    def _missing(self, what: str) -> str:
        lines = [
            f'{event.revision} {event}'
            for event in self.events
            if not event.key.startswith(NOISE)
        ]
        return '\n'.join([f'"{what}" did not happen, but:', *lines])


def put_request(key: str, value: str, lease: int) -> dict[str, Any]:
    return {'key': encoded(key), 'value': encoded(value), 'lease': lease}


def event_of(entry: Mapping[str, Any], *, deleted: bool) -> Event:
    return Event(
        revision=int(entry['mod_revision']),
        key=decoded(entry['key']),
        value=None if deleted else decoded(entry.get('value', '')),
        lease=int(entry.get('lease', 0)),
    )


def revision_of(answer: Any) -> int:
    return int(answer['header']['revision'])
