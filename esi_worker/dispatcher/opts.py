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

"""Options of the workers, group ``[worker]``."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker.dispatcher.settings import Settings

GROUP = cfg.OptGroup(
    'worker',
    title='Workers',
    help='The processes that take jobs and run the handlers.',
)

OPTS = [
    cfg.IntOpt(
        'processes',
        default=1,
        min=1,
        help='How many worker processes run on this host. A change needs a '
        'restart of the service.',
    ),
    cfg.IntOpt(
        'slots',
        default=8,
        min=1,
        help='How many jobs a process starts at once. Jobs that go on in '
        'their backend take no slot.',
    ),
    cfg.IntOpt(
        'max_in_progress',
        default=5000,
        min=1,
        help='How many jobs a process holds, those in progress included.',
    ),
    cfg.IntOpt(
        'lease_ttl',
        default=30,
        min=2,
        help='Seconds after which the jobs of a process that died without '
        'notice are given to others. Should be at least three times the '
        'timeout of the group etcd.',
    ),
    cfg.FloatOpt(
        'offer_delay',
        default=0.3,
        min=0.0,
        help='Seconds that a ready job is left to the process which the '
        'hash ring names, before any other takes it.',
    ),
    cfg.FloatOpt(
        'call_timeout',
        default=300.0,
        min=1.0,
        help='Seconds after which a call of a handler that does not return '
        'fails its job. A call makes several requests to etcd, Keystone and '
        'Heat, each with a timeout of its own.',
    ),
    cfg.FloatOpt(
        'graceful_timeout',
        default=60.0,
        min=0.0,
        help='Seconds that a process which is being stopped waits for '
        'running calls of handlers, before it hands their jobs over.',
    ),
    cfg.ListOpt(
        'handlers',
        default=[],
        help='Names of the handlers that this host offers. Empty means all '
        'that the configuration of the group resources can ask for.',
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
    group = conf.worker
    return Settings(
        slots=group.slots,
        max_in_progress=group.max_in_progress,
        offer_delay=group.offer_delay,
        call_timeout=group.call_timeout,
    )
