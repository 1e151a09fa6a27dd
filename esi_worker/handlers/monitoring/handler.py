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

"""Registers, replaces and removes the monitoring targets of resources.

A create registers one target per section of the template, for the job's
version, and waits a while for their first status, which becomes the
job's ``state_monitoring``. Then it removes the targets of lower
versions. So the value under ``/monitoring`` stays until the new target
has been polled, for the collector lets no lower version touch what a
higher one has published.

The delete of a modify comes before the change itself. What is monitored
then goes on being monitored, and published as its own version, until the
create of the same workflow has put its successor in place: should the
change fail, nothing is left at a stale value. Only targets whose place
another one has taken already are removed. A delete that no create
follows removes everything, and with it the field under ``/monitoring``.

A collector that does not answer makes a job wait, never fail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
import dataclasses
import functools
import threading
from typing import ClassVar

from oslo_log import log as logging

from esi_worker import exceptions, masking, plugins
from esi_worker.handlers import base
from esi_worker.handlers.monitoring import (
    legacy,
    options,
    rendering,
    replacing,
    waiting,
)
from esi_worker.handlers.monitoring.client import (
    CollectorClient,
    CollectorUnavailable,
    KnownTarget,
)
from esi_worker.handlers.monitoring.readers import StateReader
from esi_worker.handlers.monitoring.sections import Section
from esi_worker.handlers.monitoring.waiting import Wait, Watched
from esi_worker.model import (
    Action,
    Config,
    Done,
    Failed,
    InProgress,
    Job,
    Outcome,
    Retry,
    handlers,
)
from esi_worker.model.codec import Json
from esi_worker.model.records import shorten

LOG = logging.getLogger(__name__)

STATE_MONITORING = 'state_monitoring'
#: Seconds after which ``poll`` leaves the other jobs to its next call.
POLL_BUDGET = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class Unanswered(Retry):
    """The collector did not answer."""


class MonitoringHandler(base.Handler):
    """The handler ``monitoring``, also called ``monitoring_worker``."""

    aliases: ClassVar[Sequence[str]] = ('monitoring', 'monitoring_worker')

    def __init__(
        self,
        context: base.HandlerContext,
        collector: CollectorClient | None = None,
    ) -> None:
        super().__init__(context)
        self._group = context.conf[options.GROUP]
        self._collector = collector or CollectorClient(context.conf)
        self._renderer = rendering.SectionRenderer(context)
        self._reader = StateReader(
            context.store, context.keys, context.catalog.types
        )
        self._secret_fields = masking.fields(context.conf)
        self._lock = threading.Lock()
        self._waits: dict[str, Wait] = {}

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((options.GROUP, options.handler_options()),)

    def start(self, job: Job) -> Outcome:
        work = self._remove if job.action.deletes else self._create
        return self._outcome(job, functools.partial(work, job))

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        """As the contract says.

        A collector that is slow gets no more time than ``POLL_BUDGET``;
        when it does not answer for one job, it is not asked for others.
        """
        outcomes: dict[str, Outcome] = {}
        until = self.context.clock.monotonic() + POLL_BUDGET
        for job in jobs:
            if self.context.clock.monotonic() > until:
                break
            outcome = outcomes[job.id] = self._poll(job)
            if isinstance(outcome, Unanswered):
                rest = [each for each in jobs if each.id not in outcomes]
                outcomes.update(self._put_off(rest, outcome))
                break
        return outcomes

    def _put_off(
        self, jobs: Sequence[Job], outcome: Retry
    ) -> dict[str, Outcome]:
        with self._lock:
            for job in jobs:
                self._waits.pop(job.id, None)
        return {job.id: outcome for job in jobs}

    def preview(self, job: Job) -> Sequence[base.Difference]:
        targets = self._targets(job)
        if job.action.deletes:
            return [
                replacing.removal(each)
                for each in self._to_remove(job, targets)
            ]
        values = self._renderer.values(job)
        sections = self._renderer.sections(job, values)
        names = {section.name for section in sections}
        changes = [
            replacing.difference(job, each, targets) for each in sections
        ]
        return [
            *(each for each in changes if each is not None),
            *(
                replacing.removal(each)
                for each in replacing.lower_versions(job, targets)
                if each.field_name not in names
            ),
        ]

    def _poll(self, job: Job) -> Outcome:
        with self._lock:
            wait = self._waits.get(job.id)
        if wait is None:
            return Retry('the job has to be looked at anew')
        return self._outcome(job, functools.partial(self._look, wait))

    def _outcome(self, job: Job, step: Callable[[], Outcome]) -> Outcome:
        """Take a step; remember the job only while it is in progress."""
        try:
            outcome = step()
        except CollectorUnavailable as error:
            outcome = Unanswered(str(error))
        except (exceptions.TransientError, exceptions.ClaimLost) as error:
            outcome = Retry(str(error))
        except exceptions.TerminalError as error:
            outcome = self._failed(job, error)
        if not isinstance(outcome, InProgress):
            with self._lock:
                self._waits.pop(job.id, None)
        return outcome

    # --- create -----------------------------------------------------------

    def _create(self, job: Job) -> Outcome:
        values = self._renderer.values(job)
        try:
            sections = self._renderer.sections(job, values)
            wait = Wait(job, self._register(job, sections))
        except exceptions.TerminalError as error:
            if isinstance(error, exceptions.ClaimLost):
                raise
            return self._failed(job, error, values)
        with self._lock:
            self._waits[job.id] = wait
        return self._look(wait)

    def _register(
        self, job: Job, sections: Iterable[Section]
    ) -> list[Watched]:
        plural = self._renderer.plural(job)
        now = self.context.clock.monotonic()
        watched = []
        for section in sections:
            timeout = section.timeout
            if timeout is None:
                timeout = self._group.status_timeout
            look = self._look_of(job, plural, section)
            watched.append(Watched(section, look, now + timeout))
        return watched

    def _look_of(
        self, job: Job, plural: str, section: Section
    ) -> waiting.Look:
        """Begin to monitor a section; tells how to look at its status."""
        if section.type == legacy.READER:
            self._reader.check(section)
            return functools.partial(self._reader.status, section)
        body = rendering.target_body(job, plural, section)
        target_id = self._collector.register(body, self.context.check_claim())
        LOG.info(
            'Target %s monitors %s of %s for job %s',
            target_id,
            section.name,
            job.resource,
            job.id,
        )
        return functools.partial(
            self._collector.status, target_id, self._group.timeout
        )

    def _look(self, wait: Wait) -> Outcome:
        if not wait.observe(self.context.clock.monotonic()):
            return InProgress(wait.pause(self._group.poll_interval))
        job = wait.job
        self._drop(job, replacing.lower_versions(job, self._targets(job)))
        return Done({STATE_MONITORING: wait.results()})

    # --- delete -----------------------------------------------------------

    def _remove(self, job: Job) -> Outcome:
        self._drop(job, self._to_remove(job, self._targets(job)))
        return Done()

    def _to_remove(
        self, job: Job, targets: Collection[KnownTarget]
    ) -> list[KnownTarget]:
        if self._create_follows(job):
            return replacing.superseded(job, targets)
        if self._is_wanted(job):
            return replacing.lower_versions(job, targets)
        return [each for each in targets if each.version <= job.version]

    def _create_follows(self, job: Job) -> bool:
        """Whether this is the delete of a modify."""
        for name in handlers.MONITORING_HANDLERS:
            prefix = f'{Action.CREATE}:{name}:{job.name}:'
            found = self.context.store.range(self.context.keys.job(prefix))
            if found.items:
                return True
        return False

    def _is_wanted(self, job: Job) -> bool:
        """Whether the resource lives on, if without this monitoring."""
        path = self.context.catalog.types.path(job.resource)
        if path is None:
            return False
        kv = self.context.store.get(self.context.keys.config(path))
        if kv is None:
            return False
        try:
            return not Config.decode(kv.key, kv.value).marked_for_deletion
        except exceptions.DecodeError:
            return True

    def _targets(self, job: Job) -> list[KnownTarget]:
        return self._collector.targets(
            self._renderer.plural(job), job.resource.id, self._group.timeout
        )

    def _drop(self, job: Job, targets: Iterable[KnownTarget]) -> None:
        for target in targets:
            self._collector.delete(target.id, self.context.check_claim())
            LOG.info(
                'Target %s of version %d is removed for job %s',
                target.id,
                target.version,
                job.id,
            )

    def _failed(
        self,
        job: Job,
        error: exceptions.EsiWorkerError,
        values: Mapping[str, Json] | None = None,
    ) -> Failed:
        known = [job.resource_input, values or {}]
        secrets = masking.secrets_in(known, self._secret_fields)
        text = masking.masked(f'{type(error).__name__}: {error}', secrets)
        return Failed(shorten(text))
