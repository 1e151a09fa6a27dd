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

"""The real services as processes of the kernel."""

from __future__ import annotations

from esi_worker import (
    dispatcher,
    drivers,
    handlers,
    scheduler,
    store,
    templates,
)
from esi_worker.handlers import heat, noop
from esi_worker.handlers.heat import backend
from esi_worker.tests.simulation import kernel as kernels
from esi_worker.tests.simulation import world

MANAGER_TTL = 10
WORKER_TTL = 30
_SILENCE = 20.0
_GRACE = 10.0
#: So few that sometimes none is free.
_SLOTS = 2
#: Shorter than in production, where only the waiting would be longer.
DELETION_GUARD = 20.0
_DELETION_RETRY = 8.0
#: So few that some have to wait.
_PACED = 2


class ManagerProcess(kernels.Process):
    """A candidate for the office of the manager."""

    def __init__(
        self,
        name: str,
        kernel: kernels.Kernel,
        target: store.Store,
        catalog: templates.TemplateCatalog,
        resync_interval: float,
    ) -> None:
        super().__init__(name)
        keys = store.KeyLayout()
        settings = scheduler.Settings(
            deletion_guard_timeout=DELETION_GUARD,
            deletion_retry_interval=_DELETION_RETRY,
            resync_interval=resync_interval,
            paced_requests=_PACED,
        )
        self._candidate = scheduler.Candidate(
            target,
            keys,
            catalog,
            lambda: scheduler.World(
                target,
                keys,
                drivers.DriverSet(catalog),
                catalog.types,
                kernel.clock,
                settings,
            ),
            lease_ttl=MANAGER_TTL,
            silence_deadline=_SILENCE,
            clock=kernel.clock,
        )
        kernel.spawn(self, self._candidate.run)

    def stop(self) -> None:
        self._candidate.stop()


class WorkerProcess(kernels.Process):
    """A worker with a Heat handler of its own."""

    def __init__(
        self,
        name: str,
        kernel: kernels.Kernel,
        target: store.Store,
        catalog: templates.TemplateCatalog,
        stacks: backend.StackBackend,
        drift: float,
    ) -> None:
        """Start to work.

        :param drift: seconds between two searches for drift, 0 for none
        """
        super().__init__(name)
        keys = store.KeyLayout()
        context = handlers.HandlerContext(
            world.configuration(drift),
            target,
            keys,
            catalog,
            kernel.clock,
            lambda: self._worker.claim_seconds(),
        )
        offered: dict[str, handlers.Handler] = {
            'heat_worker': heat.HeatHandler(context, stacks)
        }
        if 'monitoring' in catalog.handlers:
            offered['monitoring'] = noop.NoopHandler(context)
        self._worker = dispatcher.Worker(
            target,
            keys,
            catalog,
            lambda lease, identity: dispatcher.Dispatcher(
                target,
                keys,
                catalog.types,
                offered,
                lease,
                identity,
                kernel.clock,
                dispatcher.Settings(slots=_SLOTS),
            ),
            lease_ttl=WORKER_TTL,
            graceful_timeout=_GRACE,
            silence_deadline=_SILENCE,
            clock=kernel.clock,
            tasks=handlers.periodic_tasks(offered),
        )
        kernel.spawn(self, self._worker.run)

    def stop(self) -> None:
        self._worker.stop()
