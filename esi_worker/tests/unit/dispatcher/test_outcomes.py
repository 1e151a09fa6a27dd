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

"""What handlers answer, and that it costs only their own job."""

from __future__ import annotations

from collections.abc import Sequence
import itertools
from typing import Any

from esi_worker import exceptions
from esi_worker.dispatcher import Settings, outcomes
from esi_worker.model import Done, Failed, InProgress, Job, Retry
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class HandlerTest(cases.ClusterTest):
    """``start`` and ``poll`` of one scripted handler."""

    settings = Settings()

    def make_worker(self) -> members.WorkerMember:
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.caller = self.make_caller()
        return self.cluster.add_worker(
            self.cluster.offer(self.handler), self.settings, self.caller
        )

    def make_caller(self) -> members.HeldCaller | None:
        return None

    def answer(self, *answers: object) -> None:
        """What ``start`` answers in turn; then it is done."""
        left = list(answers)

        def start(job: Job) -> object:
            if job.resource.id != 'n' or not left:
                return Done()
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.handler.on_start = start

    def assert_error(self, text: str) -> None:
        self.assertIn(text, self.cluster.state(NETWORK, 'n')['error'])
        # Others go on.
        self.write(NETWORK, 'm')
        self.assert_state('CREATE_COMPLETED', NETWORK, 'm')
        self.assert_quiet()


class AnswerTest(HandlerTest):
    def test_an_exception_fails_the_job(self) -> None:
        self.answer(ValueError('no such thing'))
        self.write(NETWORK, 'n')
        self.assert_error('ValueError: no such thing')

    def test_a_terminal_error_fails_the_job(self) -> None:
        self.answer(exceptions.TemplateError('bad template'))
        self.write(NETWORK, 'n')
        self.assert_error('TemplateError: bad template')

    def test_a_long_error_is_shortened(self) -> None:
        self.answer(ValueError('x' * 5000))
        self.write(NETWORK, 'n')
        self.assertEqual(1024, len(self.cluster.state(NETWORK, 'n')['error']))

    def test_no_outcome_fails_the_job(self) -> None:
        nonsense: Sequence[object] = (None, 'done', 3, {}, Done)
        for number, answer in enumerate(nonsense, 1):
            self.answer(answer)
            self.write(NETWORK, 'n', number)
            self.assert_error('HandlerError: the handler answered')

    def test_an_outcome_with_wrong_values_fails_the_job(self) -> None:
        wrong: Sequence[Any] = (
            Done({'a': object()}),
            Done(None),  # type: ignore[arg-type]
            Done({}, 'a stack'),  # type: ignore[arg-type]
            Failed(None),  # type: ignore[arg-type]
            Failed(''),
            InProgress('soon'),  # type: ignore[arg-type]
            InProgress(None),  # type: ignore[arg-type]
            InProgress(float('nan')),
            Retry('because', float('inf')),
            Retry('because', 'later'),  # type: ignore[arg-type]
        )
        for number, answer in enumerate(wrong, 1):
            self.answer(answer)
            self.write(NETWORK, 'n', number)
            self.assert_error('wrong value')

    def test_a_result_too_large_for_the_store_fails_the_job(self) -> None:
        self.answer(Done({'heat_outputs': 'x' * 2_000_000}))
        self.write(NETWORK, 'n')
        self.assert_error('RequestTooLarge')

    def test_a_transient_error_is_tried_again(self) -> None:
        self.answer(exceptions.StoreUnavailable('etcd is away'))
        self.write(NETWORK, 'n')
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.assertIn('StoreUnavailable: etcd is away', self.log.output)
        self.cluster.pass_time(2)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_lost_claim_is_no_failure(self) -> None:
        self.answer(exceptions.ClaimLost('changed nothing'))
        self.write(NETWORK, 'n')
        self.cluster.pass_time(2)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')


class RetryTest(HandlerTest):
    def test_pauses_grow_up_to_a_minute(self) -> None:
        self.answer(*[Retry('not now')] * 12)
        self.write(NETWORK, 'n')
        starts: list[int] = []
        for second in range(400):
            if len(self.handler.starts) > len(starts):
                starts.append(second)
            self.cluster.pass_time(1)
        pauses = [b - a for a, b in itertools.pairwise(starts)]
        self.assertLessEqual(pauses[0], 2)
        self.assertLessEqual(max(pauses), 61)
        self.assertGreaterEqual(max(pauses), 30)

    def test_a_hint_is_followed(self) -> None:
        self.answer(Retry('not now', 20))
        self.write(NETWORK, 'n')
        self.cluster.pass_time(19)
        self.assertEqual(1, len(self.handler.starts))
        self.cluster.pass_time(2)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_the_reason_is_told_when_it_changes(self) -> None:
        self.answer(Retry('one', 1), Retry('one', 1), Retry('two', 1))
        self.write(NETWORK, 'n')
        self.cluster.pass_time(5)
        lines = [
            line.rpartition(': ')[2]
            for line in self.log.output.splitlines()
            if 'is tried again' in line
        ]
        self.assertEqual(['one', 'two'], lines)

    def test_a_pause_is_never_longer_than_the_cap(self) -> None:
        for failures in range(1, 2000, 7):
            self.assertLessEqual(outcomes.pause(failures, None), 60)
            self.assertGreater(outcomes.pause(failures, None), 0)


class PollTest(HandlerTest):
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


class HangingTest(HandlerTest):
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
