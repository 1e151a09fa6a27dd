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

"""Operators call jobs off."""

from __future__ import annotations

from esi_worker.model import RequestOutcome, ResourceRef
from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, PORT, SUBNET
from esi_worker.tests.unit.scheduler import test_requests

N = ResourceRef('network', 'n')
P = ResourceRef('port', 'p')


class CancelCase(test_requests.RequestCase, cases.QueueTest):
    def cancel(self, job_id: str, *, force: bool = False) -> str:
        """:returns: the reason of the refusal, empty if it is done"""
        id_ = self.ask(
            N if ':network:' in job_id else P,
            action='cancel',
            requested_by='me@host',
            options={'job': job_id, 'force': force},
        )
        outcome = self.outcome(id_)
        assert outcome is not None
        refused = outcome[0] is RequestOutcome.REFUSED
        self.assertEqual(refused, bool(outcome[1]))
        return outcome[1]

    def job(self, name: str) -> str:
        return self.cluster.job_id(f'create:heat_worker:{name}')


class CancelTest(CancelCase):
    def test_a_ready_job_ends_as_a_failed_one(self) -> None:
        self.write(NETWORK, 'n')
        self.assertEqual('', self.cancel(self.job('network')))
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        error = self.cluster.state(NETWORK, 'n')['error']
        self.assertEqual('Cancelled: me@host has called the job off', error)
        self.assert_quiet()

    def test_what_waits_for_it_is_cancelled_too(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        self.cancel(self.job('network'))
        self.assert_state('CREATE_FAILED', PORT, 'p')
        self.assertIn('me@host', self.cluster.state(PORT, 'p')['error'])
        self.assert_quiet()

    def test_a_waiting_job_leaves_what_it_waits_for_alone(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        self.cancel(self.job('port'))
        self.assert_state('CREATE_FAILED', PORT, 'p')
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_two_at_once_leave_nothing_behind(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        for ref, name in ((N, 'network'), (P, 'port')):
            self.cluster.request(
                ref, action='cancel', options={'job': self.job(name)}
            )
        self.cluster.settle()
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assert_state('CREATE_FAILED', PORT, 'p')
        error = self.cluster.state(PORT, 'p')['error']
        self.assertTrue(error.endswith('has called the job off'), error)
        self.assert_quiet()

    def test_one_that_is_called_off_is_not_released(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n', fixed_ips=[])
        table = self.manager.world.table
        entry = table.get(self.job('port'))
        assert entry is not None
        entry.result = '["Cancelled"]'
        self.assertEqual([], table.remove(self.job('network')))

    def test_a_newer_version_begins_anew(self) -> None:
        self.write(NETWORK, 'n')
        self.cancel(self.job('network'))
        self.start_worker()
        self.write(NETWORK, 'n', 2)
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)

    def test_no_state_is_written_for_a_config_that_is_gone(self) -> None:
        self.write(NETWORK, 'n')
        job = self.job('network')
        self.cluster.store.delete(self.cluster.keys.config('v2.0/networks/n'))
        self.cancel(job)
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))

    def test_only_unfinished_jobs_of_that_resource(self) -> None:
        self.write(NETWORK, 'n')
        self.write(PORT, 'q', network_id='n', fixed_ips=[])
        self.assertIn('no unfinished job', self.cancel('a:b:network:n:1:x'))
        # A job of another resource than the request is about.
        self.assertIn('no unfinished job', self.cancel(self.job('port')))


class RunningTest(CancelCase):
    def setUp(self) -> None:
        super().setUp()
        self.start_worker()
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.assertEqual(1, len(self.cluster.jobs('working')))

    def test_a_running_job_is_refused(self) -> None:
        self.assertIn('is running it', self.cancel(self.job('network')))
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_later_version_waits_for_its_end(self) -> None:
        self.write(NETWORK, 'n', 2)
        later = self.cluster.job_id('modify:heat_worker:network:n:2:')
        self.assertIn('has not ended', self.cancel(later))
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.assertIn(later, self.cluster.jobs())
        self.assertEqual('', self.cancel(self.job('network'), force=True))
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_a_config_that_was_made_anew_is_not_told(self) -> None:
        old = self.job('network')
        self.cluster.erase(NETWORK, 'n')
        slow = {'wait': 1, 'after': 30}
        self.write(NETWORK, 'n', noop=slow)
        self.assertEqual('', self.cancel(old, force=True))
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.cluster.pass_time(60)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_by_force_its_result_is_dropped(self) -> None:
        self.assertEqual('', self.cancel(self.job('network'), force=True))
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.cluster.pass_time(6)
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        self.assert_quiet()


class WorkflowTest(CancelCase):
    handler_names = ('heat_worker', 'monitoring_worker')

    def of_network(self, start: str) -> str:
        return self.cluster.job_id(f'{start}:network:n:')

    def test_a_state_is_not_told_before_the_workflow_has_ended(self) -> None:
        self.write(NETWORK, 'n')
        last = self.of_network('create:monitoring_worker')
        self.assertIn('comes before it', self.cancel(last))
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_two_at_once_tell_the_state_once(self) -> None:
        self.write(NETWORK, 'n')
        first, second = (
            self.cluster.request(
                N, action='cancel', options={'job': self.of_network(start)}
            )
            for start in ('create:heat_worker', 'create:monitoring_worker')
        )
        self.cluster.settle()
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(first))
        outcome = self.outcome(second)
        assert outcome is not None
        self.assertIn('goes with it', outcome[1])
        self.assert_quiet()

    def test_what_its_workflow_waits_for_is_still_waited_for(self) -> None:
        self.modify_after_a_subnet()
        first = self.of_network('delete:monitoring_worker')
        self.assertIn('still has to wait', self.cancel(first))
        self.assertIn(first, self.cluster.jobs('waiting'))

    def test_a_deletion_of_monitoring_is_not_left_alone(self) -> None:
        self.modify_after_a_subnet()
        job = self.of_network('modify:heat_worker')
        self.assertEqual('', self.cancel(job))
        left = [job for job in self.cluster.jobs() if ':network:' in job]
        self.assertEqual([], left)
        self.start_worker()
        self.assert_state('MODIFY_FAILED', NETWORK, 'n', 2)
        self.assert_quiet()

    def modify_after_a_subnet(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.start_worker())
        self.write(SUBNET, 's', network_id='n')
        self.write(NETWORK, 'n', 2)
