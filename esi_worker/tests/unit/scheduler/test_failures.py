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

"""Jobs that fail, and workers that die over them."""

from __future__ import annotations

from testtools import matchers

from esi_worker.model import Done, Failed, Job, Outcome
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, PORT, SUBNET


class FailingTest(cases.QueueTest):
    """``failing`` names the jobs that fail by how their ids start."""

    def setUp(self) -> None:
        super().setUp()
        self.failing: tuple[str, ...] = ()
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.handler.on_start = self.answer

    def answer(self, job: Job) -> Outcome:
        if job.id.startswith(self.failing):
            return Failed('Broken: by the test')
        return Done()

    def work(self) -> None:
        worker = self.cluster.add_worker(self.cluster.offer(self.handler))
        self.cluster.settle()
        self.cluster.stop(worker)
        self.cluster.settle()

    def assert_cancelled(self, error: str) -> None:
        self.assert_names(error, self.cluster.state(PORT, 'p')['error'])

    def assert_names(self, resource: str, error: str) -> None:
        """The error tells which job has failed, and how."""
        self.assertThat(
            error,
            matchers.MatchesRegex(
                rf'Cancelled: job \w+:heat_worker:{resource}:\d+:\w{{5}} '
                'has failed: Broken: by the test$'
            ),
        )


class CancelTest(FailingTest):
    def test_all_that_wait_directly_or_not_are_cancelled(self) -> None:
        self.failing = ('create:heat_worker:network',)
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'm')
        self.write(PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}])
        self.work()
        self.assert_names(
            'network:n', self.cluster.state(SUBNET, 's')['error']
        )
        self.assert_state('CREATE_FAILED', PORT, 'p')
        self.assert_cancelled('network:n')
        self.assert_quiet()

    def test_others_go_on(self) -> None:
        self.failing = ('create:heat_worker:network:n',)
        self.write(NETWORK, 'n')
        self.write(NETWORK, 'm')
        self.write(PORT, 'p', network_id='m')
        self.work()
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_a_newer_version_of_what_failed_runs(self) -> None:
        self.failing = ('create:heat_worker:network:n:1:',)
        self.write(NETWORK, 'n')
        worker = self.cluster.add_worker(
            self.cluster.offer(self.handler), caller=members.HeldCaller()
        )
        self.cluster.settle()
        self.write(NETWORK, 'n', 2)
        caller = worker._caller
        assert isinstance(caller, members.HeldCaller)
        caller.run()
        self.cluster.settle()
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        caller.run()
        self.cluster.settle()
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_what_waits_for_the_newer_version_too_goes_on(self) -> None:
        self.failing = ('create:heat_worker:network:n:1:',)
        self.write(NETWORK, 'n')
        caller = members.HeldCaller()
        self.cluster.add_worker(self.cluster.offer(self.handler), None, caller)
        self.cluster.settle()
        self.write(NETWORK, 'n', 2)
        self.write(PORT, 'p', network_id='n')
        for _ in range(3):
            caller.run()
            self.cluster.settle()
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_a_deletion_needs_nothing_of_what_failed(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.failing = ('modify:heat_worker:network',)
        self.write(NETWORK, 'n', 2)
        self.write(PORT, 'p', 2, network_id='n', marked=True)
        self.work()
        self.assert_state('MODIFY_FAILED', NETWORK, 'n', 2)
        self.assert_state('DELETE_COMPLETED', PORT, 'p', 2)
        self.assert_quiet()

    def test_a_failed_deletion_takes_those_behind_it_along(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.failing = ('logical_delete:heat_worker:port',)
        self.write(PORT, 'p', 2, network_id='n', marked=True)
        self.write(NETWORK, 'n', 2, marked=True)
        self.work()
        self.assert_state('DELETE_FAILED', PORT, 'p', 2)
        self.assert_state('DELETE_FAILED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_a_cancelled_deletion_of_what_vanished_is_repeated(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.failing = ('delete:heat_worker:port',)
        self.cluster.erase(PORT, 'p')
        self.cluster.settle()
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.assertEqual(2, len(self.cluster.jobs()))
        self.work()
        for type_, id_ in (NETWORK, 'n'), (PORT, 'p'):
            self.assertIn(
                'is tried again', self.cluster.blocked(type_, id_)['reason']
            )
        self.failing = ()
        self.cluster.pass_time(310, step=3)
        self.work()
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assert_quiet()

    def test_nothing_is_told_to_those_without_versions(self) -> None:
        self.failing = ('create:heat_worker:network',)
        self.write(NETWORK, 'n', 0)
        self.write(PORT, 'p', 0, network_id='n')
        self.work()
        self.assertEqual([], self.cluster.keys_under('/state/'))
        self.assertEqual([], self.cluster.keys_under('/jobs/'))

    def test_a_cancellation_cut_short_is_told_all_the_same(self) -> None:
        self.write(NETWORK, 'n')
        for number in range(150):
            self.cluster.write(SUBNET, f's{number}', network_id='n')
        self.cluster.settle()
        (network,) = self.cluster.jobs('ready')
        self.cluster.store.delete(f'/jobs/ready/{network}')
        self.cluster.store.put(
            f'/jobs/finished/{network}', '["Broken: by the test"]'
        )
        self.cluster.fault = members.Fault(5, 'before', members.Crash)
        self.cluster.settle()
        self.assertEqual([], self.cluster.members)
        self.assertIn(network, self.cluster.jobs())
        self.cluster.fault = None
        self.cluster.pass_time(11)
        self.cluster.add_manager()
        self.cluster.settle()
        for number in range(150):
            self.assert_state('CREATE_FAILED', SUBNET, f's{number}')
        self.assertEqual([], self.cluster.keys_under('/jobs/'))

    def test_an_error_written_by_others_counts(self) -> None:
        for text in ('plain words', '{"a": 1}', '["one", "two"]'):
            self.write(NETWORK, 'n')
            self.write(PORT, 'p', network_id='n')
            network = self.cluster.job_id('create:heat_worker:network')
            self.cluster.store.delete(f'/jobs/ready/{network}')
            self.cluster.store.put(f'/jobs/finished/{network}', text)
            self.cluster.settle()
            self.assertIn('Cancelled', self.cluster.state(PORT, 'p')['error'])
            for type_, id_ in (PORT, 'p'), (NETWORK, 'n'):
                self.cluster.erase(type_, id_)
            self.work()
            self.work()


class TwoHandlersTest(FailingTest):
    handler_names = ('heat_worker', 'monitoring_worker')

    def test_the_rest_of_a_workflow_is_cancelled(self) -> None:
        self.failing = ('create:heat_worker:network',)
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.assertEqual(1, len(self.handler.starts))
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assert_cancelled('network:n')
        self.assert_quiet()

    def test_an_ignored_failure_cancels_nothing(self) -> None:
        self.write(NETWORK, 'n')
        self.work()
        self.failing = ('delete:monitoring_worker',)
        self.write(NETWORK, 'n', 2)
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_a_modification_that_begins_with_a_deletion_is_none(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')
        self.work()
        self.failing = ('modify:heat_worker:network',)
        self.write(NETWORK, 'n', 2)
        self.write(PORT, 'p', 2, network_id='n')
        self.work()
        self.assert_state('MODIFY_FAILED', NETWORK, 'n', 2)
        self.assert_cancelled('network:n')
        self.assert_quiet()
