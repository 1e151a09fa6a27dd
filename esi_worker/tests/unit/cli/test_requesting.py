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

"""Commands ask the manager, and take back what it does not answer."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.cli import requesting
from esi_worker.model import Request, RequestOutcome, ResourceRef
from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK

N = ResourceRef('network', 'n')


class AskerTest(cases.ClusterTest):
    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        self.asker = requesting.Asker(
            self.cluster.store,
            self.cluster.keys,
            clock=self.cluster.clock,
            pause=self.cluster.pass_time,
        )

    def requests(self) -> list[str]:
        return self.cluster.keys_under('/esi-worker/requests/')

    def test_an_answer_is_waited_for(self) -> None:
        answer = self.asker.ask_one(Request('reapply', N), 30)
        self.assertEqual(RequestOutcome.ACCEPTED, answer.outcome)
        self.assertEqual(
            ['create:1', 'modify:1'], self.cluster.actions(NETWORK, 'n')
        )

    def test_several_are_answered_together(self) -> None:
        ghost = ResourceRef('network', 'ghost')
        asked = self.asker.ask(
            [Request('reapply', N), Request('reapply', ghost)], 30
        )
        outcomes = [each.answer and each.answer.outcome for each in asked]
        self.assertEqual(
            [RequestOutcome.ACCEPTED, RequestOutcome.REFUSED], outcomes
        )
        self.assertEqual([N, ghost], [each.request.resource for each in asked])

    def test_a_refusal_tells_why(self) -> None:
        error = self.assertRaises(
            exceptions.TerminalError,
            self.asker.ask_one,
            Request('resume', N),
            30,
        )
        self.assertIn('it is not paused', str(error))

    def test_of_what_is_written_in_part_nobody_knows_the_end(self) -> None:
        writes = []

        def fail(name: str, moment: str) -> None:
            if (name, moment) == ('txn', 'before'):
                writes.append(name)
                if len(writes) > 1:
                    raise exceptions.StoreUnavailable('etcd is away')

        self.cluster.store.interceptor = fail
        error = self.assertRaises(
            exceptions.StoreTimeout,
            self.asker.ask,
            [Request('reapply', N)] * 150,
            30,
        )
        self.assertIn('100 of 150 requests are written', str(error))

    def test_it_tells_who_asks(self) -> None:
        self.asker.ask_one(Request('pause', N), 30)
        (pause,) = self.cluster.keys_under('/esi-worker/paused/')
        self.assertIn('@', self.cluster.json(pause)['by'])

    def test_without_a_manager_it_is_taken_back(self) -> None:
        self.cluster.stop(self.manager)
        error = self.assertRaises(
            exceptions.TerminalError,
            self.asker.ask_one,
            Request('reapply', N),
            30,
        )
        self.assertIn('no manager has answered within 30 s', str(error))
        self.assertEqual([], self.requests())
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(['create:1'], self.cluster.actions(NETWORK, 'n'))

    def test_answers_do_not_stay_for_ever(self) -> None:
        self.asker.ask_one(Request('reapply', N), 30)
        self.cluster.pass_time(120)
        self.assertEqual([], self.requests())
