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

"""The table of jobs tells what is in the queue."""

from __future__ import annotations

import io
from unittest import mock

import testtools

from esi_worker import clock as clocks
from esi_worker import store
from esi_worker.demo import board as boards
from esi_worker.demo import screen as screens
from esi_worker.demo.board import Status
from esi_worker.model import Action, Job, ResourceRef

KEYS = store.KeyLayout()


def job(name: str, *dependency: Job, version: int = 1) -> Job:
    return Job(
        id=f'create:heat_worker:port:{name}:{version}:abcde',
        action=Action.CREATE,
        handler='heat_worker',
        resource=ResourceRef('port', name),
        version=version,
        params=(),
        resource_input={},
        dependency=tuple(each.id for each in dependency),
    )


class QueueTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        names = {'s': 'server', 'c': 'configuration'}
        self.board = boards.Board(KEYS, names, self.clock)
        self.server = job('s')
        self.configuration = job('c', self.server)

    def put(self, key: str, value: str = '') -> boards.Row | None:
        return self._event(store.EventType.PUT, key, value)

    def delete(self, key: str) -> boards.Row | None:
        return self._event(store.EventType.DELETE, key, '')

    def _event(
        self, type_: store.EventType, key: str, value: str
    ) -> boards.Row | None:
        kv = store.KeyValue(key, value, 1, 1, 1)
        return self.board.apply(store.Event(type_, kv))

    def schedule(self, *jobs: Job) -> None:
        for each in jobs:
            self.put(KEYS.job(each.id), each.encode())
            if each.dependency:
                self.put(KEYS.waiting(each.id), each.handler)
            else:
                self.put(KEYS.ready(each.id), each.handler)

    def statuses(self) -> list[Status]:
        return [row.status for row in self.board.rows]


class BoardTest(QueueTestCase):
    def test_a_job_waits_for_those_that_have_not_ended(self) -> None:
        self.schedule(self.server, self.configuration)

        self.assertEqual([Status.READY, Status.WAITING], self.statuses())
        row = self.board.rows[1]
        self.assertEqual(['server'], self.board.others(row))
        self.put(KEYS.finished(self.server.id))
        self.assertEqual([], self.board.others(row))

    def test_what_it_has_waited_for_is_remembered(self) -> None:
        self.schedule(self.server, self.configuration)
        self.put(KEYS.finished(self.server.id))
        self.put(KEYS.ready(self.configuration.id))

        self.assertEqual(['server'], self.board.others(self.board.rows[1]))
        self.assertEqual(
            {
                'create server v1': set(),
                'create configuration v1': {'create server v1'},
            },
            self.board.dependencies(),
        )

    def test_a_job_is_worked_on_from_claim_to_end(self) -> None:
        self.schedule(self.server)
        (row,) = self.board.rows
        self.assertIsNone(row.seconds(self.board.now()))
        self.clock.advance(1)
        self.put(KEYS.working(self.server.id), 'a worker')
        self.clock.advance(2)
        self.assertEqual(2, row.seconds(self.board.now()))
        self.put(KEYS.finished(self.server.id))
        self.clock.advance(4)

        self.assertEqual(Status.DONE, row.status)
        self.assertEqual(2, row.seconds(self.board.now()))

    def test_a_job_that_ends_with_an_error_has_failed(self) -> None:
        self.schedule(self.server)
        self.put(KEYS.finished(self.server.id), '["no luck"]')

        self.assertEqual([Status.FAILED], self.statuses())

    def test_a_job_that_is_gone_without_an_end_has_failed(self) -> None:
        self.schedule(self.server, self.configuration)
        self.put(KEYS.finished(self.server.id))
        self.delete(KEYS.job(self.server.id))
        self.delete(KEYS.job(self.configuration.id))

        self.assertEqual([Status.DONE, Status.FAILED], self.statuses())

    def test_only_changes_are_told(self) -> None:
        self.schedule(self.server)
        row = self.put(KEYS.working(self.server.id), 'a worker')
        assert row is not None
        self.assertEqual('server', row.name)
        self.assertIsNone(self.delete(KEYS.working(self.server.id)))
        self.assertIsNone(self.put(KEYS.waiting('unknown')))
        self.assertIsNone(self.put('/state/v2.0/ports/s', '{}'))


class ScreenTest(QueueTestCase):
    def test_lines_where_there_is_no_terminal(self) -> None:
        self.schedule(self.server, self.configuration)
        stream = io.StringIO()
        screen = screens.Screen(stream)
        for row in self.board.rows:
            screen.changed(self.board, row)
        screen.refresh(self.board)
        screen.say('a text')

        self.assertEqual(
            '    create configuration v1          waiting           server\n'
            'a text\n',
            stream.getvalue(),
        )

    def test_a_terminal_shows_the_table_below_the_text(self) -> None:
        self.schedule(self.server, self.configuration)
        stream = io.StringIO()
        with mock.patch.object(stream, 'isatty', return_value=True):
            screen = screens.Screen(stream)
        screen.refresh(self.board)
        drawn = stream.getvalue().count('\n')
        screen.say('a text')

        self.assertIn('create configuration v1', stream.getvalue())
        self.assertThat(
            stream.getvalue(),
            testtools.matchers.EndsWith(f'\x1b[{drawn}F\x1b[Ja text\n'),
        )

    def test_rows_that_have_ended_make_room(self) -> None:
        jobs = [job(str(number)) for number in range(6)]
        self.schedule(*jobs)
        for each in jobs[:4]:
            self.put(KEYS.finished(each.id))

        lines = screens.table(self.board, 4)

        self.assertEqual('(3 more that are done)', lines[2])
        self.assertEqual(2 + 4, len(lines))
        self.assertIn('port:3', lines[3])

    def test_jobs_that_have_not_ended_are_always_shown(self) -> None:
        self.schedule(*(job(str(number)) for number in range(6)))

        self.assertEqual(2 + 6, len(screens.table(self.board, 4)))
