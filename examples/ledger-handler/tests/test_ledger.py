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

"""The ledger, without etcd."""

import pathlib
import tempfile
import unittest

from ledger_handler.handler import GROUP, LedgerHandler

from esi_worker import exceptions, testing


class LedgerTest(testing.HandlerContract, unittest.TestCase):
    """What every handler owes, and what this one does."""

    handler_class = LedgerHandler
    template = 'a {{ name }}'
    params = {'name': 'bolt'}

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.options = {GROUP: {'folder': str(self.folder)}}

    def backend(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}

    def test_it_writes_a_line(self) -> None:
        self.run_job(self.job())
        self.assertEqual({'thing_t': 'a bolt'}, self.backend())

    def test_a_folder_that_is_away_may_come_back(self) -> None:
        self.options = {GROUP: {'folder': str(self.folder / 'gone')}}
        with self.assertRaises(exceptions.TransientError):
            self.new_handler().start(self.job())


if __name__ == '__main__':
    unittest.main()
