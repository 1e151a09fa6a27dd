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

"""The contract between handler plugins and the dispatcher.

A handler does the work of jobs in some backend. It never blocks a
thread while the backend works: ``start`` sets things going, ``poll``
looks at many jobs at once. Both may be called again for the same job
after a crash, so a handler looks at what is there before it changes
anything.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import dataclasses
import enum
from typing import Any, ClassVar

from esi_worker import clock as clocks
from esi_worker import exceptions, plugins, templates
from esi_worker import store as stores
from esi_worker.model import Job, Outcome, Request


@dataclasses.dataclass(frozen=True, slots=True)
class HandlerContext:
    """What a handler gets from the process it lives in.

    ``claim_seconds`` tells for how many seconds the claims of this
    process are ours for certain; ``store`` is for reading.
    """

    conf: Any
    store: stores.Store
    keys: stores.KeyLayout
    catalog: templates.TemplateCatalog
    clock: clocks.Clock
    claim_seconds: Callable[[], float]

    def check_claim(self, margin: float = 1.0) -> float:
        """Make sure that a change may still be made.

        To be called right before every change in a backend; the result
        bounds that request's timeout.

        :param margin: seconds that must be left
        :returns: the seconds left
        :raises ClaimLost: fewer are left
        """
        left = self.claim_seconds()
        if left < margin:
            raise exceptions.ClaimLost(
                'the claim on this job may have ended; nothing is changed'
            )
        return left


@dataclasses.dataclass(frozen=True, slots=True)
class Upkeep:
    """What one step of a periodic task wants written.

    ``requests`` are put to the manager; each transition is applied by
    itself, and none when another worker does the task by then.
    """

    requests: tuple[Request, ...] = ()
    transitions: tuple[stores.Transition, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class PeriodicTask:
    """What one worker of all does from time to time.

    ``interval`` is how many seconds lie between the beginnings of two
    rounds, ``pause`` between two steps of a round. ``run`` does a round;
    it may wait for a backend, and changes nothing in it.
    """

    name: str
    interval: float
    pause: float
    run: Callable[[], Iterator[Upkeep]]


class Change(enum.StrEnum):
    """What happens to a part of a backend."""

    ADD = 'add'
    UPDATE = 'update'
    #: It is made anew, and the old one is taken away.
    REPLACE = 'replace'
    DELETE = 'delete'


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """What a job would do to one part of its backend, such as a resource
    of a stack.

    ``field`` is the property that differs, empty when none is known;
    ``before`` and ``after`` are texts without secrets.
    """

    part: str
    kind: str
    change: Change
    field: str = ''
    before: str = ''
    after: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """Whether something that a handler works with answers.

    ``what`` names it. ``problem`` says why it cannot be used, with the
    names of the options to look at and without secrets; it is empty when
    all is well.
    """

    what: str
    problem: str = ''


class Handler(plugins.Plugin, abc.ABC):
    """Base of all handlers; one instance serves a worker process.

    Calls come from several threads at once.
    """

    #: Other names under which jobs for this handler may exist.
    aliases: ClassVar[Sequence[str]] = ()

    def __init__(self, context: HandlerContext) -> None:
        self.context = context

    @abc.abstractmethod
    def start(self, job: Job) -> Outcome:
        """Set the work of a job going, or find that it is done.

        A ``TransientError`` means ``Retry``; any other exception means
        ``Failed``.
        """

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        """Look at jobs whose last outcome was ``InProgress``.

        :returns: an outcome for each job id; a job that is left out
            stays in progress
        """
        raise exceptions.TerminalError(
            f'{type(self).__name__} reports jobs in progress '
            'but cannot poll them'
        )

    def batches(
        self, due: Sequence[Job], soon: Sequence[Job]
    ) -> Iterable[Sequence[Job]]:
        """Share out the jobs in progress that are to be looked at.

        Each batch goes to a call of ``poll`` of its own, and a few calls
        run at once; batches that find no room are asked for again.

        :param due: the jobs whose time has come, most overdue first
        :param soon: those whose time is half over; they may be taken
            along where a request can just as well ask about more jobs
        :returns: the batches, the most urgent first
        """
        return (due,)

    def preview(self, job: Job) -> Sequence[Difference]:
        """Work out what a job would change, and touch nothing.

        :raises NoPreview: this handler cannot tell
        :raises TransientError, TerminalError: why it cannot tell now
        """
        raise exceptions.NoPreview(
            f'{type(self).__name__} cannot tell what a job would change'
        )

    def probe(self) -> Iterable[Probe]:
        """Ask what the handler works with, and change nothing.

        For an operator who has written a configuration; takes as long as
        the timeouts of the backend.
        """
        return ()

    def periodic_tasks(self) -> Sequence[PeriodicTask]:
        """What one worker that offers this handler is to do from time
        to time, besides jobs."""
        return ()

    def close(self) -> None:
        """Let go of everything; no call follows."""
