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

"""The driver of robots: what a mapping cannot say."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.drivers import MappingDriver, Plan, View
from esi_worker.model import Resource

MAX_SPEED = 10


class RobotDriver(MappingDriver):
    """The default driver, with a check of the speed."""

    api_version = '1.0'

    def plan(
        self, resource: Resource, view: View, *, lenient: bool = False
    ) -> Plan:
        # A deletion must never hang on a field, so it is not checked.
        if not lenient:
            check_speed(resource)
        return super().plan(resource, view, lenient=lenient)


def check_speed(resource: Resource) -> None:
    """:raises MappingError: naming the robot, the field and the fix"""
    speed = resource.body.get('speed')
    if not isinstance(speed, int) or not 0 < speed <= MAX_SPEED:
        raise exceptions.MappingError(
            f'{resource.ref}: the field "speed" must be a whole number '
            f'from 1 to {MAX_SPEED}'
        )
