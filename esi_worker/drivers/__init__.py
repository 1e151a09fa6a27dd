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

"""Drivers: from a resource's desired state to a plan.

The mapping-driven default driver serves every type that has a template;
classes of their own add what a mapping cannot say.
"""

from esi_worker.drivers.base import Driver, Part, Plan, View
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.drivers.interfaces import InterfaceDriver
from esi_worker.drivers.load_balancer import LoadBalancerDriver
from esi_worker.drivers.load_balancer_conf import LoadBalancerConfDriver
from esi_worker.drivers.loading import DriverSet
from esi_worker.drivers.mapping import MappingDriver
from esi_worker.drivers.port import PortDriver
from esi_worker.drivers.subnet import SubnetDriver
from esi_worker.drivers.vnf_instance import VnfInstanceDriver
from esi_worker.mapping import with_previous

__all__ = (
    'CheckedDriver',
    'Driver',
    'DriverSet',
    'InterfaceDriver',
    'LoadBalancerConfDriver',
    'LoadBalancerDriver',
    'MappingDriver',
    'Part',
    'Plan',
    'PortDriver',
    'SubnetDriver',
    'View',
    'VnfInstanceDriver',
    'with_previous',
)
