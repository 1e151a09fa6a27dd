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


from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import testtools

from esi_worker import clock as clocks
from esi_worker.collector.pollers import snmp_answers, snmp_users
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.snmp_answers import Oid, Value
from esi_worker.collector.pollers.snmp_client import Agent, SnmpClient
from esi_worker.collector.pollers.snmp_device import (
    METRICS,
    UPTIME,
    SnmpDevicePoller,
)
from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.tests.unit.collector import support

NAMES = (1, 31, 1)
STATES = (1, 2, 8)


class ToldClient(SnmpClient):
    """Answers what it was told, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[Oid, Value] = {UPTIME: 100}

    def get(
        self, agent: Agent, oids: Sequence[Oid], timeout: float
    ) -> Mapping[Oid, Value]:
        return {oid: self.values[oid] for oid in oids if oid in self.values}


class DeviceTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = clocks.ManualClock()
        self.poller = SnmpDevicePoller(
            PollerContext(support.make_conf(), self.clock)
        )
        self.client = self.poller.client = ToldClient()

    def poll(self, type_: str = 'snmp_device') -> dict[str, Result]:
        target = support.make_target(
            type=type_, properties={'device_ip': 'd', 'community_name': 'c'}
        )
        found = self.poller.poll([target], 1.0)
        return {result.name: result for result in found[target.id]}

    def test_a_device_whose_time_goes_on_is_up(self) -> None:
        for uptime in (100, 6100, 5):
            self.client.values[UPTIME] = uptime
            self.assertEqual({STATUS: Sample(STATUS, 'UP')}, self.poll())
            self.clock.advance(60)

    def test_a_device_whose_time_stands_still_is_down(self) -> None:
        self.poll()
        self.clock.advance(60)

        self.assertEqual({STATUS: Sample(STATUS, 'DOWN')}, self.poll())

    def test_two_looks_at_once_say_nothing_of_the_time(self) -> None:
        self.poll()

        self.assertEqual({STATUS: Sample(STATUS, 'UP')}, self.poll())

    def test_one_that_does_not_tell_its_time_is_a_failure(self) -> None:
        self.client.values.clear()

        self.assertIsInstance(self.poll()[STATUS], Failure)

    def test_numbers_may_come_as_texts(self) -> None:
        metrics = METRICS['snmp_device_lb']
        self.client.values[metrics['cpu.usage']] = b'17'
        self.client.values[metrics['memory.usage']] = b'much'

        found = self.poll('snmp_device_lb')

        self.assertEqual(Sample('cpu.usage', 17), found['cpu.usage'])
        self.assertIsInstance(found['memory.usage'], Failure)


class WalkTest(testtools.TestCase):
    """What an agent may answer to a bulk request."""

    def walk(
        self, *answers: list[tuple[Oid, int]]
    ) -> tuple[dict[Oid, dict[Oid, Any]], Mapping[Oid, Oid]]:
        found: dict[Oid, dict[Oid, Any]] = {NAMES: {}, STATES: {}}
        places: Mapping[Oid, Oid] = {NAMES: NAMES, STATES: STATES}
        for answer in answers:
            variables = [(oid, _integer(value)) for oid, value in answer]
            places = snmp_answers.rows(variables, places, found)
        return found, places

    def test_columns_of_different_lengths_end_one_by_one(self) -> None:
        found, places = self.walk(
            [((1, 31, 1, 1), 10), ((1, 2, 8, 1), 1)],
            [((1, 31, 2, 1), 0), ((1, 2, 8, 2), 2)],
        )

        self.assertEqual(
            {NAMES: {(1,): 10}, STATES: {(1,): 1, (2,): 2}}, found
        )
        self.assertEqual({STATES: (1, 2, 8, 2)}, places)

    def test_an_agent_that_goes_backwards_is_not_asked_for_ever(self) -> None:
        _, places = self.walk(
            [((1, 31, 1, 5), 0), ((1, 2, 8, 5), 1)],
            [((1, 31, 1, 4), 0), ((1, 2, 8, 5), 1)],
        )

        self.assertEqual({}, places)

    def test_an_answer_without_rows_ends_the_walk(self) -> None:
        self.assertEqual({}, self.walk([])[1])


def _integer(value: int) -> Any:
    from pysnmp.proto import rfc1902

    return rfc1902.Integer32(value)


class UsersTest(testtools.TestCase):
    def test_a_text_is_a_community(self) -> None:
        self.assertEqual(
            snmp_users.Community('public'), snmp_users.decode('public')
        )

    def test_a_user_may_have_a_password_of_digits(self) -> None:
        user = snmp_users.decode({'user': 'm', 'auth_password': 12345678})

        self.assertEqual(
            snmp_users.SnmpUser('m', 'sha', '12345678', 'aes', ''), user
        )

    def test_mistakes_are_named_without_the_secret(self) -> None:
        entries: list[tuple[Any, str]] = [
            (7, 'text or a user'),
            ({}, '"user"'),
            ({'user': 'm', 'key': 'open-sesame'}, 'the fields are'),
            ({'user': 'm', 'auth_protocol': 'rot13'}, 'auth_protocol'),
            ({'user': 'm', 'priv_protocol': 'rot13'}, 'priv_protocol'),
            ({'user': 'm', 'auth_password': 'sesame'}, '8 characters'),
            ({'user': 'm', 'priv_password': 'open-sesame'}, 'auth_password'),
        ]
        for entry, problem in entries:
            error = self.assertRaises(
                snmp_users.UnusableCredential, snmp_users.decode, entry
            )
            self.assertIn(problem, str(error))
            self.assertNotIn('sesame', str(error))

    def test_credentials_are_not_shown(self) -> None:
        user = snmp_users.decode({'user': 'm', 'auth_password': 'open-sesame'})

        self.assertNotIn('sesame', repr(user))
        self.assertNotIn('sesame', repr(snmp_users.Community('open-sesame')))
