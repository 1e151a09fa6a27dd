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

"""What a resync finds and repairs, and when it keeps out of the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import dataclasses

from esi_worker import exceptions, store
from esi_worker.scheduler import resyncing
from esi_worker.tests import cases, cluster
from esi_worker.tests.cluster import LEFT, NETWORK, RIGHT, SUBNET

INTERVAL = 100.0


@contextlib.contextmanager
def unseen(target: store.MemoryStore) -> Iterator[None]:
    """What is changed meanwhile reaches nobody's watch."""
    target.drop_batches(1_000_000)
    yield
    target.drop_batches(-target._drops)


class ResyncTest(cases.ClusterTest):
    def make_cluster(self) -> cluster.Cluster:
        made = super().make_cluster()
        made.settings = dataclasses.replace(
            made.settings, resync_interval=INTERVAL
        )
        return made

    def lose(self, change: Callable[[], object]) -> None:
        """Let a change reach nobody's watch."""
        with unseen(self.cluster.store):
            change()
        self.cluster.settle()

    def a_round(self) -> None:
        self.cluster.pass_time(INTERVAL + 10, step=5)

    def test_a_config_that_was_missed(self) -> None:
        self.lose(lambda: self.cluster.write(NETWORK, 'n'))
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))

        self.a_round()

        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_a_newer_version_that_was_missed(self) -> None:
        self.write(NETWORK, 'n')
        self.lose(lambda: self.cluster.write(NETWORK, 'n', 2))

        self.a_round()

        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 2)

    def test_a_deletion_that_was_missed(self) -> None:
        self.write(NETWORK, 'n')
        self.lose(lambda: self.cluster.erase(NETWORK, 'n'))

        self.a_round()

        self.assertEqual([], self.cluster.keys_under('/esi-worker/config/'))
        self.assert_quiet()

    def test_another_incarnation_that_was_missed(self) -> None:
        self.write(NETWORK, 'n', noop={'wait': 0})

        def change() -> None:
            self.cluster.erase(NETWORK, 'n')
            self.cluster.write(NETWORK, 'n', mtu=9000)

        self.lose(change)
        self.a_round()

        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assertEqual(
            9000, self.cluster.accepted(NETWORK, 'n')['body']['mtu']
        )

    def test_a_mended_config_that_was_missed(self) -> None:
        self.cluster.store.put('/config/v2.0/networks/n', 'no json')
        self.cluster.settle()
        self.lose(lambda: self.cluster.write(NETWORK, 'n'))

        self.a_round()

        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')
        self.assert_quiet()

    def test_what_waited_for_a_missed_config_goes_on(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        self.lose(lambda: self.cluster.write(NETWORK, 'n'))

        self.a_round()

        self.assert_state('CREATE_COMPLETED', SUBNET, 's')
        self.assert_quiet()

    def test_a_block_that_is_none_is_not_shown_any_more(self) -> None:
        # Such as a write that was given up and applied late.
        self.write(NETWORK, 'n')
        key = self.cluster.keys.blocked(NETWORK.path('n'))
        self.cluster.store.put(key, '{"reason": "an old one"}')

        self.a_round()

        self.assert_quiet()

    def test_a_block_that_was_removed_is_shown_again(self) -> None:
        self.write(SUBNET, 's', network_id='n')
        block = self.cluster.blocked(SUBNET, 's')
        key = self.cluster.keys.blocked(SUBNET.path('s'))
        self.cluster.store.delete(key)

        self.a_round()

        shown = self.cluster.blocked(SUBNET, 's')
        self.assertEqual(block['reason'], shown['reason'])

    def test_large_differences_come_in_portions(self) -> None:
        count = 3 * resyncing.PORTION

        def change() -> None:
            for number in range(count):
                self.cluster.write(NETWORK, f'n{number}')

        self.lose(change)
        sizes = set()
        for _ in range(int(INTERVAL / 0.05) + 100):
            self.cluster.clock.advance(0.05)
            before = self.done()
            self.cluster.settle()
            sizes.add(self.done() - before)

        self.assertEqual(count, self.done())
        self.assertLessEqual(max(sizes), resyncing.PORTION)

    def done(self) -> int:
        return len(self.cluster.keys_under('/esi-worker/config/'))

    def test_nothing_is_written_when_nothing_was_missed(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='missing')
        self.write(LEFT, 'l', right_id='r')
        self.write(RIGHT, 'r', left_id='l')
        self.cluster.write_template('subnet')
        self.cluster.settle()
        before = self.cluster.store.revision

        self.a_round()
        self.a_round()

        # Workers say at times that they live, nothing else is written.
        changed = [
            kv.key
            for kv in self.cluster.store.range('/').items
            if kv.mod_revision > before
            and not kv.key.startswith('/esi-worker/workers/')
        ]
        self.assertEqual([], changed)

    def test_a_part_that_cannot_be_listed_waits_for_the_next_round(
        self,
    ) -> None:
        self.lose(lambda: self.cluster.write(NETWORK, 'n'))
        failed = []

        def fail(name: str, moment: str) -> None:
            if name == 'range' and moment == 'before':
                failed.append(name)
                raise exceptions.StoreUnavailable()

        self.cluster.fault = fail
        self.a_round()
        self.cluster.fault = None
        self.assertGreater(len(failed), 3)
        self.assertIsNone(self.cluster.state(NETWORK, 'n'))

        self.a_round()

        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')

    def test_a_missed_template_gets_the_blocked_going(self) -> None:
        key = '/config/v2.0/heat_templates/network'
        self.cluster.store.put(key, 'no json')
        self.cluster.settle()
        self.write(NETWORK, 'n')
        self.assertIsNotNone(self.cluster.blocked(NETWORK, 'n'))
        self.lose(lambda: self.cluster.store.delete(key))

        self.a_round()
        self.lose(lambda: self.cluster.write_template('network'))
        self.a_round()

        self.assert_state('CREATE_COMPLETED', NETWORK, 'n')


class ResyncOfJobsTest(cases.QueueTest):
    def make_cluster(self) -> cluster.Cluster:
        made = super().make_cluster()
        made.settings = dataclasses.replace(
            made.settings, resync_interval=INTERVAL
        )
        return made

    def do_unseen(self, *changes: Callable[[str], object]) -> str:
        """A worker of another make does something that nobody sees."""
        self.write(NETWORK, 'n')
        job = self.cluster.job_id('create:')
        with unseen(self.cluster.store):
            for change in changes:
                change(job)
        self.cluster.settle()
        self.assertIn(job, self.cluster.jobs())
        return job

    def a_round(self) -> None:
        self.cluster.pass_time(INTERVAL + 10, step=5)

    def claim(self, job: str) -> None:
        self.cluster.store.put(f'/jobs/working/{job}', 'foreign')
        self.cluster.store.delete(f'/jobs/ready/{job}')

    def give_back(self, job: str) -> None:
        self.cluster.store.delete(f'/jobs/working/{job}')

    def finish(self, job: str) -> None:
        self.cluster.store.put(f'/jobs/finished/{job}', '')

    def test_an_end_that_was_missed(self) -> None:
        self.do_unseen(self.claim, self.finish, self.give_back)

        self.a_round()

        self.assert_quiet()

    def test_a_lost_claim_that_was_missed(self) -> None:
        job = self.do_unseen(self.claim, self.give_back)

        self.a_round()

        self.assertEqual([job], self.cluster.jobs('ready'))

    def test_a_claim_that_was_missed_is_left_alone(self) -> None:
        job = self.do_unseen(self.claim)

        self.a_round()
        self.assertEqual([], self.cluster.jobs('ready'))
        self.finish(job)
        self.give_back(job)
        self.cluster.settle()

        self.assert_quiet()

    def test_a_job_that_an_operator_removed_holds_nobody_up(self) -> None:
        self.write(NETWORK, 'n')
        self.write(SUBNET, 's', network_id='n')
        network = self.cluster.job_id('create:heat_worker:network')
        with unseen(self.cluster.store):
            self.cluster.store.delete(f'/jobs/ready/{network}')
            self.cluster.store.delete(f'/jobs/all/{network}')

        self.a_round()

        subnet = self.cluster.job_id('create:heat_worker:subnet')
        self.assertEqual([subnet], self.cluster.jobs('ready'))

    def test_without_an_interval_there_is_none(self) -> None:
        self.cluster.settings = dataclasses.replace(
            self.cluster.settings, resync_interval=0.0
        )
        self.cluster.stop(self.manager)
        self.manager = self.cluster.add_manager()
        self.cluster.settle()

        job = self.do_unseen(self.claim, self.give_back)
        self.a_round()

        self.assertEqual([], self.cluster.jobs('ready'))
        self.assertIn(job, self.cluster.jobs())
