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
"""The ``[admin]`` options."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from esi_worker import exceptions

GROUP = cfg.OptGroup(
    'admin',
    title='Metrics, health and page',
    help='What the processes serve over HTTP: /metrics for Prometheus, '
    '/healthz, /readyz and, on a manager, a page for people. Nothing can be '
    'changed through it.',
)

OPTS = [
    cfg.HostAddressOpt(
        'bind_host',
        default='127.0.0.1',
        help='Address to listen on. There is no TLS; where others than this '
        'host are to reach it, put a proxy in front.',
    ),
    cfg.PortOpt(
        'manager_port',
        help='Port of a manager process. Not set means that it serves '
        'nothing.',
    ),
    cfg.PortOpt(
        'worker_port',
        help='Port of the first worker process of this host; the others '
        'take the ports that follow. Not set means that they serve nothing.',
    ),
    cfg.BoolOpt(
        'page',
        default=False,
        help='Serve the read-only page, and what it shows as JSON, on '
        'manager_port. The manager then keeps a second mirror of etcd, '
        'about 0.5 kB for each resource.',
    ),
    cfg.StrOpt(
        'username',
        help='User that the page asks for (HTTP basic authentication). Not '
        'set means that it asks for nobody. /metrics, /healthz and /readyz '
        'are open in either case.',
    ),
    cfg.StrOpt('password', secret=True, help='Password of that user.'),
    cfg.IntOpt(
        'http_threads',
        default=4,
        min=1,
        help='Number of requests that a process serves at the same time.',
    ),
]


def list_opts() -> list[tuple[Any, list[Any]]]:
    """The options by group, for the generator of the sample file."""
    return [(GROUP, list(OPTS))]


def register(conf: Any) -> None:
    """Make the options known; doing it twice is no error."""
    conf.register_group(GROUP)
    conf.register_opts(OPTS, group=GROUP)


def check(conf: Any) -> None:
    """Find out whether the options fit together.

    :raises ConfigurationError: they do not
    """
    group = conf.admin
    if group.page and group.manager_port is None:
        raise exceptions.ConfigurationError(
            '[admin] page is on, but no manager_port is set to serve it on'
        )
    if bool(group.username) != bool(group.password):
        raise exceptions.ConfigurationError(
            '[admin] username and password are only of use together; set '
            'both or none'
        )
