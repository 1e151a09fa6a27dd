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

"""The options of the group [heat]."""

from __future__ import annotations

import testtools

from esi_worker.handlers.heat import options
from esi_worker.tests.unit.handlers.heat import scene


class OptionsTest(testtools.TestCase):
    def test_sample_names_each_option_once(self) -> None:
        ((group, listed),) = options.list_opts()
        names = [option.dest for option in listed]
        self.assertEqual('heat', group)
        self.assertEqual(len(set(names)), len(names))

    def test_sample_shows_how_to_log_in(self) -> None:
        ((_, listed),) = options.list_opts()
        by_name = {option.dest: option for option in listed}
        self.assertTrue(by_name['password'].secret)
        self.assertLessEqual(
            {'auth_type', 'auth_url', 'username', 'cafile', 'region_name'},
            set(by_name),
        )

    def test_requests_have_a_time_limit_by_default(self) -> None:
        group = scene.configuration().heat
        self.assertEqual(30.0, group.timeout)
        self.assertEqual('orchestration', group.service_type)
