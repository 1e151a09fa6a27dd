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

"""Jobs in every place when a leader dies, and by foreign hands."""

from __future__ import annotations

from esi_worker.model import Done, Job
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, SUBNET


class PlacesTest(cases.QueueTest):
    """Jobs in every place when the leader dies."""

    def take_over(self) -> None:
        self.cluster.remove(self.manager)
        self.cluster.pass_time(11)
        self.manager = self.cluster.add_manager()
        self.cluster.settle()

    def test_waiting_and_ready(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.take_over()
        self.assertEqual(1, len(self.cluster.jobs('waiting')))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_working(self) -> None:
        self.write(NETWORK, 'n', noop={'wait': 1, 'after': 20})
        self.write(SUBNET, 's', network_id='n')
        self.start_worker()
        self.take_over()
        self.assertEqual(1, len(self.cluster.jobs('working')))
        self.cluster.pass_time(15)
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_finished_but_not_taken_away(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.cluster.remove(self.manager)
        self.start_worker()
        self.assertEqual(1, len(self.cluster.jobs('finished')))
        self.assertEqual(2, len(self.cluster.jobs()))
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_finished_while_the_claim_is_still_there(self) -> None:
        self.write(NETWORK, 'n')
        (job,) = self.cluster.jobs()
        self.cluster.store.delete(f'/jobs/ready/{job}')
        self.cluster.store.put(f'/jobs/working/{job}', 'foreign')
        self.cluster.store.put(f'/jobs/finished/{job}', '')
        self.take_over()
        self.assertEqual([job], self.cluster.jobs())
        self.cluster.store.delete(f'/jobs/working/{job}')
        self.cluster.settle()
        self.assert_quiet()

    def test_a_claim_that_was_lost_unseen(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        worker = self.start_worker()
        self.cluster.remove(self.manager)
        self.cluster.stop(worker)
        self.assertEqual([], self.cluster.jobs('working'))
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(1, len(self.cluster.jobs('ready')))

    def test_in_all_only(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        network, subnet = self.cluster.jobs()
        self.cluster.store.delete(f'/jobs/ready/{network}')
        self.cluster.store.delete(f'/jobs/waiting/{subnet}')
        self.take_over()
        self.assertEqual([network], self.cluster.jobs('ready'))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_what_waits_for_something_unknown_is_released(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        network, subnet = self.cluster.jobs()
        for place in 'all', 'ready':
            self.cluster.store.delete(f'/jobs/{place}/{network}')
        self.take_over()
        self.assertEqual([subnet], self.cluster.jobs('ready'))
        self.assertEqual([], self.cluster.jobs('waiting'))


class ForeignHandsTest(cases.QueueTest):
    """Jobs that others put into the queue, or take out of it."""

    def test_a_job_taken_out_frees_those_that_wait(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        network, subnet = self.cluster.jobs()
        for place in 'all', 'ready':
            self.cluster.store.delete(f'/jobs/{place}/{network}')
        self.cluster.settle()
        self.assertEqual([subnet], self.cluster.jobs('ready'))

    def test_a_job_put_in_is_waited_for_and_taken_away(self) -> None:
        self.write(NETWORK, 'n')
        (network,) = self.cluster.jobs()
        kv = self.cluster.store.get(f'/jobs/all/{network}')
        assert kv is not None
        self.cluster.stop(self.start_worker())
        self.cluster.store.put(f'/jobs/all/{network}', kv.value)
        self.cluster.store.put(f'/jobs/ready/{network}', 'heat_worker')
        self.cluster.settle()
        self.write(SUBNET, 's', network_id='n')
        self.assertEqual(
            [network], self.cluster.dependency('create:heat_worker:subnet')
        )
        self.start_worker()
        self.assert_quiet()


class ManyDependantsTest(cases.QueueTest):
    """A release that needs several transactions."""

    COUNT = 300

    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        for number in range(self.COUNT):
            self.cluster.write(SUBNET, f's{number}', network_id='n')
        self.cluster.settle()
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.handler.on_start = self.answer

    def answer(self, job: Job) -> object:
        return Done()

    def work(self) -> None:
        self.cluster.add_worker(self.cluster.offer(self.handler))
        self.cluster.settle()
        self.cluster.pass_time(1)

    def test_all_are_released(self) -> None:
        self.work()
        self.assertEqual(
            self.COUNT + 1, len(self.cluster.keys_under('/state/'))
        )
        self.assertEqual(self.COUNT + 1, len(set(self.handler.starts)))
        self.assert_quiet()

    def test_a_leader_may_die_between_any_two_of_them(self) -> None:
        (network,) = self.cluster.jobs('ready')
        self.cluster.store.delete(f'/jobs/ready/{network}')
        self.cluster.store.put(f'/jobs/finished/{network}', '')
        self.cluster.fault = members.Fault(3, 'before', members.Crash)
        self.cluster.settle()
        self.assertEqual([], self.cluster.members)
        self.assertIn(network, self.cluster.jobs())
        released = len(self.cluster.jobs('ready'))
        self.assertTrue(0 < released < self.COUNT, released)
        self.cluster.fault = None
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        self.assertEqual(self.COUNT, len(self.cluster.jobs('ready')))
        self.assertNotIn(network, self.cluster.jobs())
        self.work()
        self.assertEqual(self.COUNT, len(self.handler.starts))
        self.assert_quiet()
