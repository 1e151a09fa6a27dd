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

"""The load-balancer scenario: its configs, and its own judgement."""

from __future__ import annotations

import json

import testtools

from esi_worker.demo import load_balancer
from esi_worker.demo import load_balancer_configs as configs


def expected() -> dict[str, set[str]]:
    """What a right run gives."""
    jobs = {job: set(others) for job, others in load_balancer.EXPECTED.items()}
    more = load_balancer.JOBS - len(jobs)
    return jobs | {
        f'modify user port v{number}': {'create user port v1'}
        for number in range(more)
    }


class JudgementTest(testtools.TestCase):
    def test_a_right_run_has_no_faults(self) -> None:
        self.assertEqual([], load_balancer.faults(expected()))

    def test_a_job_that_did_not_wait_is_a_fault(self) -> None:
        seen = {**expected(), 'modify load balancer v2': {'modify server v2'}}
        self.assertEqual(
            [
                '"modify load balancer v2" was to wait for modify '
                'configuration v2, modify server v2, not for modify server v2'
            ],
            load_balancer.faults(seen),
        )

    def test_a_port_that_waits_for_the_server_is_a_fault(self) -> None:
        seen = {**expected(), 'modify user port v2': {'modify server v2'}}
        self.assertEqual(
            ['"modify user port v2" must not wait for the server'],
            load_balancer.faults(seen),
        )

    def test_a_missing_job_is_a_fault(self) -> None:
        seen = expected()
        del seen['modify user port v2']
        self.assertEqual(
            ['31 jobs were made instead of 32'], load_balancer.faults(seen)
        )


class ConfigsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        network = configs.network('user network')
        subnet = configs.subnet('user subnet', network, '10.30.0')
        self.port = configs.port('user port', subnet, '10.30.0.3')

    def test_versions_follow_each_other(self) -> None:
        attached = configs.attached(configs.taken(self.port))
        self.assertEqual('user port, version 3: attached', attached.title)
        self.assertEqual(self.port.path, attached.path)
        self.assertEqual(configs.SERVER, attached.body['device_id'])
        self.assertTrue(attached.body['attached'])
        self.assertFalse(self.port.body['attached'])

    def test_a_deletion_is_marked(self) -> None:
        value = json.loads(configs.marked(self.port).value)
        self.assertTrue(value['marked_for_deletion'])
        self.assertEqual(2, value['version'])

    def test_every_name_in_the_table_is_known(self) -> None:
        self.assertEqual('user port', configs.NAMES[self.port.body['id']])
