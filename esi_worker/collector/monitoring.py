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

"""Registers, replaces and takes away targets, for the HTTP API.

All of it changes records in etcd; the collectors see that and act on it
(``coordination``). A target is gone only when nothing of it is left
elsewhere.
"""

from __future__ import annotations

import builtins

from oslo_log import log as logging

from esi_worker.collector import errors
from esi_worker.collector.reporting import Reporter
from esi_worker.collector.target_store import Saved, TargetStore
from esi_worker.collector.targets import Target

LOG = logging.getLogger(__name__)

_ATTEMPTS = 5


class Monitoring:
    """What the HTTP API works with."""

    def __init__(self, targets: TargetStore, reporter: Reporter) -> None:
        self._targets = targets
        self._reporter = reporter

    def create(self, target: Target) -> Saved:
        """Register a target; one that is there already is returned.

        :raises TransientError: nobody knows whether it is registered
        """
        for _ in range(_ATTEMPTS):
            saved = self._targets.save(target)
            if not saved.target.deleting:
                _log(saved)
                return saved
            self.finish_deleting(saved.target)
        raise errors.StillContended(f'target {target.id}', _ATTEMPTS)

    def replace(self, target_id: str, target: Target) -> Saved:
        """Put a description in the place of another one.

        What was published stays until the first value replaces it.

        :raises TargetNotFound: there is none, or it is being deleted
        :raises TargetConflict: something else would be lost
        :raises TransientError: nobody knows whether it is replaced
        """
        saved = self._targets.replace(target_id, target)
        _log(saved)
        return saved

    def get(self, target_id: str) -> Target:
        """:raises TargetNotFound: there is none, or it is being deleted"""
        target = self._targets.get(target_id)
        if target is None or target.deleting:
            raise errors.TargetNotFound(target_id)
        return target

    def list(self) -> builtins.list[Target]:
        """All targets but those that are being deleted."""
        return [each for each in self._targets.list() if not each.deleting]

    def delete(self, target_id: str) -> None:
        """Take a target and what was published for it away.

        :raises TargetNotFound: there is none
        :raises TransientError: it is not gone yet; ask again
        """
        target = self._targets.mark_deleting(target_id)
        if target is None:
            raise errors.TargetNotFound(target_id)
        self.finish_deleting(target)

    def finish_deleting(self, target: Target) -> None:
        """Take a target away that is marked.

        :raises TransientError: it is not gone yet; try again
        """
        self._reporter.withdraw(target)
        self._targets.remove(target)
        LOG.info('Target deleted; target=%s', target)


def _log(saved: Saved) -> None:
    if saved.created:
        LOG.info('Target created; target=%s', saved.target)
    elif saved.previous is not None:
        LOG.info('Target replaced; target=%s', saved.target)
