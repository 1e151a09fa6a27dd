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

"""Looking at jobs in progress, and calls that never return."""

from __future__ import annotations

from collections.abc import Sequence

import fixtures

from esi_worker import exceptions
from esi_worker.dispatcher import Settings
from esi_worker.model import Done, InProgress, Job, Retry
from esi_worker.tests import members
from esi_worker.tests.cluster import NETWORK
from esi_worker.tests.unit.dispatcher import support


class PollTest(support.HandlerTest):
    def setUp(self) -> None:
        super().setUp()
        self.handler.on_start = lambda job: InProgress(1)

    def write_many(self, count: int) -> None:
        for number in range(count):
            self.cluster.write(NETWORK, f'n{number}')
        self.cluster.settle()

    def test_many_jobs_are_looked_at_in_one_call(self) -> None:
        self.write_many(20)
        self.cluster.pass_time(2)
        self.assertEqual([20], [len(jobs) for jobs in self.handler.polls])
        self.assert_quiet()

    def test_those_left_out_go_on(self) -> None:
        polls: list[int] = []

        def poll(jobs: Sequence[Job]) -> object:
            polls.append(len(jobs))
            return {jobs[0].id: Done()}

        self.handler.on_poll = poll
        self.write_many(3)
        self.cluster.pass_time(6)
        self.assertEqual([3, 2, 1], polls)
        self.assert_quiet()

    def test_one_wrong_answer_costs_one_job(self) -> None:
        self.handler.on_poll = lambda jobs: {
            job.id: 'nonsense' if job.resource.id == 'n1' else Done()
            for job in jobs
        }
        self.write_many(3)
        self.cluster.pass_time(2)
        self.assert_state('CREATE_FAILED', NETWORK, 'n1')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n2')
        self.assert_quiet()

    def test_the_culprit_of_a_failed_call_is_found(self) -> None:
        def poll(jobs: Sequence[Job]) -> object:
            if any(job.resource.id == 'n5' for job in jobs):
                raise ValueError('n5 is bad')
            return {job.id: Done() for job in jobs}

        self.handler.on_poll = poll
        self.write_many(20)
        self.cluster.pass_time(2)
        for number in range(20):
            verb = 'FAILED' if number == 5 else 'COMPLETED'
            self.assert_state(f'CREATE_{verb}', NETWORK, f'n{number}')
        self.assert_quiet()

    def test_a_poll_that_answers_nonsense_for_all_is_one_too(self) -> None:
        self.handler.on_poll = lambda jobs: (
            None if len(jobs) > 1 else {jobs[0].id: Done()}
        )
        self.write_many(5)
        self.cluster.pass_time(2)
        for number in range(5):
            self.assert_state('CREATE_COMPLETED', NETWORK, f'n{number}')
        self.assert_quiet()

    def test_a_poll_that_could_not_look_starts_nothing_anew(self) -> None:
        answers: list[object] = [exceptions.StoreUnavailable('away')]

        def poll(jobs: Sequence[Job]) -> object:
            if answers:
                raise answers.pop()  # type: ignore[misc]
            return {job.id: Done() for job in jobs}

        self.handler.on_poll = poll
        self.write_many(3)
        self.cluster.pass_time(5)
        self.assertEqual(3, len(self.handler.starts))
        self.assert_quiet()

    def test_a_poll_may_ask_for_a_new_start(self) -> None:
        self.handler.on_poll = lambda jobs: {
            job.id: Retry('gone astray', 0) for job in jobs
        }
        self.write_many(1)
        self.cluster.pass_time(1)
        self.handler.on_poll = lambda jobs: {job.id: Done() for job in jobs}
        self.cluster.pass_time(3)
        self.assertGreater(len(self.handler.starts), 1)
        self.assert_quiet()


