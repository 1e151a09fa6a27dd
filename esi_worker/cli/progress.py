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

"""Waiting until changes have taken effect, and telling how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import time

from esi_worker import exceptions, store
from esi_worker.admin import rows

_INTERVAL = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """What a resource is waited for: a version, or its end."""

    path: str
    version: int | None

    @property
    def is_end(self) -> bool:
        return self.version is None


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How far a resource is; ``over`` when it will not go on by itself."""

    text: str
    over: bool = False
    failed: bool = False


class Progress:
    """Follows several resources until all of them are through."""

    def __init__(
        self,
        reader: store.Store,
        keys: store.KeyLayout,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """:param tell: takes a line whenever something has moved"""
        self._store = reader
        self._keys = keys
        self._tell = tell
        self._clock = clock
        self._pause = pause

    def wait(self, goals: Iterable[Goal], timeout: float) -> None:
        """Wait until all is done.

        :param timeout: seconds
        :raises TerminalError: something has failed, or time is up; names
            what and how far it is
        """
        left = {goal.path: goal for goal in goals}
        seen: dict[str, Standing] = {}
        end = self._clock() + timeout
        total, failures = len(left), []
        while left:
            for path, standing in self._look(left).items():
                if seen.get(path) != standing:
                    seen[path] = standing
                    self._tell(f'{path}: {standing.text}')
                if standing.over:
                    del left[path]
                    if standing.failed:
                        failures.append(f'{path}: {standing.text}')
            if left and self._clock() >= end:
                failures += [
                    f'{path}: still {seen[path].text}' for path in left
                ]
                break
            if left:
                self._pause(_INTERVAL)
        if failures:
            text = '\n  '.join(failures)
            raise exceptions.TerminalError(
                f'{len(failures)} of {total} did not get there:\n  {text}'
            )

    def _look(self, goals: Mapping[str, Goal]) -> dict[str, Standing]:
        keys = self._keys
        places = (
            keys.config,
            keys.state,
            keys.accepted,
            keys.heat_stack,
            keys.blocked,
        )
        found = self._store.get_many(
            [place(path) for path in goals for place in places]
        )
        standings = {}
        for path, goal in goals.items():
            row = rows.ResourceRow(path)
            rows.take_published(row, found.get(keys.state(path)))
            rows.take_accepted(row, found.get(keys.accepted(path)))
            rows.take_stack(row, found.get(keys.heat_stack(path)))
            rows.take_blocked(row, found.get(keys.blocked(path)))
            end = goal.is_end
            standings[path] = _ending(row) if end else _reaching(row, goal)
        return standings


def _reaching(row: rows.ResourceRow, goal: Goal) -> Standing:
    version = goal.version or 0
    if row.published is not None and row.published >= version:
        if row.error or row.worker_state.endswith('_FAILED'):
            return Standing(
                f'{row.worker_state}: {row.error}', over=True, failed=True
            )
        return Standing(row.worker_state or 'done', over=True)
    return _on_the_way(
        row, row.accepted is not None and row.accepted >= version
    )


def _ending(row: rows.ResourceRow) -> Standing:
    if row.accepted is None and not row.blocked:
        return Standing('gone', over=True)
    if row.stack_status == 'DELETE_FAILED':
        return Standing(f'DELETE_FAILED, is tried again: {row.stack_reason}')
    return _on_the_way(row, True)


def _on_the_way(row: rows.ResourceRow, accepted: bool) -> Standing:
    if row.blocked:
        return Standing(f'blocked: {row.blocked}')
    if not accepted:
        return Standing('waiting for a manager')
    return Standing('working')
