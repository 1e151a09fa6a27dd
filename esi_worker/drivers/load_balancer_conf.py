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

"""The driver of the configurations of load-balancer appliances.

An appliance takes minutes to start before it is configured. Addresses
that cannot work are found before that.
"""

from __future__ import annotations

from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource

_GATEWAYS = ('management_gateway', 'default_gateway')


class LoadBalancerConfDriver(CheckedDriver):
    """Checks the addresses of gateways and interfaces."""

    def check(self, resource: Resource) -> None:
        body = resource.body
        for name in _GATEWAYS:
            checking.address(resource, name, body.get(name))
        for place, interface in checking.objects(
            resource, 'networks', body.get('networks')
        ):
            range_ = checking.network(
                resource, f'{place}.cidr', interface.get('cidr')
            )
            inside = f'{place}.ip_address'
            found = checking.address(
                resource, inside, interface.get('ip_address')
            )
            checking.within(resource, inside, found, range_)
