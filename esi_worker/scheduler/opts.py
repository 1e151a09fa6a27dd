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

"""Options of the manager, group ``[manager]``."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker.scheduler.world import Settings

GROUP = cfg.OptGroup(
    'manager',
    title='Manager',
    help='The process that turns configs into jobs. Of all that run, one is '
    'elected; the others stand by.',
)

OPTS = [
    cfg.IntOpt(
        'lease_ttl',
        default=10,
        min=2,
        help='Seconds after which a stand-by takes over from a manager that '
        'died without notice. Should be at least three times the timeout '
        'of the group etcd.',
    ),
    cfg.FloatOpt(
        'deletion_guard_timeout',
        default=300.0,
        min=0.0,
        help='Seconds that a deletion waits for resources which still refer '
        'to what is deleted. Then it goes on with a warning.',
    ),
    cfg.FloatOpt(
        'deletion_retry_interval',
        default=300.0,
        min=1.0,
        help='Seconds until a failed deletion of a resource whose config is '
        'gone is tried again.',
    ),
    cfg.FloatOpt(
        'requeue_delay',
        default=0.5,
        min=0.0,
        help='Seconds that a claim may be gone without a result before the '
        'job is made ready again. Workers that write the two separately '
        'need some time between them.',
    ),
    cfg.IntOpt(
        'max_attempts',
        default=5,
        min=1,
        help='How many workers may die while they start a job before it is '
        'given up and reported as failed.',
    ),
    cfg.FloatOpt(
        'resync_interval',
        default=600.0,
        min=0.0,
        help='Seconds in which everything that the manager follows in etcd '
        'is compared once with what it knows, a type at a time, so that a '
        'change which the watch has missed is acted on all the same. Fresh '
        'changes go first. 0 turns it off.',
    ),
    cfg.IntOpt(
        'paced_requests',
        default=10,
        min=1,
        help='How many resources that operators ask to have applied again '
        'in bulk, such as with "template apply", are at work at any time. '
        'The others wait for their turn.',
    ),
]


def list_opts() -> list[tuple[Any, list[Any]]]:
    """The options by group, for the generator of the sample file."""
    return [(GROUP, list(OPTS))]


def register(conf: Any) -> None:
    """Make the options known; doing it twice is no error."""
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def settings(conf: Any) -> Settings:
    """The settings that the group describes."""
    group = conf.manager
    return Settings(
        deletion_guard_timeout=group.deletion_guard_timeout,
        deletion_retry_interval=group.deletion_retry_interval,
        requeue_delay=group.requeue_delay,
        max_attempts=group.max_attempts,
        resync_interval=group.resync_interval,
        paced_requests=group.paced_requests,
    )
