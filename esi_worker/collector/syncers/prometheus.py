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

"""Shows every number that was seen to Prometheus.

A result such as ``traffic.in`` becomes the gauge
``esi_monitoring_traffic_in``, with the labels of its target. A member of
a value that is a map has its name in the label ``member``. A status is
``esi_monitoring_status``, 1 with the status in the label ``status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import re
import threading
from typing import ClassVar

from prometheus_client import core, registry

from esi_worker.collector.results import STATUS
from esi_worker.collector.syncers import base
from esi_worker.collector.targets import Target
from esi_worker.model.codec import Json

_LABELS = (
    'type',
    'resource_type',
    'resource_id',
    'field_name',
    'tenant_id',
    'target_id',
)
_FORBIDDEN = re.compile(r'[^a-zA-Z0-9_]')
_PREFIX = 'esi_monitoring_'

_Values = dict[str, Json]


class PrometheusSyncer(base.Syncer, registry.Collector):
    """Keeps the last values of all targets, for ``/metrics``."""

    report_keys: ClassVar[frozenset[str] | None] = None
    every_target: ClassVar[bool] = True
    immediate: ClassVar[bool] = True

    def __init__(self, context: base.SyncerContext) -> None:
        super().__init__(context)
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[Target, _Values]] = {}
        context.metrics.register(self)

    def publish(self, target: Target, name: str, value: Json) -> None:
        with self._lock:
            before, values = self._seen.get(target.id, (target, {}))
            if not target.asks_same_as(before):
                values = {}
            self._seen[target.id] = (target, {**values, name: value})

    def withdraw(self, target: Target) -> None:
        self.forget(target.id)

    def forget(self, target_id: str) -> None:
        with self._lock:
            self._seen.pop(target_id, None)

    def describe(self) -> Iterable[core.Metric]:
        # What there will be is not known when it is registered.
        return ()

    def collect(self) -> Iterator[core.Metric]:
        if not self.context.is_certain():
            # What is shown may be old, and another one may know better.
            return
        with self._lock:
            seen = list(self._seen.values())
        families: dict[str, core.GaugeMetricFamily] = {}
        for target, values in seen:
            labels = [str(getattr(target, label)) for label in _LABELS[:-1]]
            labels.append(target.id)
            for name, value in values.items():
                _add(families, name, labels, value)
        yield from families.values()


def _add(
    families: dict[str, core.GaugeMetricFamily],
    name: str,
    labels: list[str],
    value: Json,
) -> None:
    is_status = name == STATUS
    samples = _statuses(value) if is_status else _numbers(value)
    for more, number in samples:
        metric = _PREFIX + _FORBIDDEN.sub('_', name)
        family = families.get(metric)
        if family is None:
            extra = ('member', 'status') if is_status else ('member',)
            family = core.GaugeMetricFamily(
                metric,
                f'The last {name} of monitoring targets.',
                labels=(*_LABELS, *extra),
            )
            families[metric] = family
        family.add_metric([*labels, *more], number)


def _numbers(value: Json) -> Iterator[tuple[tuple[str, ...], float]]:
    parts = value.items() if isinstance(value, dict) else [('', value)]
    for member, part in parts:
        if isinstance(part, int | float) and not isinstance(part, bool):
            yield (member,), float(part)


def _statuses(value: Json) -> Iterator[tuple[tuple[str, ...], float]]:
    parts = value.items() if isinstance(value, dict) else [('', value)]
    for member, part in parts:
        yield (member, str(part)), 1.0
