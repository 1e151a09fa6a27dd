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

"""Who takes which job, when, and who writes what came of it."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.model import Done, StackRecord
from esi_worker.store import base
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class ClaimTest(cases.QueueTest):
    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        (self.job,) = self.cluster.jobs()
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.caller = members.HeldCaller()

    def start(self) -> members.WorkerMember:
        worker = self.cluster.add_worker(
            self.cluster.offer(self.handler), caller=self.caller
        )
        self.cluster.settle()
        return worker

    def test_a_claim_hangs_on_the_lease_and_starts_the_job_state(
        self,
    ) -> None:
        worker = self.start()
        claim = self.cluster.store.get(f'/jobs/working/{self.job}')
        assert claim is not None
        self.assertEqual(worker.lease.id, claim.lease)
        self.assertEqual([], self.cluster.jobs('ready'))
        self.assertEqual(
            {}, self.cluster.json('/esi-worker/job_state/v2.0/networks/n')
        )

    def test_after_a_lost_lease_nothing_is_written(self) -> None:
        worker = self.start()
        self.handler.on_start = lambda job: Done(
            {'heat_outputs': []},
            StackRecord('network:n', 't', 'network_n', 'CREATE_COMPLETE', ''),
        )
        self.cluster.store.revoke_lease(worker.lease.id)
        self.cluster.members.remove(worker)
        before = self.cluster.store.revision
        self.caller.run()
        worker.dispatcher.step()
        self.assertEqual(before, self.cluster.store.revision)
        self.assertEqual(0, len(worker.dispatcher))

    def test_a_worker_whose_lease_was_lost_begins_anew(self) -> None:
        worker = self.start()
        lost = worker.lease.id
        self.cluster.store.revoke_lease(lost)
        self.cluster.pass_time(12)
        self.caller.run()
        self.cluster.settle()
        self.assertNotEqual(lost, worker.lease.id)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertEqual(2, len(self.handler.starts))
        self.assert_quiet()

    def test_a_claim_taken_away_leaves_the_job_to_the_next(self) -> None:
        worker = self.start()
        self.cluster.store.delete(f'/jobs/working/{self.job}')
        self.caller.run()
        self.cluster.settle()
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.assertEqual(0, len(worker.dispatcher))
        self.cluster.pass_time(1)
        self.caller.run()
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_claim_applied_long_after_its_time_out_is_found(self) -> None:
        # The store answers nothing, and applies the claim only when it
        # was looked for in vain.
        held: list[object] = []
        store = self.cluster.store
        txn = store.txn

        def slow(
            compares: object, success: object, failure: object = ()
        ) -> base.TxnResult:
            claims = any(
                isinstance(each, base.Put)
                and each.key.startswith('/jobs/working/')
                for each in success  # type: ignore[attr-defined]
            )
            if claims and not held:
                held.append((compares, success, failure))
                raise exceptions.StoreTimeout
            if claims and len(held) == 1:
                held.append(None)
                txn(*held[0])  # type: ignore[misc]
            return txn(compares, success, failure)  # type: ignore[arg-type]

        store.txn = slow  # type: ignore[method-assign]
        self.start()
        self.assertEqual(2, len(held))
        self.caller.run()
        self.cluster.settle()
        self.assertEqual([self.job], self.handler.starts)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_snapshot_that_still_shows_it_starts_nothing(self) -> None:
        ready = self.cluster.store.range('/jobs/ready/')
        worker = self.start()
        worker.dispatcher.take(ready)
        for _ in range(3):
            worker.dispatcher.step()
        self.assertEqual(1, len(self.caller.held))
        self.caller.run()
        self.cluster.settle()
        self.assertEqual([self.job], self.handler.starts)
        self.assert_quiet()

    def test_a_record_that_could_not_be_written_is_repeated(self) -> None:
        self.cluster.store.delete(f'/jobs/ready/{self.job}')
        self.cluster.settle()
        self.cluster.fault = lambda name, moment: _away(name)
        worker = self.start()
        key = f'/esi-worker/workers/{worker.identity}'
        self.assertIsNone(self.cluster.store.get(key))
        self.cluster.fault = None
        self.cluster.pass_time(2)
        self.assertIsNotNone(self.cluster.store.get(key))

    def test_a_result_waits_for_the_store(self) -> None:
        worker = self.start()
        self.cluster.fault = lambda name, moment: _away(name)
        self.caller.run()
        self.cluster.pass_time(5)
        self.assertTrue(worker.dispatcher.busy)
        self.cluster.fault = None
        self.cluster.pass_time(10)
        self.assertEqual([self.job], self.handler.starts)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_results_of_a_drained_worker_are_still_written(self) -> None:
        worker = self.start()
        worker.dispatcher.drain()
        self.write(NETWORK, 'm')
        self.assertTrue(worker.dispatcher.busy)
        self.caller.run()
        self.cluster.settle()
        self.assertFalse(worker.dispatcher.busy)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertEqual(1, len(self.cluster.jobs('ready')))


def _away(name: str) -> None:
    if name == 'txn':
        raise exceptions.StoreUnavailable
