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

"""How many jobs a worker takes, and which."""

from __future__ import annotations

from esi_worker.dispatcher import Settings
from esi_worker.model import InProgress
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK


class SlotTest(cases.QueueTest):
    def start(self, settings: Settings) -> members.WorkerMember:
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.caller = members.HeldCaller()
        worker = self.cluster.add_worker(
            self.cluster.offer(self.handler), settings, self.caller
        )
        self.cluster.settle()
        return worker

    def write_many(self, count: int) -> None:
        for number in range(count):
            self.write(NETWORK, f'n{number}')

    def test_slots_bound_the_starts_at_once(self) -> None:
        self.write_many(5)
        self.start(Settings(slots=2))
        self.assertEqual(2, len(self.caller.held))
        self.assertEqual(3, len(self.cluster.jobs('ready')))
        self.caller.run()
        self.cluster.settle()
        self.assertEqual(2, len(self.caller.held))

    def test_jobs_in_progress_take_no_slot(self) -> None:
        self.write_many(5)
        worker = self.start(Settings(slots=2))
        self.handler.on_start = lambda job: InProgress(100)
        for _ in range(3):
            self.caller.run()
            self.cluster.settle()
        self.assertEqual(5, len(worker.dispatcher))
        self.assertEqual(0, worker.dispatcher.starting)

    def test_jobs_held_are_bounded_too(self) -> None:
        self.write_many(5)
        worker = self.start(Settings(slots=2, max_in_progress=3))
        self.handler.on_start = lambda job: InProgress(100)
        for _ in range(3):
            self.caller.run()
            self.cluster.settle()
        self.assertEqual(3, len(worker.dispatcher))
        self.assertEqual(2, len(self.cluster.jobs('ready')))

    def test_jobs_are_taken_in_the_order_they_became_ready(self) -> None:
        for name in 'zyxabc':
            self.write(NETWORK, name)
        self.start(Settings(slots=1))
        for _ in range(6):
            self.caller.run()
            self.cluster.settle()
        self.assertEqual(
            list('zyxabc'),
            [job.split(':')[3] for job in self.handler.starts],
        )

    def test_the_record_tells_what_is_being_started(self) -> None:
        self.write_many(1)
        worker = self.start(Settings(slots=2))
        record = self.cluster.json(f'/esi-worker/workers/{worker.identity}')
        self.assertEqual(self.cluster.jobs(), record['starting'])
        self.assertEqual((2, 1), (record['slots'], record['free']))
        self.caller.run()
        self.cluster.pass_time(2)
        record = self.cluster.json(f'/esi-worker/workers/{worker.identity}')
        self.assertEqual([], record['starting'])


class OfferTest(cases.QueueTest):
    def setUp(self) -> None:
        super().setUp()
        self.handlers = []
        self.workers = []
        for _ in range(2):
            handler = members.ScriptedHandler(self.cluster.context())
            self.handlers.append(handler)
            self.workers.append(
                self.cluster.add_worker(self.cluster.offer(handler))
            )
        self.cluster.pass_time(2)

    def write_many(self) -> None:
        for number in range(40):
            self.cluster.write(NETWORK, f'n{number}')
        self.cluster.settle()

    def test_each_job_goes_to_one_of_them(self) -> None:
        self.write_many()
        counts = [len(handler.starts) for handler in self.handlers]
        self.assertEqual(40, sum(counts))
        self.assertGreater(min(counts), 5)
        self.assert_quiet()

    def test_a_job_is_offered_to_its_owner_first(self) -> None:
        self.cluster.members.remove(self.workers[0])
        self.write_many()
        mine = len(self.handlers[1].starts)
        self.assertTrue(0 < mine < 40, mine)
        self.cluster.pass_time(0.2)
        self.assertEqual(mine, len(self.handlers[1].starts))

    def test_others_take_it_after_a_while(self) -> None:
        self.cluster.members.remove(self.workers[0])
        self.write_many()
        self.cluster.pass_time(0.4, step=0.4)
        self.assertEqual(40, len(self.handlers[1].starts))
        self.assert_quiet()

    def test_the_share_of_a_worker_that_ends_falls_to_others(self) -> None:
        self.cluster.stop(self.workers[0])
        self.cluster.settle()
        self.write_many()
        self.assertEqual(40, len(self.handlers[1].starts))

    def test_one_that_drains_is_offered_nothing(self) -> None:
        self.workers[0].dispatcher.drain()
        self.cluster.pass_time(2)
        self.write_many()
        self.assertEqual(40, len(self.handlers[1].starts))

    def test_a_job_for_other_handlers_is_left_alone(self) -> None:
        self.cluster.store.put('/jobs/ready/x', 'other')
        self.cluster.settle()
        self.assertEqual(['x'], self.cluster.jobs('ready'))

    def test_a_ready_key_that_names_the_wrong_handler(self) -> None:
        for worker in self.workers:
            self.cluster.stop(worker)
        self.write(NETWORK, 'n')
        (job,) = self.cluster.jobs()
        other = members.ScriptedHandler(self.cluster.context())
        self.cluster.store.put(f'/jobs/ready/{job}', 'other')
        self.cluster.add_worker({'other': other})
        self.cluster.pass_time(1)
        self.assertEqual([], other.starts)
        self.assertIn('names another one', self.log.output)
