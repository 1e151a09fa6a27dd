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

"""Writes what the Heat process reads: heat.conf, paste file, environment.

Pure functions of their arguments, so that the choices can be read (and
tested) without a running Heat. Which choice is needed for what was measured
with Heat 27.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import configparser
import io
from pathlib import Path

Options = Mapping[str, Mapping[str, str]]
"""Section -> option -> value."""

CONTRAIL = Path(__file__).absolute().parent / 'contrail'
NESTED_TYPES = {
    'OS::Contrail::VirtualNetwork': 'virtual_network.yaml',
    'OS::Contrail::VnSubnet': 'vn_subnet.yaml',
    'OS::Contrail::VirtualMachineInterface': 'virtual_machine_interface.yaml',
    'OS::Contrail::InstanceIp': 'instance_ip.yaml',
}

PASTE = """\
[composite:heat-api]
paste.composite_factory = heat.api:pipeline_factory
default = request_id faultwrap versionnegotiation authtoken context apiv1app
noauth = request_id faultwrap noauth context versionnegotiation apiv1app

[app:apiv1app]
paste.app_factory = heat.common.wsgi:app_factory
heat.app_factory = heat.api.openstack.v1:API

[filter:versionnegotiation]
paste.filter_factory = heat.common.wsgi:filter_factory
heat.filter_factory = heat.api.openstack:version_negotiation_filter

[filter:faultwrap]
paste.filter_factory = heat.common.wsgi:filter_factory
heat.filter_factory = heat.api.openstack:faultwrap_filter

[filter:context]
paste.filter_factory = heat.common.context:ContextMiddleware_filter_factory

[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory

[filter:noauth]
paste.filter_factory = esi_worker.embedded.noauth:filter_factory

[filter:request_id]
paste.filter_factory = oslo_middleware.request_id:RequestId.factory
"""


def base_options(
    *,
    endpoint: str,
    database_url: str,
    directory: Path,
    encryption_key: str,
    plugin_dirs: Iterable[Path],
) -> Options:
    """What every flavour of Heat needs."""
    root = endpoint.removesuffix('/v1')
    return {
        'DEFAULT': {
            'transport_url': 'fake://',
            'rpc_response_timeout': '300',
            'auth_encryption_key': encryption_key,
            'plugin_dirs': ','.join(str(path) for path in plugin_dirs),
            'environment_dir': str(directory / 'environment.d'),
            'template_dir': str(directory / 'templates'),
            'heat_metadata_server_url': root,
            'heat_waitcondition_server_url': f'{root}/v1/waitcondition',
            # The default of 512 stops a load test half way.
            'max_stacks_per_tenant': '100000',
            'use_stderr': 'true',
        },
        'database': {
            'connection': database_url,
            'max_pool_size': '20',
            'max_overflow': '64',
        },
        'paste_deploy': {'api_paste_config': str(directory / 'api-paste.ini')},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }


def noauth_options() -> Options:
    """Heat without Keystone: everyone is member of the tenant in the URL."""
    return {
        'DEFAULT': {'deferred_auth_method': 'password'},
        'paste_deploy': {'flavor': 'noauth'},
        # The new defaults want a system scope that no one has here (403).
        'oslo_policy': {
            'enforce_new_defaults': 'false',
            'enforce_scope': 'false',
        },
    }


def keystone_options(
    auth_url: str, username: str, password: str, project: str, region: str
) -> Options:
    """Heat with Keystone: tokens are checked, trusts are made."""
    credentials = {
        'auth_type': 'password',
        'auth_url': auth_url,
        'username': username,
        'password': password,
        'user_domain_id': 'default',
    }
    return {
        'DEFAULT': {
            'deferred_auth_method': 'trusts',
            'region_name_for_services': region,
        },
        'keystone_authtoken': {
            **credentials,
            'project_name': project,
            'project_domain_id': 'default',
            'www_authenticate_uri': auth_url,
            'service_token_roles_required': 'true',
        },
        'trustee': credentials,
        'clients_keystone': {'auth_uri': auth_url},
    }


def merged(*layers: Options) -> dict[str, dict[str, str]]:
    """Later layers win, option by option."""
    result: dict[str, dict[str, str]] = {}
    for layer in layers:
        for section, options in layer.items():
            result.setdefault(section, {}).update(options)
    return result


def rendered(options: Options) -> str:
    """The text of an oslo.config file."""
    parser = configparser.RawConfigParser(default_section='')
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_dict(options)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def nested_environment() -> str:
    """An environment that maps the unknown types to nested templates."""
    lines = [
        f'  "{kind}": "file://{CONTRAIL / "nested" / template}"'
        for kind, template in NESTED_TYPES.items()
    ]
    return '\n'.join(['resource_registry:', *lines, ''])
