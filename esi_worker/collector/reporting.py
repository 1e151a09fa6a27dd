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

"""Hands the results of a poll to the registry and to the syncers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.collector import results
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.registry import Registry
from esi_worker.collector.syncers.base import Syncer
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

LOG = logging.getLogger(__name__)


class Reporter:
    """Knows which syncers a target uses; errors stay with one target."""

    def __init__(
        self,
        catalogue: Catalogue,
        syncers: Mapping[str, Syncer],
        registry: Registry,
    ) -> None:
        self._catalogue = catalogue
        self._syncers = syncers
        self._registry = registry
        self._failing: set[tuple[str, str]] = set()

    def report(
        self, target: Target, reporter: str, found: Sequence[results.Result]
    ) -> bool:
        """Make results known.

        :returns: False when something is still to be published
        """
        done = True
        for result in found:
            before = self._registry.value(target.id, result.name)
            entry = self._registry.record(target, reporter, result)
            if entry is None:
                continue
            if before is None or before.value != entry.value:
                _log_change(target, result, entry.value)
            done &= self._publish(target, entry.key, entry.value)
        return done

    def withdraw(self, target: Target) -> None:
        """Take back everything that was published for a target.

        :raises TransientError: it is to be tried again
        """
        for name, syncer in self._syncers.items():
            if name in target.syncer_properties:
                syncer.withdraw(target)

    def _publish(self, target: Target, name: str, value: Json) -> bool:
        served = self._catalogue.get(target.type)
        if served is not None and name in served.type.unpublished:
            return True
        done = True
        for syncer_name, syncer in self._used(target):
            if name in syncer.report_keys:
                done &= self._try(target, syncer_name, syncer, name, value)
        return done

    def _try(
        self,
        target: Target,
        syncer_name: str,
        syncer: Syncer,
        name: str,
        value: Json,
    ) -> bool:
        failing = (target.id, syncer_name)
        try:
            syncer.publish(target, name, value)
        except exceptions.TransientError as error:
            self._note(failing, target, error)
            return False
        except Exception:
            LOG.exception(
                'A value cannot be published; target=%s syncer=%s',
                target,
                syncer_name,
            )
            return True
        self._failing.discard(failing)
        return True

    def _note(
        self, failing: tuple[str, str], target: Target, error: Exception
    ) -> None:
        """Log the first of several errors in a row."""
        if failing in self._failing:
            return
        self._failing.add(failing)
        LOG.warning(
            'A value is not published yet; target=%s syncer=%s reason=%s',
            target,
            failing[1],
            error,
        )

    def _used(self, target: Target) -> Iterator[tuple[str, Syncer]]:
        for name, syncer in self._syncers.items():
            if name in target.syncer_properties:
                yield name, syncer


def _log_change(target: Target, result: results.Result, value: Json) -> None:
    if result.name != results.STATUS:
        return
    reason = ''
    if isinstance(result, results.Failure):
        reason = f' reason={result.reason}'
    LOG.info('Status changed; target=%s status=%s%s', target, value, reason)
