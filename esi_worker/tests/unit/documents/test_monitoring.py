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

"""What the pages on monitoring show: credentials, targets, sections."""

from __future__ import annotations

from pathlib import Path

import fixtures
import yaml

from esi_worker.collector.credentials import Credentials
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout


class CredentialsTest(checkout.CheckoutTest):
    def credentials(self, text: str) -> Credentials:
        file = Path(self.useFixture(fixtures.TempDir()).path, 'credentials')
        file.write_text(text)
        return Credentials(str(file))

    @blocks.uses('collector.rst', 'ESE_NODE_COMMUNITY')
    def test_entries_are_found_by_their_names(self, text: str) -> None:
        found = self.credentials(text)
        for name, value in yaml.safe_load(text).items():
            self.assertEqual(value, found.resolve(name))
            self.assertNotEqual(name, found.resolve(name))
