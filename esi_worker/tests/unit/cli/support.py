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

"""Runs a command on a store in memory."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import testtools

from esi_worker import store
from esi_worker.cli import app


class CommandTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.MemoryStore()
        self.keys = store.KeyLayout()
        self.stdin = io.StringIO()
        self.stdout = io.StringIO()
        self.stderr = io.StringIO()
        root = logging.getLogger()
        self.addCleanup(root.setLevel, root.level)
        self.addCleanup(setattr, root, 'handlers', list(root.handlers))

    def run_command(self, *arguments: str) -> int:
        """Run a command.

        :returns: the exit code
        """
        program = app.ManageApp(
            opener=lambda conf: self.store,
            stdin=self.stdin,
            stdout=self.stdout,
            stderr=self.stderr,
        )
        return program.run(list(arguments))

    def rows(self, *arguments: str) -> Any:
        """What a command gives, decoded."""
        self.stdout.seek(0)
        self.stdout.truncate()
        self.assertEqual(0, self.run_command(*arguments, '-f', 'json'))
        return json.loads(self.stdout.getvalue())
