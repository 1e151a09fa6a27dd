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

"""A model of the REST server that writes configs.

It creates, updates, marks and removes resources at random, in bursts
and in the wrong order, and reacts to published states as the real one
does: a completed deletion makes it remove the state, then the config.
In the end it puts things in order, so that everything *can* settle: a
child whose parent is gone is deleted, a failed resource is updated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import dataclasses
import json
import random
from typing import Any

from esi_worker import store
from esi_worker.tests.simulation import world
from esi_worker.tests.simulation.world import Place

#: So often a failed resource is updated in the end.
_REPAIRS = 8


@dataclasses.dataclass(slots=True)
class Row:
    """A resource as the REST server's database has it."""

    place: Place
    version: int = 1
    size: int = 0
    marked: bool = False
    repairs: int = 0

    def value(self) -> str:
        body = {
            'id': self.place.id,
            'tenant_id': world.TENANT,
            'size': self.size,
            **self.place.fields,
        }
        return json.dumps(
            {
                'body': json.dumps(body),
                'version': self.version,
                'marked_for_deletion': self.marked,
            }
        )


class RestServer:
    """Writes configs, one request to the store at a time."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        source: random.Random,
        writes: int,
    ) -> None:
        """:param writes: how many config changes it makes at least"""
        self._store = target
        self._keys = keys
        self._random = source
        self._wanted = writes
        self._todo: deque[Callable[[], object]] = deque()
        self.rows: dict[str, Row] = {}
        self.writes = 0
        self._operations = (
            (6, self._update_any),
            (3, self._burst),
            (3, self._create_missing),
            (2, self._mark_any),
            (1, self._mark_family),
            (1, self._vanish_any),
            (1, self._replace_any),
            (1, self._resend_any),
        )

    @property
    def busy(self) -> bool:
        """Whether it still changes things of its own accord."""
        return bool(self._todo) or self.writes < self._wanted

    def act(self) -> None:
        """Send the next request."""
        if not self._todo:
            weights = [weight for weight, _ in self._operations]
            choices = [operation for _, operation in self._operations]
            (operation,) = self._random.choices(choices, weights)
            operation()
        if self._todo:
            self._todo.popleft()()

    def react(self) -> None:
        """Remove what was deleted as it should be."""
        for row in list(self.rows.values()):
            if not row.marked or self._todo:
                continue
            state = self.state(row.place)
            done = state is not None and state['version'] == row.version
            if done and not state['error']:
                self._erase(row)

    def tidy(self) -> None:
        """Make it possible that everything settles."""
        # Parents first, for a failure takes along what comes after it.
        for path in [place.path for place in world.PLACES]:
            row = self.rows.get(path)
            if row is None:
                continue
            orphan = not row.place.parents() <= self.rows.keys()
            if orphan and not row.marked:
                self._mark(row)
            elif row.repairs < _REPAIRS and self._failed(path):
                row.repairs += 1
                self._update(row)
        while self._todo:
            self._todo.popleft()()

    def state(self, place: Place) -> Any:
        """What is published of a resource, or None."""
        kv = self._store.get(self._keys.state(place.path))
        return None if kv is None else json.loads(kv.value)

    def _failed(self, path: str) -> bool:
        row = self.rows[path]
        state = self.state(row.place)
        return bool(
            state and state['error'] and state['version'] == row.version
        )

    # --- what it does -----------------------------------------------------

    def _create_missing(self) -> None:
        missing = [p for p in world.PLACES if p.path not in self.rows]
        if not missing:
            return
        if self._random.random() < 0.15:
            self._create(self._random.choice(missing))
            return
        for place in missing[: self._random.randint(1, 8)]:
            self._create(place)

    def _create(self, place: Place) -> None:
        row = Row(place, size=self._random.randrange(1000))
        self.rows[place.path] = row
        self._put(row)

    def _update_any(self) -> None:
        rows = [row for row in self.rows.values() if not row.marked]
        if rows:
            self._update(self._random.choice(rows))

    def _update(self, row: Row) -> None:
        row.version += 1
        if self._random.random() < 0.9:
            row.size = self._random.randrange(1000)
        self._put(row)

    def _burst(self) -> None:
        rows = [row for row in self.rows.values() if not row.marked]
        if rows:
            row = self._random.choice(rows)
            for _ in range(self._random.randint(3, 5)):
                self._update(row)

    def _mark_any(self) -> None:
        rows = [row for row in self.rows.values() if not row.marked]
        if rows:
            self._mark(self._random.choice(rows))

    def _mark(self, row: Row) -> None:
        row.marked = True
        row.version += 1
        self._put(row)

    def _mark_family(self) -> None:
        """A parent first, then its children: the wrong order."""
        rows = [row for row in self.rows.values() if not row.marked]
        if not rows:
            return
        parent = self._random.choice(rows)
        for row in rows:
            path = parent.place.path
            if row is parent or path in row.place.parents():
                self._mark(row)

    def _vanish_any(self) -> None:
        if self.rows:
            self._erase(self._random.choice(list(self.rows.values())))

    def _replace_any(self) -> None:
        if self.rows:
            row = self._random.choice(list(self.rows.values()))
            self._erase(row)
            self._create(row.place)

    def _resend_any(self) -> None:
        if self.rows:
            self._put(self._random.choice(list(self.rows.values())))

    def _put(self, row: Row) -> None:
        key, value = self._keys.config(row.place.path), row.value()
        self._later(lambda: self._store.put(key, value))

    def _erase(self, row: Row) -> None:
        path = row.place.path
        del self.rows[path]
        state, config = self._keys.state(path), self._keys.config(path)
        self._todo.append(lambda: self._store.delete(state))
        self._later(lambda: self._store.delete(config))

    def _later(self, request: Callable[[], object]) -> None:
        def send() -> None:
            self.writes += 1
            request()

        self._todo.append(send)
