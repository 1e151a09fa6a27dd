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

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
import dataclasses
import time

from esi_worker import exceptions, store
from esi_worker.admin import rows
from esi_worker.cli import jobcontrol

_INTERVAL = 0.5
#: Seconds for which a block must stay as it is to be taken for the end;
#: a manager plans again at once when what a resource needs has come.
_SETTLED = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Goal:
    """What a resource is waited for: a version, or its end."""

    path: str
    version: int | None
    name: str
    """The resource as ``<type>:<id>``."""

    @property
    def is_end(self) -> bool:
        return self.version is None


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How far a resource is; ``over`` when it will not go on by itself.

    ``needs`` are the resources that one waits for which is blocked; None
    for one that is not, or whose block has an end or is of another version.
    """

    text: str
    over: bool = False
    failed: bool = False
    needs: frozenset[str] | None = None
    working: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Seen:
    """How far a resource is, and since when, as a monotonic time."""

    standing: Standing
    since: float


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
        """Wait until all is done, or will not be done by itself.

        A blocked resource is not waited for any more when none of those
        that it needs is waited for or has got there.

        :param timeout: seconds
        :raises TerminalError: something has failed, stays blocked, or time
            is up; names what and how far it is
        """
        left = {goal.path: goal for goal in goals}
        hopeful = {goal.name for goal in left.values()}
        seen: dict[str, _Seen] = {}
        end = self._clock() + timeout
        total, failures = len(left), []
        while left:
            self._follow(left, seen)
            for path, failed in list(self._ended(left, seen, hopeful)):
                goal = left.pop(path)
                if failed:
                    hopeful.discard(goal.name)
                    failures.append(f'{path}: {seen[path].standing.text}')
            if left and self._clock() >= end:
                failures += [
                    f'{path}: still {seen[path].standing.text}'
                    for path in left
                ]
                break
            if left:
                self._pause(_INTERVAL)
        if failures:
            text = '\n  '.join(failures)
            raise exceptions.TerminalError(
                f'{len(failures)} of {total} did not get there:\n  {text}'
            )

    def _follow(
        self, left: Mapping[str, Goal], seen: dict[str, _Seen]
    ) -> None:
        """Note and tell what has moved."""
        now = self._clock()
        for path, standing in self._look(left).items():
            if path not in seen or seen[path].standing != standing:
                seen[path] = _Seen(standing, now)
                self._tell(f'{path}: {standing.text}')

    def _ended(
        self,
        left: Iterable[str],
        seen: Mapping[str, _Seen],
        hopeful: Set[str],
    ) -> Iterator[tuple[str, bool]]:
        """What is over, and whether it has failed."""
        settled = self._clock() - _SETTLED
        for path in left:
            standing, since = seen[path].standing, seen[path].since
            if standing.over:
                yield path, standing.failed
            elif (
                standing.needs is not None
                and since <= settled
                and hopeful.isdisjoint(standing.needs)
            ):
                yield path, True

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
        return self._with_retries(goals, standings)

    def _with_retries(
        self, goals: Mapping[str, Goal], standings: dict[str, Standing]
    ) -> dict[str, Standing]:
        """Add why something that is at work does not come to an end."""
        if not any(each.working for each in standings.values()):
            return standings
        retries = {}
        for kv in self._store.range(self._keys.worker('')).items:
            for each in rows.retrying(kv):
                target = jobcontrol.parsed(each.job)
                if target is not None:
                    retries[str(target[0])] = each
        for path, standing in standings.items():
            found = retries.get(goals[path].name)
            if standing.working and found is not None:
                text = f'{standing.text}, {found}'
                standings[path] = dataclasses.replace(standing, text=text)
        return standings


def _reaching(row: rows.ResourceRow, goal: Goal) -> Standing:
    version = goal.version or 0
    if row.published is not None and row.published >= version:
        if row.error or row.worker_state.endswith('_FAILED'):
            return Standing(
                f'{row.worker_state}: {row.error}', over=True, failed=True
            )
        return Standing(row.worker_state or 'done', over=True)
    standing = _on_the_way(
        row, row.accepted is not None and row.accepted >= version
    )
    if not row.blocked or row.blocked_version < version:
        return standing
    return dataclasses.replace(standing, needs=frozenset(row.waits_for))


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
    return Standing('working', working=True)
