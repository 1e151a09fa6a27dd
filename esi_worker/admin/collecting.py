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
"""Gauges, computed when Prometheus asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import core

from esi_worker import health as healths
from esi_worker import metrics
from esi_worker.admin.inventory import Inventory, counted
from esi_worker.admin.mirroring import Mirror
from esi_worker.admin.rows import Condition
from esi_worker.admin.timing import Timer

Gauge = core.GaugeMetricFamily


class WorkerCollector(metrics.ProcessCollector):
    """What only a worker knows."""

    def __init__(self, living: healths.Living) -> None:
        super().__init__('worker', living)

    def own(self, health: healths.Health) -> Iterator[core.Metric]:
        claimed = Gauge(
            'esi_worker_claimed_jobs',
            'Jobs that this worker has claimed, by phase.',
            labels=('phase',),
        )
        for phase, count in health.numbers.items():
            claimed.add_metric((phase,), count)
        yield claimed


class ManagerCollector(metrics.ProcessCollector):
    """What only a manager knows; the elected one shows the queue."""

    def __init__(
        self, living: healths.Living, mirror: Mirror, timer: Timer
    ) -> None:
        super().__init__('manager', living)
        self._mirror = mirror
        self._timer = timer

    def own(self, health: healths.Health) -> Iterator[core.Metric]:
        yield Gauge(
            'esi_worker_leader',
            '1 on the elected manager.',
            value=float(health.leading),
        )
        if not health.leading or not self._mirror.inventory.complete:
            return
        inventory = self._mirror.inventory
        yield from self._of_jobs(inventory)
        yield from _of_resources(inventory)
        yield Gauge(
            'esi_worker_workers',
            'Live worker processes.',
            value=len(inventory.workers()),
        )

    def _of_jobs(self, inventory: Inventory) -> Iterator[core.Metric]:
        jobs = inventory.jobs()
        gauge = Gauge(
            'esi_worker_jobs',
            'Unfinished jobs.',
            labels=('state', 'handler'),
        )
        counts = counted((job.state.value, job.handler) for job in jobs)
        for labels, count in counts.items():
            gauge.add_metric(labels, count)
        yield gauge
        longest = Gauge(
            'esi_worker_job_longest_running_seconds',
            'How long the oldest claim has been held, as far as it was seen.',
            labels=('handler',),
        )
        for handler, seconds in self._timer.longest(jobs).items():
            longest.add_metric((handler,), seconds)
        yield longest


def _of_resources(inventory: Inventory) -> Iterator[core.Metric]:
    gauge = Gauge(
        'esi_worker_resources',
        'Resources by type and by where they stand.',
        labels=('type', 'state'),
    )
    counts = counted(
        (inventory.type_of(row.path), row.condition.value)
        for row in inventory.resources()
    )
    types = {labels[0] for labels in counts}
    for name in sorted(types):
        # A state that nothing is in any more has to go back to 0.
        for condition in Condition:
            count = counts.get((name, condition.value), 0)
            gauge.add_metric((name, condition.value), count)
    yield gauge