class BatchesTest(support.HandlerTest):
    """The handler says which jobs go together."""

    def setUp(self) -> None:
        super().setUp()
        self.waits = {'late': 10.0, 'later': 100.0}
        self.handler.on_start = lambda job: InProgress(
            self.waits.get(job.resource.id, 1.0)
        )

    def write_all(self, *names: str) -> None:
        for name in names:
            self.cluster.write(NETWORK, name)
        self.cluster.settle()

    def polled(self) -> list[list[str]]:
        return [
            [job_id.split(':')[3] for job_id in poll]
            for poll in self.handler.polls
        ]

    def test_each_batch_has_a_call_of_its_own(self) -> None:
        self.handler.on_batches = lambda due, soon: [[job] for job in due]
        self.write_all('a', 'b', 'c')
        self.cluster.pass_time(1.5)
        self.assertEqual([['a'], ['b'], ['c']], sorted(self.polled()))
        self.assert_quiet()

    def test_jobs_that_are_due_soon_may_be_taken_along(self) -> None:
        self.handler.on_batches = lambda due, soon: [[*due, *soon]]
        self.waits['a'] = 6.0
        self.write_all('a', 'late', 'later')
        self.cluster.pass_time(6.5)
        self.assertEqual([['a', 'late']], self.polled())

    def test_job_that_is_left_out_comes_up_again(self) -> None:
        self.handler.on_batches = lambda due, soon: [due[:1]]
        self.write_all('a', 'b', 'c')
        self.cluster.pass_time(4)
        self.assertEqual([1, 1, 1], [len(poll) for poll in self.polled()])
        self.assert_quiet()

    def test_batches_that_cannot_be_used_cost_nothing(self) -> None:
        def nonsense(due: Sequence[Job], soon: Sequence[Job]) -> object:
            raise ValueError('no idea')

        self.handler.on_batches = nonsense
        self.write_all('a', 'b')
        self.cluster.pass_time(2)
        self.assertEqual([2], [len(poll) for poll in self.polled()])
        self.assert_quiet()

    def test_batches_of_something_else_than_jobs_cost_nothing(self) -> None:
        self.handler.on_batches = lambda due, soon: [[job.id for job in due]]
        self.write_all('a', 'b')
        self.cluster.pass_time(2)
        self.assertEqual([2], [len(poll) for poll in self.polled()])
        self.assertIn('str is no job', self.log.output)
        self.assert_quiet()

    def test_reason_why_a_look_failed_is_told_once(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        self.handler.on_poll = lambda jobs: {
            job.id: InProgress(1.0, 'Heat is away') for job in jobs
        }
        self.write_all('a')
        self.cluster.pass_time(5)
        self.assertGreater(len(self.handler.polls), 2)
        self.assertEqual(1, log.output.count('Heat is away'))
        self.assertEqual(1, len(self.handler.starts))


class ManyBatchesTest(support.HandlerTest):
    settings = Settings(slots=50, call_timeout=60)

    def make_caller(self) -> members.HeldCaller:
        return members.HeldCaller()

    def test_a_few_calls_run_at_once(self) -> None:
        assert self.caller is not None
        self.handler.on_start = lambda job: InProgress(1)
        self.handler.on_batches = lambda due, soon: [[job] for job in due]
        for number in range(20):
            self.cluster.write(NETWORK, f'n{number}')
        self.cluster.settle()
        self.caller.run()
        self.cluster.settle()
        calls = []
        for _ in range(4):
            self.cluster.pass_time(2)
            calls.append(len(self.caller.held))
            self.caller.run()
            self.cluster.settle()
        self.assertEqual([8, 8, 4, 0], calls)
        self.assert_quiet()


class HangingTest(support.HandlerTest):
    settings = Settings(slots=2, call_timeout=60)

    def make_caller(self) -> members.HeldCaller:
        return members.HeldCaller()

    def test_a_start_that_hangs_costs_its_job(self) -> None:
        self.write(NETWORK, 'n')
        assert self.caller is not None
        hanging, self.caller.held = self.caller.held, []
        self.cluster.pass_time(61)
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assertIn(
            'CallTimeout: the handler did not return from start within 60 s',
            self.cluster.state(NETWORK, 'n')['error'],
        )
        # What it brings at last changes nothing.
        self.caller.held = hanging
        self.caller.run()
        self.cluster.settle()
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_late_answer_to_an_earlier_call_is_not_taken(self) -> None:
        assert self.caller is not None
        self.handler.on_start = lambda job: Retry('not now', 1)
        self.write(NETWORK, 'n')
        (call,) = self.caller.held
        self.caller.run()
        self.cluster.pass_time(2)
        self.handler.on_start = lambda job: Done()
        late, self.caller.held = [call], []
        self.caller.held = late
        self.caller.run()
        self.cluster.settle()
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))

    def test_a_poll_that_hangs_costs_its_job(self) -> None:
        assert self.caller is not None
        self.handler.on_start = lambda job: InProgress(1)
        self.write(NETWORK, 'n')
        self.caller.run()
        self.cluster.settle()
        self.cluster.pass_time(63)
        self.assertIn(
            'did not return from poll',
            self.cluster.state(NETWORK, 'n')['error'],
        )
        self.assert_quiet()

    def test_a_hung_poll_of_many_is_repeated_one_by_one(self) -> None:
        assert self.caller is not None
        self.handler.on_start = lambda job: InProgress(1)
        for name in 'ab':
            self.cluster.write(NETWORK, name)
        self.cluster.settle()
        self.caller.run()
        self.cluster.pass_time(2)
        self.caller.held.clear()
        self.cluster.pass_time(61)
        self.assertEqual(2, len(self.caller.held))
        self.caller.run()
        self.cluster.settle()
        for name in 'ab':
            self.assert_state('CREATE_COMPLETED', NETWORK, name)
        self.assert_quiet()
