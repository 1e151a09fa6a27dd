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

"""Requests to the manager: writing them, waiting for what comes of them.

``submit`` and ``Follow`` serve all commands that ask the manager for
something; ``request list`` shows what was asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
import dataclasses
import time
from typing import Any
import uuid

from esi_worker import clock as clocks
from esi_worker import exceptions, store
from esi_worker.cli import audit, base
from esi_worker.model import Request, RequestOutcome, TypeRegistry

#: Seconds that requests and their answers stay.
TIME_TO_LIVE = 24 * 3600
_AT_ONCE = 100
_INTERVAL = 0.5

COLUMNS = ('ID', 'Action', 'Resource', 'Version', 'By', 'At', 'Answer')


def submit(
    target: store.Store,
    keys: store.KeyLayout,
    requests: Sequence[Request],
    time_to_live: int = TIME_TO_LIVE,
    *,
    clock: clocks.Clock | None = None,
) -> list[str]:
    """Sign requests and write them, all on one lease.

    :param time_to_live: seconds
    :returns: their keys in the same order
    :raises StoreUnavailable: none is written
    :raises StoreTimeout: nobody knows which are
    """
    since = clocks.timestamp(clock or clocks.SystemClock())
    lease = target.grant(time_to_live)
    prefix = uuid.uuid4().hex[:12]
    puts = [
        store.Put(
            keys.request(f'{prefix}-{number:06}'),
            _signed(request, since).encode(),
            lease.id,
        )
        for number, request in enumerate(requests)
    ]
    for start in range(0, len(puts), _AT_ONCE):
        try:
            target.txn((), puts[start : start + _AT_ONCE])
        except exceptions.StoreUnavailable as error:
            if not start:
                raise
            raise exceptions.StoreTimeout(
                f'{start} of {len(puts)} requests are written: {error}'
            ) from error
    return [put.key for put in puts]


def _signed(request: Request, since: str) -> Request:
    return dataclasses.replace(
        request, requested_by=audit.who(), requested_at=since
    )


def take_back(target: store.Store, key: str) -> None:
    """Delete a request, unless its answer comes first."""
    kv = target.get(key)
    if kv is None or Request.decode(key, kv.value).answer is not None:
        return
    target.txn(
        [store.Compare.modified_at(key, kv.mod_revision)], [store.Delete(key)]
    )


class Follow:
    """Follows requests until the jobs that they made are over."""

    def __init__(
        self,
        reader: store.Store,
        keys: store.KeyLayout,
        types: TypeRegistry,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """:param tell: takes a line for each request that is through"""
        self._store = reader
        self._keys = keys
        self._types = types
        self._tell = tell
        self._clock = clock
        self._pause = pause

    def wait(
        self, names: Sequence[str], timeout: float, failures: int
    ) -> None:
        """Wait until all is done; take back the rest when it goes wrong.

        :param names: the keys of the requests
        :param timeout: seconds
        :param failures: so many make an end of what has not begun
        :raises TerminalError: something has failed, or time is up
        """
        left = dict.fromkeys(names)
        end, failed = self._clock() + timeout, 0
        while left:
            for name, text, wrong in list(self._over(list(left))):
                del left[name]
                failed += wrong
                self._tell(text)
            if failures and failed >= failures and left:
                for name in left:
                    take_back(self._store, name)
                raise exceptions.TerminalError(
                    f'{failed} have failed; {len(left)} others that had not '
                    'begun were taken back'
                )
            if left and self._clock() >= end:
                raise exceptions.TerminalError(
                    f'{len(left)} of {len(names)} are not through yet; they '
                    'go on, see "request list"'
                )
            if left:
                self._pause(_INTERVAL)
        if failed:
            raise exceptions.TerminalError(
                f'{failed} of {len(names)} have failed'
            )

    def _over(self, names: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
        """What is through: key, text, and whether it failed."""
        found = self._store.get_many(names)
        requests = {
            name: Request.decode(kv.key, kv.value)
            for name, kv in found.items()
        }
        jobs = [
            self._keys.job(job)
            for request in requests.values()
            if request.answer is not None
            for job in request.answer.jobs
        ]
        running = self._store.get_many(jobs)
        for name in names:
            request = requests.get(name)
            if request is None:
                yield name, f'{name}: it has run out', True
            elif request.answer is not None:
                answer = request.answer
                if any(self._keys.job(job) in running for job in answer.jobs):
                    continue
                yield name, *self._end(request)

    def _end(self, request: Request) -> tuple[str, bool]:
        answer = request.answer
        assert answer is not None
        error = ''
        if answer.outcome is RequestOutcome.ACCEPTED:
            error = self._error(request, answer.jobs)
        elif answer.outcome is RequestOutcome.REFUSED:
            error = answer.reason
        if error:
            return f'{request.resource}: {error}', True
        text = 'done' if answer.jobs else answer.reason or 'done'
        return f'{request.resource}: {text}', False

    def _error(self, request: Request, jobs: Sequence[str]) -> str:
        """The error that one of the jobs has left in the history."""
        path = self._types.path(request.resource)
        if path is None:
            return ''
        for line in base.items(self._store.get(self._keys.history(path))):
            if line.get('job') in jobs and line.get('error'):
                return str(line['error'])
        return ''


class RequestList(base.ListCommand):
    """List what operators have asked the manager for, and the answers."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        found = base.values(self.app.store, self.app.keys.request(''))
        return COLUMNS, [
            (name, *_fields(kv)) for name, kv in sorted(found.items())
        ]


def _fields(kv: store.KeyValue) -> tuple[Any, ...]:
    try:
        request = Request.decode(kv.key, kv.value)
    except exceptions.DecodeError as error:
        return ('', '', '', '', '', f'cannot be read: {error.reason}')
    answer = ''
    if request.answer is not None:
        answer = request.answer.outcome.value
        if request.answer.reason:
            answer = f'{answer}: {request.answer.reason}'
    return (
        request.action,
        str(request.resource),
        '' if request.version is None else request.version,
        request.requested_by,
        request.requested_at,
        answer,
    )
