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

"""The examples of the guides for authors are run as authors would."""

from __future__ import annotations

from typing import Any

import fixtures

from esi_worker import drivers, exceptions, plugins, testing
from esi_worker.model import ResourceRef
from esi_worker.tests.unit.documents import blocks, test_mapping
from esi_worker.tests.unit.packaging import checkout


class DriversTest(checkout.CheckoutTest):
    @blocks.uses('drivers.rst', 'from esi_worker.drivers import')
    def test_the_driver_of_shelves(self, text: str) -> None:
        names: dict[str, Any] = {}
        exec(text, names)
        plugins.check_class(
            plugins.DRIVERS, 'shelf', names['ShelfDriver'], drivers.Driver
        )
        folder = test_mapping.TypeFolder(
            self.useFixture(fixtures.TempDir()).path
        )
        folder.neighbour('room')
        fields = ('height', 'area', 'volume')
        folder.neighbour(
            'shelf',
            test_mapping.text_with(fields, **dict.fromkeys(fields, 'number')),
            templates={
                'shelf': {
                    'handler': 'heat_worker',
                    'file': 'heat.yaml.j2',
                    'parameters': {name: f'P{name}' for name in fields},
                }
            },
        )

        def scene(height: Any) -> testing.Scene:
            body = {'id': '7', 'room_id': 'r', 'height': height, 'area': 2}
            made = testing.Scene(
                'shelf',
                body,
                driver=names['ShelfDriver'],
                folders=[folder.path],
            )
            made.add('room', {'id': 'r'})
            return made

        self.assertEqual(10, scene(5).values()['volume'])
        self.assertEqual({ResourceRef('room', 'r')}, scene(5).plan().after)
        error = self.assertRaises(
            exceptions.InvalidResource, scene('tall').plan
        )
        self.assertEqual(
            'shelf:7: the field "height" must be a whole number from 1 to 48',
            str(error),
        )
        self.assertTrue(scene('tall').plan(lenient=True).parts)
