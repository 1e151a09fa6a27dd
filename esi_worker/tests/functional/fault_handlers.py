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

"""A handler that misbehaves as the resource asks, and keeps a journal.

The tests install it as a package of somebody else's would be: through an
entry point. The field ``noop`` of a resource, an object, says what to do:

``fault``
    in ``start``: ``raise``, ``hang``, ``nonsense`` or ``kill``; while
    polled: ``poll-raise``, ``poll-hang``, ``poll-nonsense``.
``seconds``
    how long ``start`` takes.
``polls``
    so many times the job is still in progress.

Each start is a line of the journal: a count, kept outside of etcd, of
what was really done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
import signal
import threading
from typing import Any

from oslo_config import cfg

from esi_worker import plugins
from esi_worker.handlers import base
from esi_worker.model import Done, InProgress, Job, Outcome

GROUP = 'faulty'


class FaultyHandler(base.Handler):
    """The handler ``faulty``."""

    def __init__(self, context: base.HandlerContext) -> None:
        super().__init__(context)
        self._journal = Path(context.conf[GROUP].journal)
        self._polls: dict[str, int] = {}

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((GROUP, [cfg.StrOpt('journal')]),)

    def start(self, job: Job) -> Outcome:
        self._note(job)
        wishes = _wishes(job)
        _misbehave(wishes.get('fault'))
        if wishes.get('fault') == 'nonsense':
            return {'what': 'is this'}  # type: ignore[return-value]
        threading.Event().wait(float(wishes.get('seconds', 0)))
        self._polls[job.id] = int(wishes.get('polls', 0))
        return self._next(job)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        for job in jobs:
            fault = str(_wishes(job).get('fault'))
            _misbehave(fault.removeprefix('poll-'))
            if fault == 'poll-nonsense':
                return 'nonsense'  # type: ignore[return-value]
        return {job.id: self._next(job) for job in jobs}

    def _next(self, job: Job) -> Outcome:
        left = self._polls[job.id]
        if left > 0:
            self._polls[job.id] = left - 1
            return InProgress(0.1)
        status = f'{job.action.verb}_COMPLETE'
        return Done({'heat_outputs': [], 'orchestration_state': status})

    def _note(self, job: Job) -> None:
        # One write of one line: no other process can break into it.
        with self._journal.open('a') as journal:
            journal.write(f'{job.id}\n')


def _wishes(job: Job) -> Mapping[str, Any]:
    wishes = job.resource_input.get('noop')
    return wishes if isinstance(wishes, dict) else {}


def _misbehave(fault: object) -> None:
    if fault == 'raise':
        raise RuntimeError('a bug of the handler')
    if fault == 'hang':
        threading.Event().wait()
    if fault == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
