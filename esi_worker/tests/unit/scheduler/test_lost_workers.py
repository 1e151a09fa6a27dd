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

"""Workers that die with jobs in their hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esi_worker.model import InProgress, Job
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, PORT


class LostWorkerTest(cases.QueueTest):
    """Workers that die with jobs in their hands."""

    def worker_dies(
        self, on_start: Callable[[Job], object], seconds: float = 31
    ) -> None:
        handler = members.ScriptedHandler(self.cluster.context())
        handler.on_start = on_start
        worker = self.cluster.add_worker(self.cluster.offer(handler))
        self.cluster.pass_time(2)
        if worker in self.cluster.members:
            self.cluster.remove(worker)
        self.cluster.pass_time(seconds)

    def attempts(self) -> int:
        (job,) = self.cluster.jobs()
        attempt: int = self.cluster.json(f'/jobs/all/{job}')[2]
        return attempt

    def dies_in_start(self, _job: Job) -> object:
        raise members.Crash

    def test_jobs_are_ready_again_when_the_lease_ends(self) -> None:
        self.write(NETWORK, 'n')
        self.worker_dies(lambda job: InProgress(100), 20)
        self.assertEqual([], self.cluster.jobs('ready'))
        self.cluster.pass_time(12)
        self.assertEqual(1, len(self.cluster.jobs('ready')))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_death_inside_start_counts(self) -> None:
        self.write(NETWORK, 'n')
        self.worker_dies(self.dies_in_start)
        self.assertEqual(1, self.attempts())
        self.worker_dies(self.dies_in_start)
        self.assertEqual(2, self.attempts())

    def test_a_death_while_it_is_in_progress_does_not(self) -> None:
        self.write(NETWORK, 'n')
        self.worker_dies(lambda job: InProgress(100))
        self.assertEqual(0, self.attempts())

    def test_others_jobs_do_not_count_with_it(self) -> None:
        def answer(job: Job) -> object:
            if job.resource.id == 'm':
                raise members.Crash
            return InProgress(100)

        self.write(NETWORK, 'n')
        handler = members.ScriptedHandler(self.cluster.context())
        handler.on_start = answer
        self.cluster.add_worker(self.cluster.offer(handler))
        self.cluster.pass_time(3)
        self.write(NETWORK, 'm')
        self.cluster.pass_time(31)
        attempts: Mapping[str, int] = {
            job.split(':')[3]: self.cluster.json(f'/jobs/all/{job}')[2]
            for job in self.cluster.jobs()
        }
        self.assertEqual({'n': 0, 'm': 1}, attempts)

    def test_a_job_that_kills_its_workers_is_given_up(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        for _ in range(5):
            self.worker_dies(self.dies_in_start)
        state = self.cluster.state(NETWORK, 'n')
        self.assertIn('JobGivenUp: 5 workers died', state['error'])
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assert_state('CREATE_FAILED', PORT, 'p')
        self.assert_quiet()

    def test_what_was_given_up_is_not_told_to_a_new_incarnation(
        self,
    ) -> None:
        self.write(NETWORK, 'n')
        for _ in range(4):
            self.worker_dies(self.dies_in_start)
        handler = members.ScriptedHandler(self.cluster.context())
        handler.on_start = self.dies_in_start
        self.cluster.add_worker(self.cluster.offer(handler))
        self.cluster.settle()
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.write(NETWORK, 'n')
        self.cluster.pass_time(33)
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_result_that_follows_the_claim_is_awaited(self) -> None:
        # Workers that are not ours write the two separately.
        self.write(NETWORK, 'n')
        (job,) = self.cluster.jobs()
        self.cluster.store.put(f'/jobs/working/{job}', 'foreign')
        self.cluster.store.delete(f'/jobs/ready/{job}')
        self.cluster.settle()
        self.cluster.store.delete(f'/jobs/working/{job}')
        self.cluster.settle()
        self.assertEqual([], self.cluster.jobs('ready'))
        self.cluster.store.put(f'/jobs/finished/{job}', '')
        self.cluster.settle()
        self.assert_quiet()

    def test_a_job_handed_over_is_ready_at_once(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        worker = self.start_worker()
        self.assertEqual(1, len(self.cluster.jobs('working')))
        worker.dispatcher.drain()
        worker.dispatcher.hand_over()
        self.cluster.stop(worker)
        self.cluster.settle()
        self.assertEqual(1, len(self.cluster.jobs('ready')))
        self.assertEqual(0, self.attempts())
        self.cluster.pass_time(2)
        self.assertEqual(0, self.attempts())
        self.start_worker()
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()
