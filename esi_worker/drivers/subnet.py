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

"""The driver of subnets.

What a controller would find wrong with the addresses after minutes, or
in one subnet of a hundred, is found before a job is made.
"""

from __future__ import annotations

from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource

#: Values of ``gateway_ip`` that mean that there is none.
NO_GATEWAY = ('', '0.0.0.0', '::')  # noqa: S104 - no address to bind to


class SubnetDriver(CheckedDriver):
    """Checks that gateway and pools lie in the subnet's range."""

    def check(self, resource: Resource) -> None:
        body = resource.body
        range_ = checking.network(resource, 'cidr', body.get('cidr'))
        gateway = body.get('gateway_ip')
        if gateway not in NO_GATEWAY:
            place = 'gateway_ip'
            found = checking.address(resource, place, gateway)
            checking.within(resource, place, found, range_)
        for place, pool in checking.objects(
            resource, 'allocation_pools', body.get('allocation_pools')
        ):
            for end in ('start', 'end'):
                found = checking.address(
                    resource, f'{place}.{end}', pool.get(end)
                )
                checking.within(resource, f'{place}.{end}', found, range_)
