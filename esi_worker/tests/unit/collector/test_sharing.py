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

"""Several collectors on one etcd."""

from __future__ import annotations

from collections import Counter

import testtools

from esi_worker.collector.results import STATUS, Sample
from esi_worker.tests.unit.collector import support

COUNT = 60


class TestSharing(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = support.Setting()
        for number in range(COUNT):
            self.post(number)

    def post(self, number: int) -> None:
        self.first.post(
            resource_id=f'p{number}', properties={'fq_name': f'n{number}'}
        )

    def another(self, settle: bool = True) -> support.Setting:
        setting = support.Setting(self.first.store, self.first.clock)
        if settle:
            self.settle(self.first, setting)
        return setting

    def settle(self, *settings: support.Setting) -> None:
        """Let all of them see what the others have done."""
        for _ in range(4):
            for setting in settings:
                setting.settle()

    def polled(self, setting: support.Setting) -> Counter[str]:
        return Counter(
            target_id for poll in setting.poller.polls for target_id in poll
        )

    def test_each_target_is_polled_by_one(self) -> None:
        second = self.another()

        first_count, second_count = self.first.poll(), second.poll()

        counts = self.polled(self.first) + self.polled(second)
        self.assertEqual(COUNT, len(counts))
        self.assertEqual({1}, set(counts.values()))
        self.assertEqual(COUNT, first_count + second_count)
        self.assertLess(10, min(first_count, second_count))

    def test_targets_of_one_device_stay_together(self) -> None:
        for number in range(20):
            self.first.post(
                resource_id=f'q{number}', properties={'fq_name': 'same'}
            )
        second = self.another()

        self.first.poll()
        second.poll()

        together = [
            poll
            for setting in (self.first, second)
            for poll in setting.poller.polls
            if len(poll) > 1
        ]
        self.assertEqual([20], [len(poll) for poll in together])

    def test_what_one_leaves_the_other_takes_over(self) -> None:
        second = self.another()
        self.first.poll()
        second.poll()

        self.first.coordinator.stop(lambda: None)
        self.settle(second)
        second.poller.polls.clear()
        second.clock.advance(60)

        self.assertEqual(COUNT, second.poll())

    def test_what_one_that_died_had_the_other_takes_over(self) -> None:
        second = self.another()

        self.first.crash()
        self.settle(second)

        self.assertEqual(COUNT, second.poll())

    def test_one_whose_keys_are_lost_goes_on(self) -> None:
        """Its lease lives on, so nothing else tells it."""
        kept = (support.KEYS.collector(''), support.KEYS.partition(''))
        for prefix in kept:
            for kv in self.first.store.range(prefix).items:
                self.first.store.delete(kv.key)

        self.settle(self.first)

        self.assertEqual(COUNT, self.first.poll())
        found = self.first.store.get(
            support.KEYS.collector(self.first.coordinator.identity)
        )
        assert found is not None and self.first.coordinator.keeper is not None
        self.assertEqual(self.first.coordinator.keeper.lease.id, found.lease)

    def test_nothing_is_taken_while_it_is_still_polled(self) -> None:
        seen: list[int] = []
        joined: list[support.Setting] = []

        def join() -> None:
            self.first.poller.meanwhile = lambda: None
            second = self.another(settle=False)
            joined.append(second)
            # The first one sees it and wants to give parts away.
            self.settle(self.first, second)
            second.poll()
            during = set(self.first.poller.polls[-1])
            both = during & self.polled(second).keys()
            seen.append(len(both))

        self.first.poller.meanwhile = join
        self.first.poll()
        (second,) = joined
        self.settle(self.first, second)
        second.poll()

        self.assertEqual([0], seen)
        counts = self.polled(self.first) + self.polled(second)
        self.assertEqual(COUNT, len(counts))

    def test_who_does_not_know_that_it_is_dead_publishes_nothing(
        self,
    ) -> None:
        self.first.settle()
        self.first.expire()
        second = self.another(settle=False)
        self.settle(second)
        second.poll()
        published = second.traces()

        for number in range(COUNT):
            self.first.poller.sees[f'n{number}'] = Sample(STATUS, 'DOWN')
        # It has seen nothing yet of what has happened.
        self.first.collector.scheduler.run_due()
        self.first.collector.publisher.run_due()

        self.assertEqual(COUNT, len(self.first.poller.polls))
        self.assertEqual(published, second.traces())
        values = {second.monitoring(f'p{number}') for number in range(COUNT)}
        self.assertEqual({'{"version":3,"vmi":"UP"}'}, values)

    def test_nothing_is_polled_while_the_lease_is_uncertain(self) -> None:
        setting = support.Setting(lease_ttl=10)
        setting.post()
        setting.settle()
        setting.clock.advance(11)

        setting.collector.scheduler.run_due()

        self.assertEqual([], setting.poller.polls)

    def test_a_part_is_not_kept_for_a_poll_that_hangs(self) -> None:
        first = support.Setting(lease_ttl=30)
        for number in range(COUNT):
            first.post(
                resource_id=f'p{number}', properties={'fq_name': f'n{number}'}
            )
        owned: list[int] = []

        def hang() -> None:
            first.poller.meanwhile = lambda: None
            second = support.Setting(first.store, first.clock, lease_ttl=30)
            self.settle(first, second)
            before = len(second.ownership.held())
            first.clock.advance(16)
            self.settle(first, second)
            owned.extend((before, len(second.ownership.held())))

        first.poller.meanwhile = hang
        first.poll()

        # One part was held up by the poll; afterwards nothing is missing.
        self.assertEqual(256, owned[1] + len(first.ownership.held()))

    def test_a_target_of_an_unknown_type_is_shown_as_fail(self) -> None:
        target = support.make_target(resource_id='px', type='toaster')
        key = support.KEYS.target(target.id)
        self.first.store.put(key, target.encode())

        self.first.poll()

        self.assertEqual(
            '{"version":3,"vmi":"FAIL"}', self.first.monitoring('px')
        )

    def test_links_name_the_collector_that_polls(self) -> None:
        self.another()

        shown = support.decoded(self.first.client.simulate_get('/targets'))

        self.assertEqual(COUNT, len(shown['targets']))
        for target in shown['targets']:
            self.assertEqual(
                f'{target["monitorer"]}/targets/{target["id"]}',
                target['link'],
            )
