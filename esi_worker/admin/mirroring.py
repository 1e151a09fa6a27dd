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
"""Keeps an inventory up to date, in a thread of its own.

A store that is away stops nothing: the inventory stays as it was and
``Follower`` goes on when the store is back.
"""

from __future__ import annotations

import threading
import uuid

from oslo_log import log as logging

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.admin.inventory import Inventory

LOG = logging.getLogger(__name__)

_WAIT = 1.0


class Mirror:
    """An inventory and the thread that feeds it."""

    def __init__(
        self,
        target: store.Store,
        keys: store.KeyLayout,
        inventory: Inventory,
        *,
        silence_deadline: float,
        clock: clocks.Clock,
    ) -> None:
        self.inventory = inventory
        self._follower = store.Follower(
            target,
            Inventory.prefixes(keys),
            pulse_key=keys.pulse(str(uuid.uuid4())),
            silence_deadline=silence_deadline,
            clock=clock,
        )
        self._thread = threading.Thread(
            target=self._run, name='mirror', daemon=True
        )

    @property
    def current(self) -> bool:
        """Whether the inventory shows what is there now."""
        return self.inventory.complete and self._follower.alive

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._follower.close()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._follower.closed:
            item = self._follower.poll(_WAIT)
            if item is None:
                continue
            try:
                self.inventory.take(item)
            except Exception:
                LOG.exception('The page and the metrics miss a change')
