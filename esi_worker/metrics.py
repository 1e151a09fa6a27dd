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

"""What a process counts and times, for Prometheus.

The lowest layer, so that every other may count. The values live in the
default registry of ``prometheus_client``; who serves them is left to
others. Labels hold words of our own (operations, outcomes, names of
handlers), never the names of resources or anything a user has written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import time

import prometheus_client
from prometheus_client import core, registry

from esi_worker import exceptions, version
from esi_worker import health as healths

#: From a quick read to a request that ran into its timeout, in seconds.
_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
#: From a handler that answers at once to a stack of many servers.
_WORK = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

ETCD_REQUESTS = prometheus_client.Histogram(
    'esi_worker_etcd_request_seconds',
    'Requests to etcd, all endpoints that were tried included.',
    ('operation', 'outcome'),
    buckets=_REQUEST,
)
HEAT_REQUESTS = prometheus_client.Histogram(
    'esi_worker_heat_request_seconds',
    'Requests to Heat, the login at Keystone included.',
    ('method', 'outcome'),
    buckets=_REQUEST,
)
JOB_WAIT = prometheus_client.Histogram(
    'esi_worker_job_wait_seconds',
    'From the making of a job to its claim; only on the elected manager.',
    ('handler',),
    buckets=_WORK,
)
JOB_RUN = prometheus_client.Histogram(
    'esi_worker_job_run_seconds',
    'From the claim of a job to its published result.',
    ('handler', 'outcome'),
    buckets=_WORK,
)
CONFIG_TO_STATE = prometheus_client.Histogram(
    'esi_worker_config_to_state_seconds',
    'From a change in /config to its version in /state; only on the '
    'elected manager.',
    buckets=_WORK,
)
CLAIMS = prometheus_client.Counter(
    'esi_worker_claims', 'Jobs that this worker has claimed.', ('handler',)
)
CLAIMS_LOST = prometheus_client.Counter(
    'esi_worker_claims_lost',
    'Claims that were not ours any more when a result was to be written, '
    'or whose lease was lost.',
)
RETRIES = prometheus_client.Counter(
    'esi_worker_retries',
    'Calls of a handler that are to be made again.',
    ('handler',),
)
WATCH_FAILURES = prometheus_client.Counter(
    'esi_worker_watch_failures', 'Watches that ended with an error.'
)


def outcome_of(error: BaseException) -> str:
    """What a label says of a request that ended with this error."""
    transient = isinstance(error, exceptions.TransientError)
    return 'unavailable' if transient else 'refused'


@contextlib.contextmanager
def timed(
    histogram: prometheus_client.Histogram,
    *labels: str,
    outcome_of: Callable[[BaseException], str] = outcome_of,
) -> Iterator[None]:
    """Time a request; its last label says how it ended.

    :param outcome_of: names the end of one that raised; a success is
        ``ok``
    """
    began = time.monotonic()
    outcome = 'ok'
    try:
        yield
    except BaseException as error:
        outcome = outcome_of(error)
        raise
    finally:
        seconds = time.monotonic() - began
        histogram.labels(*labels, outcome).observe(seconds)


class ProcessCollector(registry.Collector):
    """The signs of life of a process, as it tells them when asked."""

    def __init__(self, role: str, living: healths.Living) -> None:
        self._role = role
        self._living = living

    def describe(self) -> list[core.Metric]:
        """Nothing is asked for when this is registered."""
        return []

    def collect(self) -> Iterator[core.Metric]:
        health = self._living.health()
        info = core.InfoMetricFamily(
            'esi_worker', 'Version and role of the process.'
        )
        info.add_metric((), {'version': version.version(), 'role': self._role})
        yield info
        for name, text, value in (
            ('ready', '1 when the process does its work.', health.ready),
            (
                'watch_silence_seconds',
                'Seconds since the watch of etcd last proved to be alive.',
                health.silence,
            ),
            (
                'watch_alive',
                '1 when the watch proved to be alive within its deadline.',
                health.watching,
            ),
            (
                'lease_seconds',
                'Seconds for which the lease is held for certain.',
                health.lease,
            ),
        ):
            yield core.GaugeMetricFamily(
                f'esi_worker_{name}', text, value=float(value)
            )
        yield from self.own(health)

    def own(self, _health: healths.Health) -> Iterator[core.Metric]:
        """What only processes of this role show."""
        yield from ()
