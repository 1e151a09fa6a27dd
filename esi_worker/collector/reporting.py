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

"""Hands the results of a poll to the registry and to the syncers.

Polls do not wait for syncers: what is to be published is queued, the
latest value counts, and what fails is tried again with growing pauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import threading

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.collector import errors, metrics, results
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.registry import Entry, Registry
from esi_worker.collector.scheduling import Scheduler
from esi_worker.collector.syncers.base import Syncer
from esi_worker.collector.targets import Target
from esi_worker.collector.timetable import Pace, Verdict
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)

#: The longest pause before something is published again, in tries.
_BACKOFF = 8
_LIMIT = 60.0

#: A hold that lasts longer than this is looked at in between.
_HOLD = Pace(interval=3600.0, limit=3600.0)

_Job = tuple[str, str]


class Reporter:
    """Knows which syncers a target uses; errors stay with one target."""

    def __init__(
        self,
        catalogue: Catalogue,
        syncers: Mapping[str, Syncer],
        registry: Registry,
        publisher: Scheduler,
        retry: float,
    ) -> None:
        """:param retry: seconds until something is published again"""
        self._catalogue = catalogue
        self._syncers = syncers
        self._registry = registry
        self._publisher = publisher
        self._pace = Pace(retry, _LIMIT, jitter=0.5, backoff=_BACKOFF)
        self._lock = threading.Lock()
        self._pending: dict[_Job, set[str]] = {}
        self._errors: dict[_Job, str] = {}

    def report(
        self, target: Target, reporter: str, found: Sequence[results.Result]
    ) -> None:
        """Make results known."""
        for result in found:
            before = self._registry.value(target.id, result.name)
            entry = self._registry.record(target, reporter, result)
            if entry is None:
                continue
            if before is None or before.value != entry.value:
                _log_change(target, result, entry.value)
            self._offer(target, entry)
        if self._registry.get(target.id) is None:
            # It went elsewhere while this was reported.
            self.forget(target.id)

    def again(self, target_id: str) -> None:
        """Look whether the last values are published as they should be."""
        target = self._registry.get(target_id)
        if target is not None:
            for entry in self._registry.values(target_id):
                self._offer(target, entry)

    def clean_up(self, target: Target) -> None:
        """Take back what a replaced description has published, soon."""
        before = target.before()
        for name, syncer in self._syncers.items():
            if before is not None and name in before.syncer_properties:
                self._publisher.add(
                    ('replace', target.id, name),
                    _Replacing(name, syncer, before, target),
                    self._pace,
                )

    def withdraw(self, target: Target) -> None:
        """Take back everything that was published for a target.

        :raises TransientError: it is to be tried again
        """
        for name, syncer in self._syncers.items():
            if syncer.every_target or name in target.syncer_properties:
                syncer.withdraw(target)

    def forget(self, target_id: str) -> None:
        """The target is not polled here any more."""
        for name, syncer in self._syncers.items():
            try:
                syncer.forget(target_id)
            except Exception:
                LOG.exception('A syncer is broken; syncer=%s', name)
            self._publisher.remove((target_id, name))
            self._publisher.remove(('held', target_id, name))
            with self._lock:
                self._pending.pop((target_id, name), None)
                self._errors.pop((target_id, name), None)

    def problems(self, target_id: str) -> dict[str, str]:
        """Why values of a target are not published, by syncer."""
        with self._lock:
            return {
                name: text
                for (owner, name), text in self._errors.items()
                if owner == target_id
            }

    def _offer(self, target: Target, entry: Entry) -> None:
        if entry.value is None or self._is_unpublished(target, entry.key):
            return
        for name, syncer in self._used(target, entry.key):
            try:
                self._offer_to(syncer, (target.id, name), target, entry)
            except Exception:
                LOG.exception(
                    'A syncer is broken; target=%s syncer=%s', target, name
                )

    def _offer_to(
        self, syncer: Syncer, job: _Job, target: Target, entry: Entry
    ) -> None:
        if syncer.immediate:
            self._try(job, syncer, target, entry)
        elif syncer.needs(target, entry.key, entry.value):
            self._queue(job, entry.key)
        if syncer.held_for(target, entry.key, entry.value) > 0:
            self._wait(job)

    def _wait(self, job: _Job) -> None:
        """Offer what is held when its time is over, polled or not."""
        self._publisher.add(('held', *job), lambda: self._end_hold(job), _HOLD)

    def _end_hold(self, job: _Job) -> Verdict:
        target_id, syncer_name = job
        left = self._held_for(target_id, self._syncers[syncer_name])
        if left > 0:
            return Verdict(retry=left)
        self.again(target_id)
        return Verdict(once=True)

    def _held_for(self, target_id: str, syncer: Syncer) -> float:
        """Seconds until none of a target's last values is held."""
        target = self._registry.get(target_id)
        if target is None:
            return 0.0
        return max(
            (
                syncer.held_for(target, entry.key, entry.value)
                for entry in self._registry.values(target_id)
                if entry.value is not None
            ),
            default=0.0,
        )

    def _queue(self, job: _Job, result: str) -> None:
        with self._lock:
            self._pending.setdefault(job, set()).add(result)
        self._publisher.add(job, lambda: self._publish(job), self._pace)

    def _publish(self, job: _Job) -> Verdict:
        target_id, syncer_name = job
        target = self._registry.get(target_id)
        with self._lock:
            names = self._pending.pop(job, set())
        if target is None:
            return Verdict(once=True)
        left = {
            name
            for name in sorted(names)
            if (entry := self._registry.value(target_id, name)) is not None
            and not self._try(job, self._syncers[syncer_name], target, entry)
        }
        if not left:
            return Verdict(once=True)
        with self._lock:
            self._pending.setdefault(job, set()).update(left)
        return Verdict(failed=True)

    def _try(
        self, job: _Job, syncer: Syncer, target: Target, entry: Entry
    ) -> bool:
        """:returns: False when it is to be tried again"""
        try:
            syncer.publish(target, entry.key, entry.value)
        except Exception as error:  # noqa: BLE001 - a syncer is a plugin
            metrics.PUBLICATION_FAILURES.labels(job[1]).inc()
            self._note(job, target, error)
            return False
        with self._lock:
            self._errors.pop(job, None)
        return True

    def _note(self, job: _Job, target: Target, error: Exception) -> None:
        """Log the first of several errors in a row."""
        with self._lock:
            known = job in self._errors
            self._errors[job] = errors.reason_of(error)
        if not known:
            LOG.warning(
                'A value is not published yet; target=%s syncer=%s reason=%s',
                target,
                job[1],
                errors.reason_of(error),
                exc_info=not isinstance(error, exceptions.EsiWorkerError),
            )

    def _is_unpublished(self, target: Target, name: str) -> bool:
        served = self._catalogue.get(target.type)
        return served is not None and name in served.type.unpublished

    def _used(
        self, target: Target, result: str
    ) -> Iterator[tuple[str, Syncer]]:
        for name, syncer in self._syncers.items():
            if not (syncer.every_target or name in target.syncer_properties):
                continue
            if syncer.report_keys is None or result in syncer.report_keys:
                yield name, syncer


class _Replacing:
    """The task that cleans up after a replaced description."""

    def __init__(
        self, name: str, syncer: Syncer, before: Target, after: Target
    ) -> None:
        self._name, self._syncer = name, syncer
        self._before, self._after = before, after

    def __call__(self) -> Verdict:
        try:
            self._syncer.replace(self._before, self._after)
        except exceptions.TransientError as error:
            LOG.warning(
                'What a replaced target has published stays for now; '
                'target=%s syncer=%s reason=%s',
                self._after,
                self._name,
                error,
            )
            return Verdict(failed=True)
        return Verdict(once=True)


def _log_change(target: Target, result: results.Result, value: Json) -> None:
    if result.name != results.STATUS:
        return
    reason = ''
    if isinstance(result, results.Failure):
        reason = f' reason={result.reason}'
    LOG.info('Status changed; target=%s status=%s%s', target, value, reason)
