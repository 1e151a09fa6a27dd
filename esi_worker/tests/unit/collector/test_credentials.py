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

import os
from pathlib import Path

import fixtures
import testtools

from esi_worker import exceptions
from esi_worker.collector.credentials import Credentials


class TestCredentials(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.path = Path(folder) / 'credentials.yaml'

    def write(self, text: str) -> None:
        """Replace the file, as an operator's tools do."""
        new = self.path.with_suffix('.new')
        new.write_text(text)
        os.replace(new, self.path)

    def credentials(self, text: str) -> Credentials:
        self.write(text)
        return Credentials(str(self.path))

    def test_a_name_stands_for_its_entry(self) -> None:
        credentials = self.credentials('A: public\nB: {user: monitor}\n')

        self.assertEqual('public', credentials.resolve('A'))
        self.assertEqual({'user': 'monitor'}, credentials.resolve('B'))

    def test_anything_else_stands_for_itself(self) -> None:
        credentials = self.credentials('A: public\n')

        for value in ('community', 5, None, {'A': 'B'}):
            self.assertEqual(value, credentials.resolve(value))
        self.assertEqual('A', Credentials().resolve('A'))

    def test_a_change_is_seen(self) -> None:
        credentials = self.credentials('A: old\n')

        self.write('A: newer\n')

        self.assertEqual('newer', credentials.resolve('A'))

    def test_a_broken_file_is_refused_at_the_start(self) -> None:
        for text in ('[', '- A', 'A: 5', '5: A'):
            error = self.assertRaises(
                exceptions.ConfigurationError, self.credentials, text
            )
            self.assertIn(str(self.path), str(error))

    def test_a_missing_file_is_refused_at_the_start(self) -> None:
        self.assertRaises(
            exceptions.ConfigurationError, Credentials, str(self.path)
        )

    def test_what_was_read_counts_while_the_file_is_broken(self) -> None:
        credentials = self.credentials('A: public\n')

        self.write('A: [HIDDEN')

        self.assertEqual('public', credentials.resolve('A'))

    def test_errors_do_not_show_what_stands_in_the_file(self) -> None:
        error = self.assertRaises(
            exceptions.ConfigurationError, self.credentials, 'A: [HIDDEN'
        )

        self.assertNotIn('HIDDEN', str(error))
