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

"""What a collector counts and times, for Prometheus.

The values live in the default registry of ``prometheus_client``. Labels
hold words of our own, never the names of resources.
"""

from __future__ import annotations

import prometheus_client

from esi_worker.collector.timetable import Lane

#: From a schedule that is kept to one that is given up, in seconds.
_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

LATENESS = prometheus_client.Histogram(
    'esi_collector_poll_lateness_seconds',
    'How late polls begin, compared with their schedule; what failed last '
    'is in the slow lane.',
    ('lane',),
    buckets=_LATENESS,
)
POLLS = prometheus_client.Counter(
    'esi_collector_polls',
    'Polls of pools, by poller; failed ones told nothing of any target.',
    ('poller', 'outcome'),
)
PUBLICATION_FAILURES = prometheus_client.Counter(
    'esi_collector_publication_failures',
    'Values that a syncer could not publish, tries repeated included.',
    ('syncer',),
)
TARGETS = prometheus_client.Gauge(
    'esi_collector_targets', 'Targets that are polled here.'
)
PARTITIONS = prometheus_client.Gauge(
    'esi_collector_partitions', 'Parts of the targets that are ours.'
)


def observe_lateness(seconds: float, lane: Lane) -> None:
    LATENESS.labels(lane.value).observe(seconds)
