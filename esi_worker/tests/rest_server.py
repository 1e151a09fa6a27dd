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

"""A fake of the REST server that desired states come from.

It keeps rows like those of the server's database and does what the
reference of the REST server says in sections 1 to 3: every committed
change goes to the config keys, and what workers publish comes back into
the rows by two decisions, which are pure functions of a row
(``with_state`` and ``with_monitoring``).

Left out: everything about its own election, its event log but for the
queue that an outage leaves, and templates of keys; a test picks the path
of a row itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
import dataclasses
import json
from typing import Any

from esi_worker import store


class Dropped(Exception):
    """What a worker wrote is logged as an error and not used."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One resource in the database.

    ``body`` is what the creation set. ``columns`` are all that the
    schema has. ``seen`` is the whole object of the last state that was
    accepted, which is what an extension of the server gets.
    """

    body: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    versioned: bool = True
    config_version: int = 1
    state_version: int = 0
    error: str = ''
    state: str = ''
    monitoring: str = ''
    seen: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def converged(self) -> bool:
        return self.state_version == self.config_version

    def full_body(self) -> dict[str, Any]:
        """What an update writes: unset columns are null."""
        return {**dict.fromkeys(self.columns), **self.body}


def with_state(row: Row, text: str | None) -> Row:
    """What a published state makes of a row (section 2.2).

    :param text: None when the key was deleted
    :raises Dropped: the value has no version
    """
    if not row.versioned or row.converged:
        return row
    value = _object(text)
    version = _number(value.get('version'), 'state')
    if version < row.state_version:
        return row
    return dataclasses.replace(
        row,
        state_version=version,
        error=_text(value, 'error', row.error),
        state=_text(value, 'state', row.state),
        seen=value,
    )


def with_monitoring(row: Row, text: str | None) -> Row:
    """What a monitoring value makes of a row (section 3).

    :raises Dropped: the value lacks a version, or a text
    """
    if not row.versioned or not row.converged:
        return row
    value = _object(text)
    version = _number(value.get('version'), 'monitoring')
    if version != row.config_version:
        return row
    if not isinstance(value.get('monitoring'), str):
        raise Dropped('No monitoring in monitoring information')
    return dataclasses.replace(row, monitoring=value['monitoring'])


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or '')
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any, what: str) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Dropped(f'No version in {what} information')
    return int(value)


def _text(value: Mapping[str, Any], name: str, old: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else old


def encode(value: Any) -> str:
    """JSON as the server's encoder writes it."""
    text = json.dumps(
        value, sort_keys=True, separators=(',', ':'), ensure_ascii=False
    )
    for char in '<>&':
        text = text.replace(char, f'\\u{ord(char):04x}')
    return text


def envelope(body: Mapping[str, Any], version: int) -> str:
    """The value of a config key (section 1.3)."""
    return encode({'body': encode(body), 'version': version})


class RestServer:
    """Writes configs, reads states; a path is what follows ``/config/``.

    ``rows`` are by path. ``dropped`` holds what was logged as an error
    of a worker, each with its key.
    """

    def __init__(self, target: store.Store, keys: store.KeyLayout) -> None:
        self._store = target
        self._keys = keys
        self._events: deque[tuple[str, str | None]] = deque()
        self.rows: dict[str, Row] = {}
        self.dropped: list[str] = []
        self.online = True
        self._watch = self._replay()

    # --- the API ----------------------------------------------------------

    def create(
        self,
        path: str,
        columns: tuple[str, ...] = (),
        *,
        versioned: bool = True,
        **body: Any,
    ) -> None:
        self.rows[path] = Row(body, columns, versioned)
        self._log(path, envelope(body, 1))

    def update(self, path: str, **changes: Any) -> None:
        row = self.rows[path]
        self.rows[path] = dataclasses.replace(
            row,
            body={**row.body, **changes},
            config_version=row.config_version + 1,
        )
        self.resync(path)

    def resync(self, path: str) -> None:
        """Write the present version again."""
        row = self.rows[path]
        version = row.config_version if row.versioned else 0
        self._log(path, envelope(row.full_body(), version))

    def delete(self, path: str) -> None:
        """The row is gone at once; nothing waits for a worker."""
        del self.rows[path]
        self._log(path, None)

    def cascade(self, path: str) -> None:
        """Delete a child by SQL alone: its keys stay."""
        del self.rows[path]

    # --- from the database to the store -----------------------------------

    def _log(self, path: str, value: str | None) -> None:
        self._events.append((path, value))
        self.sync()

    def sync(self) -> None:
        """Write what the event log holds, while the store is there."""
        while self.online and self._events:
            self._write(*self._events[0])
            self._events.popleft()

    def _write(self, path: str, value: str | None) -> None:
        keys = self._keys
        if value is not None:
            self._store.put(keys.config(path), value)
            return
        for key in keys.state(path), keys.monitoring(path), keys.config(path):
            self._store.delete(key)

    # --- from the store to the database -----------------------------------

    def follow(self, timeout: float = 0.0) -> None:
        """Take in what workers have published since the last time.

        :param timeout: seconds to wait for the first change
        """
        events: list[store.Event] = []
        while batch := self._watch.next(timeout):
            events += batch.events
            timeout = 0.0
        events.sort(key=lambda event: event.kv.mod_revision)
        for event in events:
            deleted = event.type is store.EventType.DELETE
            self._take(event.kv.key, None if deleted else event.kv.value)

    def restart(self) -> None:
        """Take over from another server: all that is there is read."""
        self._watch.close()
        self._watch = self._replay()

    def close(self) -> None:
        self._watch.close()

    def _replay(self) -> store.Watch:
        prefixes = (self._keys.state(''), self._keys.monitoring(''))
        listings = [self._store.range(prefix) for prefix in prefixes]
        items = [kv for listing in listings for kv in listing.items]
        for kv in sorted(items, key=lambda kv: kv.mod_revision):
            self._take(kv.key, kv.value)
        return self._store.watch(
            {each.prefix: each.revision + 1 for each in listings}
        )

    def _take(self, key: str, text: str | None) -> None:
        try:
            self._decide(key, text)
        except Dropped as error:
            # Its own deletions come back too and are of no version.
            if text is not None:
                self.dropped.append(f'{key}: {error}')

    def _decide(self, key: str, text: str | None) -> None:
        for prefix, decide in (
            (self._keys.state(''), with_state),
            (self._keys.monitoring(''), with_monitoring),
        ):
            if key.startswith(prefix):
                path = key.removeprefix(prefix)
                if path not in self.rows:
                    raise Dropped('resource not found')
                self.rows[path] = decide(self.rows[path], text)
