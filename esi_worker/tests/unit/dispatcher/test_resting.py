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

"""Workers that an operator lets rest."""

from __future__ import annotations

from esi_worker import exceptions, store
from esi_worker.model import InProgress, WorkerRecord
from esi_worker.tests import members
from esi_worker.tests.cluster import NETWORK
from esi_worker.tests.unit.dispatcher import support


class RestingTest(support.HandlerTest):
    def rest(self, worker: members.WorkerMember) -> str:
        """Mark a worker as ``worker drain`` does."""
        key = self.cluster.keys.draining(worker.identity)
        self.cluster.store.put(key, '', lease=worker.lease.id)
        self.cluster.settle()
        return key

    def ours(self) -> members.WorkerMember:
        assert self.worker is not None
        return self.worker

    def test_it_takes_no_more_jobs(self) -> None:
        self.rest(self.ours())
        self.write(NETWORK, 'n')
        self.assertEqual(1, len(self.cluster.jobs('ready')))

    def test_it_offers_no_handlers(self) -> None:
        self.rest(self.ours())
        self.cluster.pass_time(60)
        key = self.cluster.keys.worker(self.ours().identity)
        kv = self.cluster.store.get(key)
        assert kv is not None
        self.assertEqual((), WorkerRecord.decode(key, kv.value).handlers)

    def test_what_goes_on_elsewhere_is_given_back(self) -> None:
        self.answer(InProgress(60))
        self.write(NETWORK, 'n')
        self.assertEqual(1, len(self.cluster.jobs('working')))
        self.rest(self.ours())
        self.assertEqual(0, len(self.cluster.jobs('working')))
        self.assertEqual(1, len(self.cluster.jobs('ready')))

    def check_fault(self, moment: str) -> None:
        """Give back while the store fails a commit or its answer."""
        self.answer(InProgress(60))
        self.write(NETWORK, 'n')
        faults = [exceptions.StoreUnavailable('away')]

        def fail(name: str, when: str) -> None:
            if name == 'txn' and when == moment and faults:
                raise faults.pop()

        key = self.cluster.keys.draining(self.ours().identity)
        self.cluster.store.put(key, '', lease=self.ours().lease.id)
        self.cluster.store.interceptor = fail
        self.ours().step()
        self.cluster.store.interceptor = None
        self.assertEqual([], faults)
        self.cluster.settle()
        self.assertEqual(0, len(self.cluster.jobs('working')))
        self.assertEqual(1, len(self.cluster.jobs('ready')))

    def test_what_could_not_be_given_back_is_given_back_later(self) -> None:
        self.check_fault('before')

    def test_a_lost_answer_keeps_nothing_either(self) -> None:
        self.check_fault('after')

    def test_given_back_when_it_is_ours_again_it_goes_on(self) -> None:
        keys, target = self.cluster.keys, self.cluster.store
        self.answer(InProgress(5))
        self.write(NETWORK, 'n')
        (job,) = self.cluster.jobs('working')
        away = [exceptions.StoreTimeout('the request is still going')]

        def hang(name: str, when: str) -> None:
            if name == 'txn' and when == 'before' and away:
                raise away.pop()

        key = keys.draining(self.ours().identity)
        target.put(key, '', lease=self.ours().lease.id)
        target.interceptor = hang
        self.ours().step()
        target.interceptor = None
        target.delete(key)
        self.cluster.settle()
        self.assertEqual([job], self.cluster.jobs('working'))
        # What hung arrives now.
        target.txn(
            (),
            (
                store.Delete(keys.working(job)),
                store.Put(keys.ready(job), 'heat_worker'),
            ),
        )
        self.cluster.pass_time(60)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_another_worker_goes_on(self) -> None:
        self.answer(InProgress(60))
        self.write(NETWORK, 'n')
        self.cluster.add_worker()
        self.rest(self.ours())
        self.cluster.pass_time(60)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_undone_it_works_again(self) -> None:
        key = self.rest(self.ours())
        self.write(NETWORK, 'n')
        self.cluster.store.delete(key)
        self.cluster.pass_time(60)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_job_given_back_counts_no_attempt(self) -> None:
        self.answer(InProgress(60))
        self.write(NETWORK, 'n')
        self.rest(self.ours())
        (job,) = self.cluster.jobs('ready')
        self.assertIn('n', job)
        record = self.cluster.json(self.cluster.keys.job(job))
        self.assertEqual(0, record[2])
