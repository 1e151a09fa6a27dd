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

"""Each example of the documents is run, or it is said why not."""

from __future__ import annotations

import importlib.util

from esi_worker.tests.unit.documents import blocks
from esi_worker.tests.unit.packaging import checkout

_MEASURED = 'figures that were measured once'

#: Page and beginning of the examples that no test runs, with the reason.
EXEMPT = {
    ('demo.rst', 'job                              status'): (
        'another one in each run; functional.test_demo runs it'
    ),
    ('collector.rst', 'targets=10000'): _MEASURED,
    ('contributor/benchmarks.rst', '1 worker'): _MEASURED,
    ('contributor/benchmarks.rst', 'taskflow_ratio'): _MEASURED,
    ('contributor/benchmarks.rst', 'requests_per'): _MEASURED,
}
#: Files that are shown, or their folders, and the tests that run them.
FILES = {
    'doc/source/examples': 'unit.documents.test_resources',
    'etc/esi-worker/prometheus-alerts.yaml': 'unit.admin.test_alerts',
    'examples/ledger-handler': 'functional.test_examples',
    'examples/robot-driver': 'functional.test_examples',
}


class AccountTest(checkout.CheckoutTest):
    def setUp(self) -> None:
        super().setUp()
        blocks.load_tests()

    def test_every_example_is_run_or_exempt(self) -> None:
        left = [
            f'{block} [{block.language}]'
            for block in blocks.everything()
            if block.language not in blocks.languages
            and not blocks.is_used(block)
            and block.page not in blocks.whole
            and not is_exempt(block)
            and not is_tested_file(block)
        ]
        self.assertEqual([], left)

    def test_what_is_exempt_is_there_and_not_run(self) -> None:
        for page, beginning in EXEMPT:
            block = blocks.find(page, beginning)
            self.assertFalse(blocks.is_used(block), block)

    def test_what_is_used_is_there(self) -> None:
        for page, beginnings in blocks.used.items():
            for beginning in beginnings:
                blocks.find(page, beginning)

    def test_the_tests_of_files_exist(self) -> None:
        for name in FILES.values():
            self.assertIsNotNone(
                importlib.util.find_spec(f'esi_worker.tests.{name}'), name
            )


def is_tested_file(block: blocks.Block) -> bool:
    return block.file is not None and any(
        block.file.is_relative_to(checkout.ROOT / name) for name in FILES
    )


def is_exempt(block: blocks.Block) -> bool:
    return any(
        block.page == page and block.text.startswith(beginning)
        for page, beginning in EXEMPT
    )
