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

from oslo_config import cfg, types

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
        help='URL under which clients reach this collector; the links of '
        'targets begin with it. By default that of internal_url.',
    ),
    cfg.URIOpt(
        'internal_url',
        schemes=['http', 'https'],
        help='URL under which other collectors reach this very one, to '
        'show the values of the targets that it polls. By default made of '
        'bind_host, or the name of the host, and port.',
    ),
    cfg.IntOpt(
        'http_threads',
        default=16,
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

_SECURITY = [
    cfg.StrOpt(
        'cert_file',
        help='Certificate (chain) in PEM; with it the collector serves HTTPS.',
    ),
    cfg.StrOpt('key_file', help='Private key of cert_file in PEM.'),
    cfg.StrOpt(
        'client_ca_file',
        help='CA certificates in PEM; with them every client must show a '
        'certificate that one of them has signed.',
    ),
    cfg.StrOpt(
        'peer_ca_file',
        help='CA certificates in PEM that the other collectors are checked '
        'with; by default those of the system.',
    ),
    cfg.StrOpt(
        'auth',
        default='none',
        choices=[
            ('none', 'Whoever reaches the port may do everything.'),
            ('token', 'A request needs a token of token_file.'),
            (
                'keystone',
                'A request needs a token of Keystone, as the group '
                '[keystone_authtoken] says, and one of allowed_roles.',
            ),
        ],
        help='How requests are authenticated.',
    ),
    cfg.StrOpt(
        'token_file',
        help='File of tokens, one a line, for auth = token. A request '
        'carries one in X-Auth-Token or as Authorization: Bearer. The file '
        'is read again when it changes.',
    ),
    cfg.ListOpt(
        'allowed_roles',
        default=['admin', 'service'],
        help='Roles of Keystone that may use the API, for auth = keystone.',
    ),
    cfg.ListOpt(
        'open_paths',
        default=['/healthz', '/readyz', '/openapi.json'],
        help='Paths that are served without authentication. Add /metrics '
        'when Prometheus has no token.',
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
    cfg.Opt(
        'type_intervals',
        type=types.Dict(types.Float(min=0.1)),
        default={},
        help='Seconds between two polls of single types of targets, such '
        'as snmp_device:30,compute:120.',
    ),
    cfg.FloatOpt(
        'poll_jitter',
        default=0.1,
        min=0.0,
        max=1.0,
        help='Part of the interval by which polls are spread at random.',
    ),
    cfg.FloatOpt(
        'start_spread',
        default=20.0,
        min=0.0,
        help='Seconds over which first polls are spread when many targets '
        'come at once: at the start, and from a collector that is gone.',
    ),
    cfg.IntOpt(
        'poll_backoff',
        default=4,
        min=1,
        help='What does not answer is polled more and more rarely, up to '
        'once in so many intervals.',
    ),
    cfg.IntOpt(
        'max_failures',
        default=0,
        min=0,
        help='Number of polls of a target that may fail in a row before '
        'its status is FAIL.',
    ),
    cfg.IntOpt(
        'poll_threads',
        default=256,
        min=2,
        help='Number of polls that run at the same time. Threads are made '
        'when they are needed; what does not answer gets half of them.',
    ),
]

_PUBLISHING = [
    cfg.ListOpt(
        'syncers',
        default=['etcd', 'prometheus'],
        help='Syncers that are enabled. syncer_properties of others are '
        'kept, and mean nothing.',
    ),
    cfg.IntOpt(
        'publish_threads',
        default=8,
        min=2,
        help='Number of values that are published at the same time.',
    ),
    cfg.FloatOpt(
        'retry_interval',
        default=5.0,
        min=0.1,
        help='Seconds until a value that could not be published is tried '
        'again; repeated failures make it longer.',
    ),
    cfg.FloatOpt(
        'orphan_grace',
        default=20.0,
        min=0.0,
        help='Seconds after which a manager sets the status of targets to '
        'FAIL that no collector polls. It needs monitoring_path as the '
        'collectors have it.',
    ),
    cfg.IntOpt(
        'lease_ttl',
        default=10,
        min=2,
        help='Seconds after which other collectors take over the targets '
        'of one that is gone.',
    ),
]

OPTIONS = [*_HTTP, *_SECURITY, *_POLLS, *_PUBLISHING]


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
        backoff=group.poll_backoff,
        intervals=dict(group.type_intervals),
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
