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

"""The ``[collector]`` options, apart from those of the plugins."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker import exceptions, plugins
from esi_worker.collector.pollers.base import Poller
from esi_worker.collector.polling import Timing
from esi_worker.collector.syncers.base import Syncer

GROUP = 'collector'

_HTTP = [
    cfg.HostAddressOpt(
        'bind_host',
        default='127.0.0.1',
        help='Address to listen on.',
    ),
    cfg.PortOpt(
        'port',
        default=7070,
        help='Port to listen on; 0 takes a free one.',
    ),
    cfg.URIOpt(
        'external_url',
        schemes=['http', 'https'],
        help='URL under which others reach this collector; the links of '
        'targets begin with it. By default made of bind_host and port.',
    ),
    cfg.IntOpt(
        'http_threads',
        default=8,
        min=1,
        help='Number of requests served at the same time.',
    ),
    cfg.IntOpt(
        'max_request_bytes',
        default=65536,
        min=1024,
        help='Largest body of a request, in bytes.',
    ),
]

_POLLS = [
    cfg.StrOpt(
        'credentials_file',
        help='YAML file of credentials that targets name in '
        'community_name, login and password instead of holding them. '
        'It is read again when it changes.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        default=60.0,
        min=0.1,
        help='Seconds between two polls of a target. The first poll '
        'happens at once.',
    ),
    cfg.FloatOpt(
        'poll_timeout',
        default=10.0,
        min=0.1,
        help='Seconds that a poll may take; not more than poll_interval.',
    ),
    cfg.FloatOpt(
        'poll_jitter',
        default=0.1,
        min=0.0,
        max=1.0,
        help='Part of poll_interval by which polls are spread at random.',
    ),
    cfg.IntOpt(
        'poll_threads',
        default=16,
        min=1,
        help='Number of polls that run at the same time.',
    ),
    cfg.FloatOpt(
        'retry_interval',
        default=5.0,
        min=0.1,
        help='Seconds until a value that could not be published is polled '
        'and published again.',
    ),
    cfg.FloatOpt(
        'sync_interval',
        default=300.0,
        min=1.0,
        help='Seconds between two comparisons of the targets that are '
        'monitored with those in etcd.',
    ),
]

OPTIONS = [*_HTTP, *_POLLS]


def register(conf: Any) -> None:
    conf.register_opts(OPTIONS, group=GROUP)


def timing(conf: Any) -> Timing:
    """The pace of polls.

    :raises ConfigurationError: a poll may take longer than its interval
    """
    group = conf.collector
    if group.poll_timeout > group.poll_interval:
        raise exceptions.ConfigurationError(
            f'poll_timeout ({group.poll_timeout:g} s) is longer than '
            f'poll_interval ({group.poll_interval:g} s); '
            'lower poll_timeout in [collector]'
        )
    return Timing(
        interval=group.poll_interval,
        timeout=group.poll_timeout,
        retry=group.retry_interval,
        jitter=group.poll_jitter,
    )


def list_opts() -> plugins.OptionGroups:
    """All options of the collector and its plugins, for the sample."""
    groups: dict[str, list[Any]] = {GROUP: list(OPTIONS)}
    classes = (
        *plugins.load_classes(plugins.POLLERS, Poller).values(),
        *plugins.load_classes(plugins.SYNCERS, Syncer).values(),
    )
    for class_ in classes:
        for group, options in class_.options():
            known = groups.setdefault(group, [])
            known.extend(each for each in options if each not in known)
    return list(groups.items())
