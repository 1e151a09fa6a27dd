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

"""What has moved between a decision and its commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esi_worker import exceptions
from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, PORT, SUBNET


class RaceTest(cases.QueueTest):
    """Something happens right before the manager's next write."""

    def before_the_next_write(self, happening: Callable[[], object]) -> None:
        store = self.cluster.store
        txn = store.txn

        def first(compares: Any, success: Any, failure: Any = ()) -> Any:
            if any(hasattr(each, 'value') for each in success):
                store.txn = txn  # type: ignore[method-assign]
                happening()
            return txn(compares, success, failure)

        store.txn = first  # type: ignore[method-assign]

    def test_a_version_that_comes_in_between_is_the_one_done(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.before_the_next_write(lambda: self.cluster.write(NETWORK, 'n', 2))
        self.cluster.settle()
        self.assertEqual(2, self.cluster.job('create:')['version'])
        self.assertEqual(1, len(self.cluster.keys_under('/jobs/ready/')))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_dependants_planned_with_it_wait_for_the_newer_one(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.write(
            PORT, 'p', network_id='n', fixed_ips=[{'subnet_id': 's'}]
        )
        self.before_the_next_write(lambda: self.cluster.write(NETWORK, 'n', 2))
        self.cluster.settle()
        network = self.cluster.job_id('create:heat_worker:network:n:2')
        subnet = self.cluster.job_id('create:heat_worker:subnet')
        self.assertEqual([network], self.cluster.jobs('ready'))
        self.assertEqual([network], self.cluster.job(subnet)['dependency'])
        self.assertEqual(
            {network, subnet},
            set(self.cluster.dependency('create:heat_worker:port')),
        )
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assert_quiet()

    def test_dependants_of_what_vanished_in_between_go_on(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.write(SUBNET, 's', network_id='n')
        self.before_the_next_write(lambda: self.cluster.erase(NETWORK, 'n'))
        self.cluster.settle()
        self.assertEqual(self.cluster.jobs(), self.cluster.jobs('ready'))
        self.assertEqual(1, len(self.cluster.jobs()))
        self.start_worker()
        self.assert_quiet()

    def test_dependants_of_what_got_blocked_wait_on(self) -> None:
        self.cluster.write(NETWORK, 'n')
        self.cluster.write(SUBNET, 's', network_id='n')
        self.before_the_next_write(
            lambda: self.cluster.store.put(
                '/config/v2.0/networks/n', 'no json'
            )
        )
        self.cluster.settle()
        self.assertEqual([], self.cluster.jobs('ready'))
        self.write(NETWORK, 'n', 3)
        self.assertEqual(1, len(self.cluster.jobs('ready')))
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_a_claim_in_between_is_not_superseded(self) -> None:
        self.write(NETWORK, 'n')
        (job,) = self.cluster.jobs()

        def claim() -> None:
            self.cluster.store.put(f'/jobs/working/{job}', 'foreign')
            self.cluster.store.delete(f'/jobs/ready/{job}')

        self.cluster.write(NETWORK, 'n', 2)
        self.before_the_next_write(claim)
        self.cluster.settle()
        self.assertEqual(
            [job], self.cluster.dependency('modify:heat_worker:network')
        )
        self.cluster.store.put(f'/jobs/finished/{job}', '')
        self.cluster.store.delete(f'/jobs/working/{job}')
        self.cluster.settle()
        self.start_worker()
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_a_claim_of_a_job_to_be_rewritten_is_none(self) -> None:
        # What waits cannot be claimed, so only the replaced one counts.
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        for version in 2, 3:
            self.write(NETWORK, 'n', version)
        (subnet,) = self.cluster.jobs('waiting')
        self.assertEqual(
            self.cluster.jobs('ready'), self.cluster.job(subnet)['dependency']
        )

    def test_a_transaction_that_was_given_up_is_shut_out(self) -> None:
        # The store gives no answer, the manager looks anew and makes
        # the job, and then the first transaction gets there.
        store = self.cluster.store
        txn = store.txn
        held: list[Any] = []

        def slow(compares: Any, success: Any, failure: Any = ()) -> Any:
            schedules = any(
                each.key.startswith('/jobs/all/') for each in success
            )
            if schedules and not held:
                held.append((compares, success, failure))
                raise exceptions.StoreTimeout
            if schedules and len(held) == 1:
                held.append(None)
                self.assertFalse(txn(*held[0]).succeeded)
            return txn(compares, success, failure)

        store.txn = slow  # type: ignore[method-assign]
        self.write(NETWORK, 'n')
        self.assertEqual(2, len(held))
        self.assertEqual(1, len(self.cluster.jobs()))
        self.write(SUBNET, 's', network_id='n')
        self.start_worker()
        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_a_config_too_large_to_be_kept_is_shown(self) -> None:
        self.write(NETWORK, 'n', mtu='x' * 700_000)
        self.assertIn(
            'larger than', self.cluster.blocked(NETWORK, 'n')['reason']
        )
        self.write(NETWORK, 'm')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(2, len(self.cluster.jobs('ready')))
