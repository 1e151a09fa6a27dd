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

from esi_worker.tests.unit.cli import support


class TemplateListTest(support.CommandTest):
    def test_shipped_templates_are_listed(self) -> None:
        rows = self.rows('template', 'list')
        self.assertIn('port', [row['ID'] for row in rows])

    def test_broken_template_in_etcd_is_named_with_the_reason(self) -> None:
        key = self.keys.config('v2.0/heat_templates/mine')
        self.store.put(key, json.dumps({'body': '{}', 'version': 1}))
        rows = self.rows('template', 'list')
        self.assertNotIn('mine', [row['ID'] for row in rows])
        self.assertIn(key, self.stderr.getvalue())
