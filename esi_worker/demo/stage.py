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

"""What a scenario does: it talks, writes, and waits for what it sees.

All waiting is for published states, with the table of jobs kept up to
date meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import functools
import json
from typing import Any

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.demo.board import Board, Row
from esi_worker.demo.configs import Write
from esi_worker.demo.screen import Screen
from esi_worker.demo.site import DemoFailed

#: Seconds after which a state that does not come is missed.
TIMEOUT = 120.0
_REFRESH = 0.25


class Stage:
    """The REST server's side of etcd, and a view of the job queue."""

    def __init__(
        self,
        target: store.Store,
        screen: Screen,
        names: Mapping[str, str],
        clock: clocks.Clock,
        check: Callable[[], None],
    ) -> None:
        """Prepare to look; nothing is asked yet.

        :param names: what people call the resources, by their ids
        :param check: raises an error when waiting has become useless
        """
        self.board = Board(store.KeyLayout(), names, clock)
        self.screen = screen
        self._keys = store.KeyLayout()
        self._store = target
        self._clock = clock
        self._check = check
        self._states: dict[str, Any] = {}
        self._follower = store.Follower(
            target,
            [self._keys.jobs, self._keys.state('')],
            pulse_key=None,
            silence_deadline=TIMEOUT,
            clock=clock,
        )

    def close(self) -> None:
        self._follower.close()

    def write(self, *writes: Write) -> None:
        """Write desired states, one after the other."""
        for write in writes:
            self.screen.say(f'  writing {write.title}')
            self._store.put(self._keys.config(write.path), write.value)

    def erase(self, write: Write) -> None:
        """The second step of a deletion."""
        self.screen.say(f'  erasing {write.title.partition(",")[0]}')
        self._store.delete(self._keys.config(write.path))
        self._store.delete(self._keys.state(write.path))
        key = self._keys.accepted(write.path)
        self._wait(lambda: self._store.get(key) is None, f'{key} is there')

    def await_done(self, *writes: Write) -> None:
        """Wait until these versions are published.

        :raises DemoFailed: one has an error, or did not come
        """
        for write in writes:
            self._wait(
                functools.partial(self._is_done, write),
                f'there is no state of {write.title}',
            )

    def await_started(self, write: Write) -> None:
        """Wait until a worker works on this version."""
        self._wait(
            lambda: any(row.claimed is not None for row in self._rows(write)),
            f'no worker works on {write.title}',
        )

    def await_idle(self) -> None:
        """Wait until every job has ended."""
        self._wait(
            lambda: all(row.status.is_end for row in self.board.rows),
            'there are jobs that have not ended',
        )

    def state(self, write: Write) -> Any:
        """What is published of a resource, or None."""
        return self._states.get(self._keys.state(write.path))

    def _is_done(self, write: Write) -> bool:
        value = self.state(write)
        if value is None or value['version'] != write.version:
            return False
        if value['error']:
            raise DemoFailed(f'{write.title} has failed: {value["error"]}')
        return all(row.status.is_end for row in self._rows(write))

    def _rows(self, write: Write) -> list[Row]:
        """The jobs of this version."""
        return [
            row
            for row in self.board.rows
            if row.job.resource.id == write.body['id']
            and row.job.version == write.version
        ]

    def _wait(self, reached: Callable[[], bool], otherwise: str) -> None:
        deadline = self._clock.monotonic() + TIMEOUT
        while not reached():
            if self._clock.monotonic() > deadline:
                raise DemoFailed(f'{otherwise} after {TIMEOUT:.0f} s')
            self._look()

    def _look(self) -> None:
        """Take in what has happened."""
        self._check()
        for event in _events(self._follower.poll(_REFRESH)):
            if event.kv.key.startswith(self._keys.jobs):
                row = self.board.apply(event)
                if row is not None:
                    self.screen.changed(self.board, row)
            elif event.type is store.EventType.PUT:
                self._states[event.kv.key] = json.loads(event.kv.value)
        self.screen.refresh(self.board)


def _events(
    item: store.Snapshot | store.WatchBatch | None,
) -> Iterator[store.Event]:
    """What was found, or has changed, as events."""
    if isinstance(item, store.Snapshot):
        for kv in item.items:
            yield store.Event(store.EventType.PUT, kv)
    elif item is not None:
        yield from item.events
