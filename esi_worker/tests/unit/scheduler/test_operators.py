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

"""Operators pause, resume and forget resources."""

from __future__ import annotations

from esi_worker.model import RequestOutcome, ResourceRef
from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, SUBNET
from esi_worker.tests.unit.scheduler import test_requests

N = ResourceRef('network', 'n')
S = ResourceRef('subnet', 's')
BY = 'paused by me@host at '


class OperatorTest(test_requests.RequestCase, cases.ClusterTest):
    def pause(self, ref: ResourceRef = N, reason: str = '') -> str:
        return self.ask(
            ref,
            action='pause',
            requested_by='me@host',
            options={'reason': reason},
        )

    def resume(self, ref: ResourceRef = N) -> str:
        return self.ask(ref, action='resume')

    def erase(self) -> None:
        """What ends the deletion of the network in a REST server."""
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()

    def actions(self) -> list[str]:
        return self.cluster.actions(NETWORK, 'n')

    def check_blocked(self, *reasons: str) -> None:
        """Whether the network is blocked, and by what."""
        shown = self.cluster.blocked(NETWORK, 'n') or {}
        self.assertEqual(bool(reasons), bool(shown))
        for reason in reasons:
            self.assertIn(reason, shown['reason'])

    def check_accepted(self, id_: str) -> None:
        self.assertEqual((RequestOutcome.ACCEPTED, ''), self.outcome(id_))

    def check_refused(self, id_: str, reason: str) -> None:
        outcome = self.outcome(id_)
        assert outcome is not None
        self.assertEqual(RequestOutcome.REFUSED, outcome[0])
        self.assertIn(reason, outcome[1])


class PauseTest(OperatorTest):
    def test_a_paused_resource_makes_no_jobs(self) -> None:
        self.write(NETWORK, 'n')
        self.check_accepted(self.pause(reason='maintenance'))
        self.write(NETWORK, 'n', 2)
        self.assertEqual(['create:1'], self.actions())
        self.check_blocked(BY, ': maintenance')
        self.assertEqual([], self.cluster.jobs())

    def test_it_shows_without_anything_to_do(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.check_blocked(BY)

    def test_a_started_workflow_ends(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.pause()
        self.cluster.pass_time(6)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 1)

    def test_resumed_it_does_the_latest_version(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.write(NETWORK, 'n', 2)
        self.write(NETWORK, 'n', 3)
        self.check_accepted(self.resume())
        self.assertEqual(['create:1', 'modify:3'], self.actions())
        self.check_blocked()
        self.assert_quiet()

    def test_resumed_with_nothing_to_do_it_is_not_blocked(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.resume()
        self.check_blocked()
        self.assertEqual(['create:1'], self.actions())

    def test_a_deletion_waits_too(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.erase()
        self.assertEqual([], self.cluster.jobs())
        self.check_blocked(BY)
        self.resume()
        self.assertIn('delete:heat_worker', self.log.output)
        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assert_quiet()

    def test_nothing_to_do_keeps_nobody_waiting(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.write(SUBNET, 's', network_id='n')
        self.assertEqual(['create:1'], self.cluster.actions(SUBNET, 's'))

    def test_something_to_do_makes_others_wait(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.write(NETWORK, 'n', 2)
        self.write(SUBNET, 's', network_id='n')
        self.assertEqual([], self.cluster.actions(SUBNET, 's'))
        self.resume()
        self.assertEqual(['create:1'], self.cluster.actions(SUBNET, 's'))

    def test_a_new_manager_knows_of_it(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.cluster.stop(self.manager)
        self.cluster.add_manager()
        self.cluster.settle()
        self.check_blocked(BY)
        self.write(NETWORK, 'n', 2)
        self.assertEqual(['create:1'], self.actions())

    def test_to_apply_it_again_is_refused(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.check_refused(self.ask(), BY)
        self.assertEqual(['create:1'], self.actions())

    def test_paused_twice_is_paused_once(self) -> None:
        self.write(NETWORK, 'n')
        self.pause(reason='first')
        self.check_accepted(self.pause(reason='second'))
        self.check_blocked('first')

    def test_an_unknown_resource_cannot_be_paused(self) -> None:
        self.check_refused(self.pause(), 'nothing is known of it')

    def test_what_is_not_paused_cannot_be_resumed(self) -> None:
        self.write(NETWORK, 'n')
        self.check_refused(self.resume(), 'it is not paused')

    def test_an_unknown_type_is_refused(self) -> None:
        id_ = self.pause(ResourceRef('ghost', 'g'))
        self.check_refused(id_, '"ghost" is no known resource type')


class ForgetTest(OperatorTest):
    def forget(self, ref: ResourceRef = N) -> str:
        return self.ask(ref, action='forget')

    def records(self) -> list[str]:
        """The keys that are left of the network."""
        everything = self.cluster.store.range('/').items
        return [
            kv.key
            for kv in everything
            if kv.key.endswith('/n') and '/requests/' not in kv.key
        ]

    def test_records_go_and_the_stack_is_not_touched(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.erase()
        self.check_accepted(self.forget())
        self.assertEqual([], self.records())
        self.assertNotIn('delete:heat_worker', self.log.output)
        self.assert_quiet()

    def test_what_an_audit_found_goes_with_the_resource(self) -> None:
        self.write(NETWORK, 'n')
        drift = self.cluster.keys.drift(NETWORK.path('n'))
        self.cluster.store.put(drift, '{}')
        self.erase()
        self.assertIsNone(self.cluster.store.get(drift))

    def test_a_job_that_waits_to_run_goes_too(self) -> None:
        self.write(NETWORK, 'n')
        assert self.worker is not None
        self.cluster.stop(self.worker)
        self.erase()
        self.assertEqual(1, len(self.cluster.jobs('ready')))
        self.check_accepted(self.forget())
        self.assertEqual([], self.records())
        self.assertEqual([], self.cluster.keys_under('/jobs/'))

    def test_what_waited_for_it_goes_on(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        self.pause(S)
        self.cluster.erase(SUBNET, 's')
        self.erase()
        self.check_blocked('still refers to it')
        self.check_accepted(self.forget(S))
        self.check_blocked()
        self.assertEqual([], self.records())
        self.assert_quiet()

    def test_an_unknown_resource_cannot_be_forgotten(self) -> None:
        self.check_refused(self.forget(), 'nothing is known of it')

    def test_with_a_config_it_is_refused(self) -> None:
        self.write(NETWORK, 'n')
        before = self.records()
        self.check_refused(self.forget(), 'delete /config/')
        self.assertEqual(before, self.records())

    def test_a_job_that_runs_is_not_torn_away(self) -> None:
        self.write(NETWORK, 'n', noop=cases.SLOW)
        self.cluster.pass_time(6)
        self.erase()
        self.check_refused(self.forget(), 'is being worked on')

    def test_a_resource_of_the_same_id_begins_anew(self) -> None:
        self.write(NETWORK, 'n')
        self.pause()
        self.erase()
        self.forget()
        self.write(NETWORK, 'n', 1)
        self.assertEqual(['create:1'], self.actions())
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
