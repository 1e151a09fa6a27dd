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

"""The options of the monitoring handler, in the group ``[monitoring]``.

How to trust the collector and how it trusts us are the options of
keystoneauth, with the names that every OpenStack service gives them.
"""

from __future__ import annotations

import copy
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

from esi_worker import plugins

GROUP = 'monitoring'

_OWN = [
    cfg.URIOpt(
        'collector_url',
        schemes=['http', 'https'],
        default='http://127.0.0.1:7070',
        help='Base URL of the collector, or of what balances the load '
        'between several of them.',
    ),
    cfg.StrOpt(
        'token',
        secret=True,
        help='The token that the collector asks for, when it is protected '
        'by one. With auth_type the tokens of Keystone are sent instead.',
    ),
    cfg.FloatOpt(
        'status_timeout',
        default=10.0,
        min=0.0,
        help='Seconds that a job waits for a good first status of what it '
        'monitors. The member "timeout" of a section in a template '
        'overrides it. Then the job ends with the status that is known.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        default=0.5,
        min=0.05,
        help='Seconds between two looks at a status that is waited for.',
    ),
]
_DEFAULTS = {'timeout': 10.0}


def handler_options() -> list[Any]:
    """What is registered when the handler is loaded.

    The options of the chosen ``auth_type`` are registered by keystoneauth
    when the first token is asked for.
    """
    options = [
        *_OWN,
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
    ]
    return [_with_default(option) for option in options]


def list_opts() -> plugins.OptionGroups:
    """All options for the sample file, those of passwords included."""
    options: dict[str, Any] = {}
    password = loading.get_auth_plugin_conf_options('password')
    for option in [*handler_options(), *password]:
        options.setdefault(option.dest, option)
    return ((GROUP, list(options.values())),)


def _with_default(option: Any) -> Any:
    if option.dest not in _DEFAULTS:
        return option
    changed = copy.copy(option)
    changed.default = _DEFAULTS[option.dest]
    return changed
