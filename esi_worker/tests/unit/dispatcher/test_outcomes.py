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

from esi_worker import clock as clocks
from esi_worker import exceptions
from esi_worker.dispatcher import outcomes
from esi_worker.model import (
    Done,
    Failed,
    InProgress,
    Retry,
    Retrying,
    WorkerRecord,
    records,
)
from esi_worker.tests.cluster import NETWORK
from esi_worker.tests.unit.dispatcher import support


class AnswerTest(support.HandlerTest):
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

    def stack(self, mark: Any) -> records.StackRecord:
        return records.StackRecord('n', 't', 's', 'OK', '', mark=mark)

    def test_an_outcome_with_wrong_values_fails_the_job(self) -> None:
        wrong: Sequence[Any] = (
            Done({'a': object()}),
            Done(None),  # type: ignore[arg-type]
            Done({}, 'a stack'),  # type: ignore[arg-type]
            Done({}, self.stack('a mark')),
            Failed('x', {}, self.stack(records.StackMark(object()))),  # type: ignore[arg-type]
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


class RetryTest(support.HandlerTest):
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

    def test_others_see_since_when_and_why(self) -> None:
        began = clocks.timestamp(self.cluster.clock)
        self.answer(*[Retry('one', 3)] * 3, *[Retry('two', 3)] * 3)
        self.write(NETWORK, 'n')
        self.cluster.pass_time(6)
        (told,) = self.retrying()
        self.assertIn(':network:n:1:', told.job)
        self.assertEqual((began, 'one'), (told.since, told.reason))
        self.cluster.pass_time(8)
        (told,) = self.retrying()
        self.assertEqual((began, 'two'), (told.since, told.reason))
        self.cluster.pass_time(12)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertEqual((), self.retrying())

    def test_a_poll_that_fails_is_seen_too(self) -> None:
        self.answer(InProgress(1))
        self.handler.on_poll = lambda jobs: {
            job.id: InProgress(1, 'Heat is away') for job in jobs
        }
        self.write(NETWORK, 'n')
        self.cluster.pass_time(10)
        (told,) = self.retrying()
        self.assertEqual('Heat is away', told.reason)

    def test_a_worker_tells_of_some_only(self) -> None:
        self.handler.on_start = lambda job: Retry('not now ' * 100, 1)
        for number in range(60):
            self.cluster.write(NETWORK, f'n{number}')
        self.cluster.settle()
        self.cluster.pass_time(10)
        told = self.retrying()
        self.assertEqual(50, len(told))
        self.assertLessEqual(max(len(each.reason) for each in told), 300)

    def retrying(self) -> tuple[Retrying, ...]:
        (kv,) = self.cluster.store.range(self.cluster.keys.worker('')).items
        return WorkerRecord.decode(kv.key, kv.value).retrying

    def test_a_pause_is_never_longer_than_the_cap(self) -> None:
        for failures in range(1, 2000, 7):
            self.assertLessEqual(outcomes.pause(failures, None), 60)
            self.assertGreater(outcomes.pause(failures, None), 0)
