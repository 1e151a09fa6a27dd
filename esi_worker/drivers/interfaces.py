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

"""The driver of interfaces of load balancers and of firewalls.

The number of the slot names the interface on the appliance; the text of
the template computes with it.
"""

from __future__ import annotations

from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource


class InterfaceDriver(CheckedDriver):
    """Checks the number of the slot."""

    def check(self, resource: Resource) -> None:
        number = resource.body.get('slot_number')
        checking.integer(resource, 'slot_number', number, 0)
