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

"""The driver of virtual appliances.

It knows their ports, which the recorded mapping passes on as a plain
value: no port may be given twice, and, as an option, an appliance waits
for its ports. The ports never wait for the appliance, for they are
attached, and so changed, while it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oslo_config import cfg

from esi_worker import plugins
from esi_worker.drivers import checking
from esi_worker.drivers.checked import CheckedDriver
from esi_worker.model import Resource, ResourceRef

GROUP = 'driver_vnf_instance'
OPTIONS = [
    cfg.BoolOpt(
        'wait_for_ports',
        default=False,
        help='Whether an appliance waits until its ports are there. '
        'Without it both are made at once, as the original system did.',
    ),
]
REBOOTS = ('', 'SOFT', 'HARD')


class VnfInstanceDriver(CheckedDriver):
    """Checks the ports, and lets the appliance wait for them."""

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return ((GROUP, OPTIONS),)

    def check(self, resource: Resource) -> None:
        seen: dict[str, str] = {}
        for place, port in _ports(resource):
            if port in seen:
                checking.fail(
                    resource, place, f'names the port of {seen[port]} again'
                )
            seen[port] = place
        reboot = resource.body.get('reboot')
        if reboot is not None:
            checking.one_of(resource, 'reboot', reboot, REBOOTS)

    def after(self, resource: Resource) -> Iterable[ResourceRef]:
        if self.conf is None or not self.conf[GROUP].wait_for_ports:
            return ()
        return [ResourceRef('port', port) for _, port in _ports(resource)]


def _ports(resource: Resource) -> Iterator[tuple[str, str]]:
    """The ids of the ports with their places.

    An entry may name something else than a port, such as a network.
    """
    for place, entry in checking.objects(
        resource, 'networks', resource.body.get('networks')
    ):
        if entry.get('port') is not None:
            inside = f'{place}.port'
            port = entry['port']
            yield (
                inside,
                checking.identifier(resource, inside, port, 'a port'),
            )
