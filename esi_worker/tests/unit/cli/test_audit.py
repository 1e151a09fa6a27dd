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

"""What is left of the changes that operators make."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import fixtures

from esi_worker import exceptions
from esi_worker.cli import audit
from esi_worker.tests.unit.cli import support

NETWORK = """\
type: network
id: n
body: {tenant_id: t, name: canary-77}
"""
PATH = 'v2.0/networks/n'


class AuditTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.folder / 'network.yaml'
        self.file.write_text(NETWORK)
        self.log = self.useFixture(
            fixtures.FakeLogger(audit.CHANNEL, level=logging.INFO)
        )

    def apply(self, *more: str) -> int:
        return self.run_command(
            *more, 'resource', 'apply', '-f', str(self.file)
        )

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.output.splitlines()]

    def spoil(self, moment: str, error: Exception) -> None:
        """Let all transactions but the first one end with an error."""
        seen = []

        def intercept(name: str, phase: str) -> None:
            if (name, phase) == ('txn', moment):
                seen.append(name)
                if len(seen) > 1:
                    raise error

        self.store.interceptor = intercept

    def last(self) -> dict[str, Any]:
        self.say_yes()
        self.assertEqual(1, self.apply())
        return self.records()[-1]

    def say_yes(self) -> None:
        self.stdin.write('yes\n')
        self.stdin.seek(0)

    def test_the_attempt_comes_before_the_write(self) -> None:
        seen = []

        def intercept(name: str, phase: str) -> None:
            if (name, phase) == ('txn', 'before'):
                seen.extend(self.records())

        self.store.interceptor = intercept
        self.say_yes()
        self.assertEqual(0, self.apply())
        (begun,) = seen
        self.assertEqual('begun', begun['outcome'])
        self.assertEqual('resource create', begun['action'])
        self.assertIn(PATH, begun['what'])
        self.assertIn('@', begun['who'])
        self.assertNotIn('canary-77', self.log.output)

    def test_the_outcome_comes_after_it(self) -> None:
        self.say_yes()
        self.apply()
        begun, done = self.records()
        self.assertEqual('done', done['outcome'])
        self.assertEqual(begun['id'], done['id'])

    def test_what_was_not_made_has_failed(self) -> None:
        self.spoil('before', exceptions.StoreUnavailable('etcd is away'))
        record = self.last()
        self.assertEqual('failed', record['outcome'])
        self.assertEqual('etcd is away', record['reason'])

    def test_an_answer_that_is_lost_is_unknown(self) -> None:
        self.spoil('after', exceptions.StoreTimeout('too late'))
        self.assertEqual('unknown', self.last()['outcome'])

    def test_what_is_stopped_in_between_is_unknown(self) -> None:
        self.assertRaises(KeyboardInterrupt, self.stopped)
        self.assertEqual('unknown', self.records()[-1]['outcome'])

    def stopped(self) -> None:
        with audit.recorded('resource create', PATH):
            raise KeyboardInterrupt

    def test_what_is_not_confirmed_leaves_nothing(self) -> None:
        self.assertEqual(1, self.apply())
        self.assertEqual([], self.records())

    def test_an_answer_that_cannot_be_read_is_unknown(self) -> None:
        self.spoil('before', exceptions.StoreUnavailable('etcd is away'))
        self.assertEqual(
            1, self.run_command('resource', 'pause', 'network:n', '--yes')
        )
        self.assertEqual('unknown', self.records()[-1]['outcome'])


class TerminalTest(support.CommandTest):
    """Where the lines go."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.folder / 'network.yaml'
        self.file.write_text(NETWORK)
        self.useFixture(
            fixtures.MonkeyPatch(
                'esi_worker.cli.audit._SYSLOG', self.folder / 'none'
            )
        )

    def apply(self, *more: str) -> int:
        return self.run_command(
            *more, 'resource', 'apply', '-f', str(self.file), '--yes'
        )

    def test_none_is_mixed_with_the_questions(self) -> None:
        self.assertEqual(0, self.apply())
        self.assertNotIn('"event"', self.stderr.getvalue())
        self.assertNotIn('"event"', self.stdout.getvalue())

    def test_the_file_gets_them(self) -> None:
        file = self.folder / 'our.log'
        self.assertEqual(0, self.apply('--log-file', str(file)))
        self.assertEqual(2, file.read_text().count('"event"'))
        self.assertNotIn('"event"', self.stderr.getvalue())

    def test_whoever_wants_to_see_them_does(self) -> None:
        self.assertEqual(0, self.apply('-v'))
        self.assertEqual(2, self.stderr.getvalue().count('"event"'))
