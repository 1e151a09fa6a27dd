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

"""The driver of ports.

The addresses of a port go into the text of its template as they are, so
they are checked before a job exists.
"""

from __future__ import annotations

from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource

FIELD = 'fixed_ips'


class PortDriver(CheckedDriver):
    """Checks each entry ``{"subnet_id", "ip_address"}`` of fixed_ips."""

    def check(self, resource: Resource) -> None:
        for place, entry in checking.objects(
            resource, FIELD, resource.body.get(FIELD)
        ):
            inside = f'{place}.subnet_id'
            subnet = entry.get('subnet_id')
            checking.identifier(resource, inside, subnet, 'a subnet')
            inside = f'{place}.ip_address'
            checking.address(resource, inside, entry.get('ip_address'))
