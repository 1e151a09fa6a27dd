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

"""The options of the groups ``[etcd]`` and ``[keys]``."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker.store.keys import StateShape

_PREFIX_PATTERN = r'^(/[^/]+)+$'

ETCD_GROUP = cfg.OptGroup(
    'etcd', title='etcd', help='How the services reach etcd (3.4 or newer).'
)
ETCD_OPTS = [
    cfg.ListOpt(
        'endpoints',
        default=['http://127.0.0.1:2379'],
        help='URLs of the members of the etcd cluster, separated by commas, '
        'such as https://etcd-1:2379. The member that answered last is used '
        'until it fails; list all members, or the address of a load '
        'balancer.',
    ),
    cfg.StrOpt(
        'ca_cert',
        help='File with the certificates of the authorities that vouch for '
        'the members. Only for https; the default is the bundle of the '
        'Python package certifi.',
    ),
    cfg.StrOpt(
        'cert',
        help='File with the client certificate, for members that ask for one.',
    ),
    cfg.StrOpt(
        'key',
        help='File with the private key of the client certificate; not '
        'needed when the file of the certificate holds the key too.',
    ),
    cfg.StrOpt(
        'username',
        help='User name, if authentication is enabled in etcd. The user '
        'needs the right to read and write all prefixes of the group keys '
        'and the key /job_manager_id.',
    ),
    cfg.StrOpt('password', secret=True, help='Password of the user.'),
    cfg.FloatOpt(
        'timeout',
        default=5.0,
        min=0.1,
        help='Seconds to wait for a connection to a member, and again for '
        'its answer. Keep it below a third of the time to live of the '
        'leases, or one slow answer may cost a process its claims.',
    ),
    cfg.FloatOpt(
        'silence_deadline',
        default=20.0,
        min=1.0,
        help='Seconds without any sign of life after which a watch is taken '
        'for dead and opened anew. After half of it a process writes a key '
        'of its own and waits for the change to come back, so a quiet etcd '
        'gets one write per process every half deadline.',
    ),
    cfg.IntOpt(
        'pool_size',
        default=32,
        min=1,
        help='Connections to one member that a process keeps open. More '
        'are made when they are needed and closed after use.',
    ),
    cfg.FloatOpt(
        'startup_timeout',
        default=60.0,
        min=0.0,
        help='Seconds a service that starts waits for etcd before it gives '
        'up. It tries again after 1, 2, 4, 8 and then every 16 seconds.',
    ),
]

KEYS_GROUP = cfg.OptGroup(
    'keys',
    title='Keys',
    help='Where everything lies in etcd. All services of a deployment, and '
    'the programs that write desired states, must agree on these. Two sets '
    'are in use: /state with /monitoring, which are the defaults, and '
    '/state_watch/state with /state_watch/monitoring, mostly together with '
    'state_shape = string.',
)


def _prefix(name: str, default: str, what: str) -> Any:
    return cfg.StrOpt(
        name,
        default=default,
        regex=_PREFIX_PATTERN,
        help=f'Prefix of the keys of {what}. It starts with a slash and '
        'does not end with one.',
    )


KEYS_OPTS = [
    _prefix('config_prefix', '/config', 'the desired states'),
    _prefix('state_prefix', '/state', 'the published states'),
    _prefix('monitoring_prefix', '/monitoring', 'the monitoring values'),
    _prefix('jobs_prefix', '/jobs', 'the job queue'),
    _prefix('worker_prefix', '/esi-worker', 'everything esi-worker records'),
    cfg.StrOpt(
        'state_shape',
        default=StateShape.NESTED.value,
        choices=[
            (
                StateShape.NESTED.value,
                'state is an object, and the monitoring values are members '
                'next to the version',
            ),
            (
                StateShape.STRING.value,
                'state and monitoring are one string each, which holds the '
                'same object as JSON',
            ),
        ],
        help='The form of what is published for the REST server. Servers '
        'that store the text of the state as it comes need "string"; they '
        'ignore an object.',
    ),
]


def list_opts() -> list[tuple[Any, list[Any]]]:
    """The options by group, for the generator of the sample file."""
    return [(ETCD_GROUP, list(ETCD_OPTS)), (KEYS_GROUP, list(KEYS_OPTS))]


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known; doing it twice is no error."""
    for group, options in list_opts():
        conf.register_group(group)
        conf.register_opts(options, group=group)
