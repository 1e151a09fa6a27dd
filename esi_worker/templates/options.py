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

"""Options of the group ``[resources]``."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = 'resources'

#: The sets of templates that come with the package.
CONTRAIL = 'contrail'
NEUTRON = 'neutron'

OPTS = [
    cfg.StrOpt(
        'template_set',
        default=CONTRAIL,
        choices=[
            (
                CONTRAIL,
                'Contrail and appliances: networks, ports, switches, '
                'edge routers, firewalls, load balancers',
            ),
            (
                NEUTRON,
                'Neutron and Octavia: networks, subnets, '
                'ports, security groups, load balancers',
            ),
        ],
        help='Which of the sets of templates that come with the package is '
        'used. Both serve the same resource types where they overlap.',
    ),
    cfg.StrOpt(
        'schemas',
        help='Where the schemas of the REST server are: a JSON file, or the '
        'http(s) URL that lists them. They add resource types, relations '
        'and the choice of Heat templates. Without it only the types of '
        'the template folders are known.',
    ),
    cfg.StrOpt(
        'template_mappings',
        help='A JSON file {handler: {resource type: expression}} that '
        'chooses the templates. It replaces every other choice and the '
        'option "handlers"; what it does not name makes no job.',
    ),
    cfg.ListOpt(
        'template_paths',
        default=[],
        help='Folders with templates of your own, one sub-folder with a '
        'driver.yaml per resource type. A later one wins over an earlier '
        'one, and over those that come with installed packages.',
    ),
    cfg.ListOpt(
        'handlers',
        default=['heat_worker'],
        help='The handlers that take part in a workflow, in order, unless '
        'the option "template_mappings" is set.',
    ),
]


def list_opts() -> list[tuple[str, list[Any]]]:
    """The options for the generated sample file."""
    return [(GROUP, OPTS)]
