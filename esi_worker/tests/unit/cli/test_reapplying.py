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

"""Applying a template again, and what is seen of requests."""

from __future__ import annotations

import json

from esi_worker import exceptions
from esi_worker.cli import requests
from esi_worker.model import (
    Answer,
    Config,
    Request,
    RequestOutcome,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.model.requests import REAPPLY
from esi_worker.tests.unit.cli import support

TYPES = TypeRegistry([ResourceType('network', 'networks', '/v2.0/networks')])


class TemplateApplyTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        for name, version, marked in (
            ('a', 3, False),
            ('b', 1, False),
            ('gone', 2, True),
        ):
            config = Config({'id': name, 'tenant_id': 't'}, version, marked)
            self.store.put(
                self.keys.config(f'v2.0/networks/{name}'), config.encode()
            )

    def requests(self) -> list[Request]:
        return [
            Request.decode(kv.key, kv.value)
            for kv in self.store.range(self.keys.request('')).items
        ]

    def test_it_asks_for_each_resource_that_uses_it(self) -> None:
        code = self.run_command('template', 'apply', 'network', '--yes')
        self.assertEqual(0, code, self.stderr.getvalue())
        self.assertEqual(
            [('network:a', 3, True), ('network:b', 1, True)],
            [
                (str(each.resource), each.version, each.paced)
                for each in self.requests()
            ],
        )
        for request in self.requests():
            self.assertEqual(REAPPLY, request.action)
            self.assertIn('@', request.requested_by)

    def test_requests_have_a_time_limit(self) -> None:
        self.run_command('template', 'apply', 'network', '--yes')
        for kv in self.store.range(self.keys.request('')).items:
            self.assertNotEqual(0, kv.lease)

    def test_a_dry_run_only_names_them(self) -> None:
        self.run_command('template', 'apply', 'network', '--dry-run')
        self.assertIn('network:a version 3', self.stdout.getvalue())
        self.assertEqual([], self.requests())

    def test_a_template_that_nobody_uses_is_no_work(self) -> None:
        code = self.run_command('template', 'apply', 'port')
        self.assertEqual(0, code)
        self.assertIn('no resource uses it', self.stdout.getvalue())

    def test_an_unknown_template_is_an_error(self) -> None:
        self.assertEqual(1, self.run_command('template', 'apply', 'robot'))
        self.assertIn('robot', self.stderr.getvalue())

    def test_the_help_tells_of_rest_servers(self) -> None:
        self.run_command('help', 'template', 'apply')
        text = ' '.join(self.stdout.getvalue().split())
        self.assertIn('A REST SERVER IGNORES THAT', text)

    def test_requests_are_listed_with_their_answers(self) -> None:
        self.run_command('template', 'apply', 'network', '--yes')
        kv = self.store.range(self.keys.request('')).items[0]
        request = Request.decode(kv.key, kv.value)
        answered = {
            **json.loads(request.encode()),
            'answer': Answer(RequestOutcome.REFUSED, 'why').to_json(),
        }
        self.store.put(kv.key, json.dumps(answered))
        self.stdout.truncate(0)
        self.stdout.seek(0)
        rows = self.rows('request', 'list')
        self.assertEqual(['refused: why', ''], [row['Answer'] for row in rows])


class FollowTest(support.CommandTest):
    """Waiting for requests, on a clock that the manager's answers move."""

    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []
        self.now = 0.0
        self.answers = {
            'a': Answer(RequestOutcome.ACCEPTED, jobs=('job-a',)),
            'b': Answer(RequestOutcome.REFUSED, 'why'),
        }
        asked = [
            Request(REAPPLY, ResourceRef('network', name))
            for name in ('a', 'b', 'c')
        ]
        self.names = requests.submit(self.store, self.keys, asked)

    def wait(self, failures: int = 0, timeout: float = 10.0) -> None:
        requests.Follow(
            self.store,
            self.keys,
            TYPES,
            self.lines.append,
            clock=lambda: self.now,
            pause=self.pause,
        ).wait(self.names, timeout, failures)

    def pause(self, seconds: float) -> None:
        """Time passes, and one more request is answered."""
        self.now += seconds
        for name in self.names:
            kv = self.store.get(name)
            if kv is None:
                continue
            request = Request.decode(name, kv.value)
            answer = self.answers.pop(request.resource.id, None)
            if answer is not None:
                value = json.loads(kv.value)
                value['answer'] = answer.to_json()
                self.store.put(name, json.dumps(value), lease=kv.lease)
                return

    def test_all_are_waited_for(self) -> None:
        self.answers = {
            name: Answer(RequestOutcome.OBSOLETE, 'newer') for name in 'abc'
        }
        self.wait()
        self.assertEqual(
            [f'network:{name}: newer' for name in 'abc'], self.lines
        )

    def test_a_running_job_is_waited_for(self) -> None:
        self.store.put(self.keys.job('job-a'), '')
        error = self.assertRaises(exceptions.TerminalError, self.wait)
        self.assertIn('2 of 3 are not through yet', str(error))
        self.assertEqual(['network:b: why'], self.lines)

    def test_the_error_of_a_job_counts(self) -> None:
        line = {'job': 'job-a', 'error': 'quota'}
        self.store.put(
            self.keys.history('v2.0/networks/a'), json.dumps([line])
        )
        self.assertRaises(exceptions.TerminalError, self.wait)
        self.assertIn('network:a: quota', self.lines)

    def test_what_has_not_begun_is_taken_back_after_failures(self) -> None:
        error = self.assertRaises(
            exceptions.TerminalError, self.wait, failures=1
        )
        self.assertIn('1 others that had not begun', str(error))
        self.assertIsNone(self.store.get(self.names[2]))
        self.assertIsNotNone(self.store.get(self.names[0]))

    def test_one_that_has_run_out_is_a_failure(self) -> None:
        self.answers = {
            name: Answer(RequestOutcome.OBSOLETE, 'newer') for name in 'ab'
        }
        self.store.delete(self.names[2])
        error = self.assertRaises(exceptions.TerminalError, self.wait)
        self.assertIn('1 of 3 have failed', str(error))
