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

"""The desired states that are shown can be applied."""

from __future__ import annotations

from pathlib import Path

import fixtures

from esi_worker.tests.unit.cli import support
from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout

EXAMPLES = blocks.PAGES / 'examples'


class ExamplesTest(support.CommandTest, checkout.CheckoutTest):
    def test_every_file_is_applied(self) -> None:
        config = Path(self.useFixture(fixtures.TempDir()).path, 'c.conf')
        folder = checkout.ROOT / 'examples/robot-driver/robot_driver/templates'
        config.write_text(f'[resources]\ntemplate_paths = {folder}\n')
        files = sorted(EXAMPLES.rglob('*.yaml'))
        self.assertTrue(files)
        for file in files:
            arguments = ('resource', 'apply', '-f', str(file))
            for further in ('--dry-run', '--yes'):
                code = self.run_command(
                    *('--config-file', str(config), *arguments, further)
                )
                self.assertEqual(0, code, self.stderr.getvalue())
        for path in ('ports/port-1', 'robots/rob'):
            self.assertIsNotNone(self.store.get(f'/config/v2.0/{path}'))
