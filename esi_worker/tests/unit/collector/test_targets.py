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

from __future__ import annotations

import json

import testtools

from esi_worker import exceptions
from esi_worker.collector.targets import Target
from esi_worker.tests.unit.collector import support

KEY = '/esi-worker/targets/x'


class TestTarget(testtools.TestCase):
    def test_survives_its_record(self) -> None:
        target = support.make_target()

        decoded = Target.decode(KEY, target.encode(), 7)

        self.assertEqual(target, decoded)
        self.assertEqual(7, decoded.revision)

    def test_a_bad_record_names_key_and_field(self) -> None:
        record = json.loads(support.make_target().encode())
        record['version'] = '3'

        error = self.assertRaises(
            exceptions.DecodeError, Target.decode, KEY, json.dumps(record), 7
        )

        self.assertIn(KEY, str(error))
        self.assertIn('"version"', str(error))

    def test_shows_no_properties_in_logs(self) -> None:
        target = support.make_target(
            properties={'fq_name': 'a', 'password': 'HIDDEN'}
        )

        self.assertNotIn('HIDDEN', f'{target} {target!r}')
