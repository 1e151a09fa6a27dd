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

"""The options of the Heat handler, in the group ``[heat]``.

How to reach and trust Heat are the options of keystoneauth, with the
names and meanings that every OpenStack service gives them. ``auth_type
= none`` stands for a Heat without Keystone.
"""

from __future__ import annotations

import copy
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

from esi_worker import plugins

GROUP = 'heat'
SERVICE_TYPE = 'orchestration'
#: The values of ``auth_type`` that mean a Heat without Keystone.
NO_AUTH = frozenset(('none', 'noauth'))

_OWN = [
    cfg.StrOpt(
        'endpoint_override',
        help='URL of Heat, such as "http://heat:8004/v1", in place of the '
        'one in the service catalog. The tenant is appended, or put in '
        'the place of "%(project_id)s". Required with auth_type = none.',
    ),
    cfg.FloatOpt(
        'poll_interval',
        default=0.5,
        min=0.05,
        help='Seconds before the first look at a stack that Heat works '
        'on. The interval doubles up to poll_interval_max.',
    ),
    cfg.FloatOpt(
        'poll_interval_max',
        default=5.0,
        min=0.05,
        help='Seconds between two looks at a stack at most.',
    ),
    cfg.FloatOpt(
        'requests_per_second',
        default=100.0,
        min=0.1,
        help='Requests per second that each worker process sends to one '
        'endpoint of Heat or Keystone. Looks at stacks wait for their '
        'turn, so with many stacks in flight the polls become rarer; '
        'requests that change something count, but do not wait.',
    ),
    cfg.IntOpt(
        'max_sessions',
        default=512,
        min=1,
        help='Tenants whose sessions, with their tokens and catalogs, a '
        'worker process keeps. The one not used for longest is forgotten, '
        'and costs a login when it is needed again.',
    ),
    cfg.IntOpt(
        'stack_timeout',
        default=10,
        min=1,
        help='Minutes that Heat gets for a stack whose job has no '
        'parameter heat_timeout.',
    ),
    cfg.FloatOpt(
        'drift_check_interval',
        default=0.0,
        min=0.0,
        help='Seconds between two searches for stacks that others have '
        'changed or deleted; one worker does it for all. 0 turns it off.',
    ),
    cfg.StrOpt(
        'drift_action',
        default='report',
        choices=[
            ('report', 'show them in "stack drift" and in the log'),
            ('reapply', 'also apply their resources again, in turns'),
        ],
        help='What is done about such stacks.',
    ),
    cfg.FloatOpt(
        'timeout_margin',
        default=60.0,
        min=0.0,
        help='Seconds after its timeout within which Heat itself must '
        'have reported that a stack has failed. Then the job fails.',
    ),
]
_ADAPTER = ('service_type', 'service_name', 'valid_interfaces', 'region_name')
_DEFAULTS = {'timeout': 30.0, 'service_type': SERVICE_TYPE}


def handler_options() -> list[Any]:
    """What is registered when the handler is loaded.

    The options of the chosen ``auth_type`` are registered by keystoneauth
    when the first session is made.
    """
    adapter = loading.get_adapter_conf_options(include_deprecated=False)
    options = [
        *_OWN,
        *(option for option in adapter if option.dest in _ADAPTER),
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
    ]
    return [_with_default(option) for option in options]


def list_opts() -> plugins.OptionGroups:
    """All options for the sample file, those of passwords included."""
    names: set[str] = set()
    options = []
    password = loading.get_auth_plugin_conf_options('password')
    for option in [*handler_options(), *password]:
        if option.dest not in names:
            names.add(option.dest)
            options.append(option)
    return ((GROUP, options),)


def _with_default(option: Any) -> Any:
    if option.dest not in _DEFAULTS:
        return option
    changed = copy.copy(option)
    changed.default = _DEFAULTS[option.dest]
    return changed
