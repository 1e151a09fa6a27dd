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

import contextlib
from importlib import metadata
import io
from pathlib import Path

import fixtures
from oslo_config import generator

from esi_worker.tests.unit.packaging import checkout

SETTINGS = checkout.ROOT / 'tools' / 'esi-worker-config-generator.conf'
SAMPLE = checkout.ROOT / 'etc' / 'esi-worker' / 'esi-worker.conf.sample'
#: Packages whose options or wording are in the sample.
SOURCES = ('keystoneauth1', 'oslo-config', 'oslo-log')


class SampleTest(checkout.CheckoutTest):
    def test_sample_is_current(self) -> None:
        self._skip_with_other_versions()
        output = Path(self.useFixture(fixtures.TempDir()).path, 'sample')
        with contextlib.redirect_stderr(io.StringIO()):
            generator.main(
                [f'--config-file={SETTINGS}', f'--output-file={output}']
            )
        self.assertEqual(
            SAMPLE.read_text(), output.read_text(), 'run "make sample"'
        )

    def _skip_with_other_versions(self) -> None:
        pins = checkout.requirements('constraints.txt')
        for name in SOURCES:
            if not pins[name].specifier.contains(metadata.version(name)):
                self.skipTest(
                    f'the sample was made with {pins[name]}, '
                    f'here is {metadata.version(name)}'
                )
