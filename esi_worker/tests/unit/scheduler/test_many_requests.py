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

"""More requests for one resource than one transaction can answer.

The store in memory has the limit of etcd, 128 operations.
"""

from __future__ import annotations

from typing import Any

from esi_worker.model import Job, RequestOutcome, ResourceRef
from esi_worker.tests import cases
from esi_worker.tests.cluster import NETWORK, SUBNET

N = ResourceRef('network', 'n')
MANY = 300


class ManyRequestsTest(cases.ClusterTest):
    def ask(self, **fields: Any) -> list[str]:
        return [self.cluster.request(N, **fields) for _ in range(MANY)]

    def jobs(self, id_: str) -> tuple[str, ...]:
        answer = self.cluster.answer(id_)
        assert answer is not None
        return answer.jobs

    def outcomes(self, ids: list[str]) -> set[RequestOutcome | None]:
        answers = [self.cluster.answer(id_) for id_ in ids]
        return {None if each is None else each.outcome for each in answers}

    def test_all_who_ask_for_the_same_are_accepted(self) -> None:
        self.write(NETWORK, 'n')

        ids = self.ask()
        self.cluster.settle()

        self.assertEqual({RequestOutcome.ACCEPTED}, self.outcomes(ids))
        self.assert_state('MODIFY_COMPLETED', NETWORK, 'n', 1)
        self.assert_quiet()

    def test_all_who_ask_in_vain_are_refused(self) -> None:
        ids = self.ask()
        self.cluster.settle()

        self.assertEqual({RequestOutcome.REFUSED}, self.outcomes(ids))

    def test_all_who_ask_for_an_old_version_are_told(self) -> None:
        self.write(NETWORK, 'n', 2)

        ids = self.ask(version=1)
        self.cluster.settle()

        self.assertEqual({RequestOutcome.OBSOLETE}, self.outcomes(ids))
        self.assertEqual(['create:2'], self.cluster.actions(NETWORK, 'n'))

    def test_a_new_manager_finds_them_all_at_once(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.manager)
        ids = self.ask()

        self.cluster.add_manager()
        self.cluster.settle()

        self.assertEqual({RequestOutcome.ACCEPTED}, self.outcomes(ids))
        self.assert_quiet()

    def test_a_fresh_config_does_not_wait_for_them(self) -> None:
        self.write(NETWORK, 'n')
        self.cluster.stop(self.manager)
        ids = self.ask(action='pause')
        manager = self.cluster.add_manager()
        while self.cluster.answer(ids[0]) is None:
            self.cluster.step(manager)

        self.cluster.write(SUBNET, 's', network_id='n')
        self.cluster.step(manager)

        key = self.cluster.keys.accepted(SUBNET.path('s'))
        self.assertIsNotNone(self.cluster.store.get(key))
        self.assertIsNone(self.cluster.answer(ids[-1]))
        self.cluster.settle()
        self.assertNotIn(None, self.outcomes(ids))

    def test_what_one_was_promised_holds_when_others_ask(self) -> None:
        self.write(NETWORK, 'n')
        first = self.cluster.request(N, options={'force': True})
        self.cluster.step(self.manager)
        (superseded,) = self.jobs(first)
        second = self.cluster.request(N)
        self.cluster.step(self.manager)
        (job,) = self.jobs(second)

        self.assertNotEqual(superseded, job)
        kv = self.cluster.store.get(self.cluster.keys.job(job))
        assert kv is not None
        record = Job.decode(kv.key, kv.value)
        self.assertEqual({'force': True}, record.extra.get('options'))
