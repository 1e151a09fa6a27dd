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

"""Registers, monitors and takes away targets.

etcd holds what shall be monitored; this brings what *is* monitored in
line with it: at once for what comes in here, and by comparing all of it
now and then (``reconcile``), which also goes on after a restart with
what a process has left half done.
"""

from __future__ import annotations

import dataclasses

from oslo_log import log as logging

from esi_worker import exceptions
from esi_worker.collector import errors
from esi_worker.collector.catalogue import Catalogue
from esi_worker.collector.polling import Pools
from esi_worker.collector.registry import Registry
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.target_store import Saved, TargetStore
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

_ATTEMPTS = 5


class Monitoring:
    """What the HTTP API and the start of the process work with."""

    def __init__(
        self,
        catalogue: Catalogue,
        targets: TargetStore,
        registry: Registry,
        reporter: Reporter,
        pools: Pools,
    ) -> None:
        self._catalogue = catalogue
        self._targets = targets
        self._registry = registry
        self._reporter = reporter
        self._pools = pools

    def create(self, target: Target) -> Saved:
        """Register a target; one that is there already is returned.

        :raises TransientError: nobody knows whether it is registered
        """
        for _ in range(_ATTEMPTS):
            saved = self._targets.save(target)
            if not saved.target.deleting:
                self._begin(saved)
                return saved
            self._finish_deleting(saved.target)
        raise errors.StillContended(f'target {target.id}', _ATTEMPTS)

    def get(self, target_id: str) -> Target:
        """:raises TargetNotFound: there is none, or it is being deleted"""
        target = self._targets.get(target_id)
        if target is None or target.deleting:
            raise errors.TargetNotFound(target_id)
        return target

    def list(self) -> list[Target]:
        """All targets but those that are being deleted."""
        return [each for each in self._targets.list() if not each.deleting]

    def delete(self, target_id: str) -> None:
        """Take a target and what was published for it away.

        :raises TargetNotFound: there is none
        :raises TransientError: it is not gone yet; ask again
        """
        target = self._targets.mark_deleting(target_id)
        if target is None:
            self._end(target_id)
            raise errors.TargetNotFound(target_id)
        self._finish_deleting(target)
        LOG.info('Target deleted; target=%s', target)

    def reconcile(self) -> None:
        """Monitor exactly what is stored.

        :raises TransientError: the store cannot be read
        """
        # Read first: what is begun meanwhile must not look surplus.
        running = {each.id: each for each in self._registry.targets()}
        stored = {each.id: each for each in self._targets.list()}
        for target in stored.values():
            self._settle(target, running.get(target.id))
        for target_id in running.keys() - stored.keys():
            LOG.info('Target is gone; target=%s', running[target_id])
            self._end(target_id)

    def _settle(self, stored: Target, running: Target | None) -> None:
        """Bring one target in line; what is wrong with it stays its own."""
        try:
            self._bring_in_line(stored, running)
        except exceptions.TransientError as error:
            LOG.warning(
                'Target is not deleted yet; target=%s reason=%s',
                stored,
                error,
            )
        except Exception:
            LOG.exception('Target is not monitored; target=%s', stored)

    def _bring_in_line(self, stored: Target, running: Target | None) -> None:
        if stored.deleting:
            self._finish_deleting(stored)
            LOG.info('Target deleted; target=%s', stored)
        elif self._catalogue.get(stored.type) is None:
            LOG.error(
                'Target is not monitored, its type is unknown; target=%s',
                stored,
            )
        elif running is None or running.revision < stored.revision:
            LOG.info('Target is monitored again; target=%s', stored)
            self._start(stored)

    def _begin(self, saved: Saved) -> None:
        before, target = saved.previous, saved.target
        if saved.created:
            LOG.info('Target created; target=%s', target)
        elif before is not None:
            LOG.info('Target replaced; target=%s', target)
            if before.syncer_properties != target.syncer_properties:
                # The record holds the new state: that is the fence.
                self._reporter.withdraw(
                    dataclasses.replace(before, revision=target.revision)
                )
        running = self._registry.get(target.id)
        if running is None or running.revision < target.revision:
            self._start(target)

    def _start(self, target: Target) -> None:
        self._registry.add(target)
        self._pools.add(target)

    def _end(self, target_id: str) -> None:
        self._pools.remove(target_id)
        self._registry.remove(target_id)

    def _finish_deleting(self, target: Target) -> None:
        self._end(target.id)
        self._reporter.withdraw(target)
        self._targets.remove(target)
