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

"""Robots, without etcd and without Heat."""

import unittest

from robot_driver import TEMPLATES
from robot_driver.driver import RobotDriver

from esi_worker import exceptions, testing
from esi_worker.model import ResourceRef

ARENA = {'id': 'a', 'tenant_id': 't', 'name': 'Hall'}


def scene(**body: object) -> testing.Scene:
    robot = {
        'id': 'r',
        'tenant_id': 't',
        'name': 'Rob',
        'arena_id': 'a',
        'speed': 2,
    }
    made = testing.Scene(
        'robot',
        {**robot, **body},
        driver=RobotDriver,
        folders=[TEMPLATES],
        handlers=['heat_worker', 'ledger'],
    )
    made.add('arena', ARENA)
    made.give('arena', 'a', id='ground-1')
    return made


class RobotTest(unittest.TestCase):
    def test_it_refers_to_its_arena(self) -> None:
        self.assertEqual({ResourceRef('arena', 'a')}, scene().references())

    def test_it_stands_on_the_ground_of_its_arena(self) -> None:
        self.assertEqual('ground-1', scene().values()['ground'])

    def test_it_has_as_many_wheels_as_it_is_fast(self) -> None:
        self.assertIn('wheel_1:', scene().text())
        self.assertNotIn('wheel_2:', scene().text())

    def test_the_ledger_gets_a_line(self) -> None:
        self.assertEqual(
            'Rob runs at 2 in Hall', scene().text('ledger').strip()
        )

    def test_a_speed_out_of_range_is_refused(self) -> None:
        for speed in (0, 11, 'fast', None):
            with self.assertRaisesRegex(exceptions.MappingError, 'speed'):
                scene(speed=speed).plan()

    def test_a_deletion_does_not_ask_for_the_speed(self) -> None:
        self.assertTrue(scene(speed=None).plan(lenient=True).parts)

    def test_the_templates_have_no_faults(self) -> None:
        self.assertEqual([], scene().lint())


if __name__ == '__main__':
    unittest.main()
