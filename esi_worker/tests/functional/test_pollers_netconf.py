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


"""Routers that speak NETCONF over SSH, and the pollers of pairs."""

from __future__ import annotations

import pathlib
import threading
import time
from typing import Any

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker.collector.credentials import Credentials
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.netconf import shared_sessions
from esi_worker.collector.pollers.routers import BgpPoller, VrrpPoller
from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.collector.targets import Target
from esi_worker.tests.functional.netconf_router import NetconfRouter
from esi_worker.tests.unit.collector import support

TIMEOUT = 30.0


class RoutersTest(testtools.TestCase):
    """Two routers with the roles of a pair."""

    def setUp(self) -> None:
        super().setUp()
        # paramiko logs every connection that breaks.
        self.useFixture(fixtures.FakeLogger())
        self.addCleanup(shared_sessions().close)
        self.primary, self.secondary = NetconfRouter(), NetconfRouter()
        for router in (self.primary, self.secondary):
            self.addCleanup(router.close)

    def context(self, verify: bool = False, file: str | None = None) -> Any:
        conf = support.make_conf(netconf_verify_hosts=verify)
        return PollerContext(conf, clocks.ManualClock(), Credentials(file))

    def side(self, router: NetconfRouter, **more: Any) -> dict[str, Any]:
        login, password = router.account
        return {
            'host': '127.0.0.1',
            'port': router.port,
            'login': login,
            'password': password,
            **more,
        }

    def pair(self, **more: Any) -> dict[str, Any]:
        return {
            'primary': self.side(self.primary, **more),
            'secondary': self.side(self.secondary, **more),
        }

    def poll(
        self, poller: Any, *targets: Target, timeout: float = TIMEOUT
    ) -> list[Result]:
        found = poller.poll(targets, timeout)
        results = []
        for target in targets:
            (result,) = found[target.id]
            results.append(result)
        return results


class VrrpTest(RoutersTest):
    def setUp(self) -> None:
        super().setUp()
        self.primary.groups = {
            ('ae0.1025', '20'): 'master',
            ('ae0.1025', '41'): 'master',
            ('ae0.1025', '42'): 'backup',
            ('ae0.1026', '20'): 'backup',
        }
        self.secondary.groups = {
            ('ae0.1025', '20'): 'backup',
            ('ae0.1025', '41'): 'backup',
            ('ae0.1025', '42'): 'master',
        }
        self.poller = VrrpPoller(self.context())

    def target(self, *vrids: int | str, **changes: Any) -> Target:
        return support.make_target(
            type='vrrp_pool',
            resource_id=f'r{vrids}',
            properties={'vrid': list(vrids), **self.pair(interface='ae0.1025')}
            | changes,
        )

    def test_one_group_is_told_by_the_names_of_the_sides(self) -> None:
        for vrid in (20, '20'):
            self.assertEqual(
                [Sample(STATUS, {'primary': 'MASTER', 'secondary': 'BACKUP'})],
                self.poll(self.poller, self.target(vrid)),
            )

    def test_several_groups_are_told_by_their_positions(self) -> None:
        expected = {
            'primary_vrid1': 'BACKUP',
            'primary_vrid2': 'MASTER',
            'secondary_vrid1': 'MASTER',
            'secondary_vrid2': 'BACKUP',
        }
        self.assertEqual(
            [Sample(STATUS, expected)],
            self.poll(self.poller, self.target(42, 41)),
        )

    def test_a_pool_asks_each_router_once_in_one_session(self) -> None:
        targets = self.target(20), self.target(41, 42)

        self.poll(self.poller, *targets)
        self.poll(self.poller, *targets)

        for router in (self.primary, self.secondary):
            self.assertEqual(['get-vrrp-information'] * 2, router.asked)
            self.assertEqual(1, router.sessions)

    def test_a_group_that_is_not_there_is_not_known(self) -> None:
        del self.secondary.groups['ae0.1025', '20']

        self.assertEqual(
            [Sample(STATUS, {'primary': 'MASTER', 'secondary': 'FAIL'})],
            self.poll(self.poller, self.target(20)),
        )
        (result,) = self.poll(self.poller, self.target(99))
        self.assertIsInstance(result, Failure)

    def test_one_router_away_leaves_the_other(self) -> None:
        self.secondary.close()

        self.assertEqual(
            [Sample(STATUS, {'primary': 'MASTER', 'secondary': 'FAIL'})],
            self.poll(self.poller, self.target(20)),
        )

    def test_both_routers_away_is_a_failure(self) -> None:
        self.primary.close()
        self.secondary.close()

        (result,) = self.poll(self.poller, self.target(20))

        self.assertIsInstance(result, Failure)

    def test_a_session_that_broke_is_opened_again(self) -> None:
        self.poll(self.poller, self.target(20))
        self.primary.drop_sessions()

        (result,) = self.poll(self.poller, self.target(20))

        self.assertIsInstance(result, Sample)
        self.assertEqual(2, self.primary.sessions)

    def test_a_wrong_password_is_a_failure_that_does_not_show_it(
        self,
    ) -> None:
        side = self.side(self.primary, interface='ae0.1025')
        side['password'] = 'open-sesame'
        target = self.target(20, primary=side, secondary=side)

        (result,) = self.poll(self.poller, target)

        assert isinstance(result, Failure)
        self.assertIn('password', result.reason)
        self.assertNotIn('sesame', result.reason)
        self.assertNotIn('sesame', repr(target))

    def test_an_unknown_host_key_is_a_failure_that_names_the_option(
        self,
    ) -> None:
        home = self.useFixture(fixtures.TempDir()).path
        self.useFixture(fixtures.EnvironmentVariable('HOME', home))
        poller = VrrpPoller(self.context(verify=True))

        (result,) = self.poll(poller, self.target(20))

        assert isinstance(result, Failure)
        self.assertIn('netconf_verify_hosts', result.reason)

    def test_a_refusal_is_a_failure_without_its_text(self) -> None:
        self.primary.refuses = self.secondary.refuses = True

        (result,) = self.poll(self.poller, self.target(20))

        assert isinstance(result, Failure)
        self.assertIn('operation-failed', result.reason)
        self.assertNotIn('sesame', result.reason)

    def session(self) -> Target:
        return support.make_target(
            type='vrrp_session',
            properties=self.side(self.primary, interface='ae0.1025', vrid=20),
        )

    def test_a_router_that_hangs_is_a_failure_in_time(self) -> None:
        found: list[Result] = []

        def ask() -> None:
            found.extend(self.poll(self.poller, self.session(), timeout=1.0))

        # Without an answer to either step a client may wait for ever.
        for step in (self.primary.opens, self.primary.answers):
            step.clear()
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            thread.join(10.0)
            self.assertFalse(thread.is_alive(), 'it waits')
            step.set()

        self.assertEqual([Failure, Failure], [type(each) for each in found])

    def test_one_that_hangs_in_a_session_keeps_nobody_waiting(self) -> None:
        """No goodbye is waited for, and a late answer is not believed."""
        target = self.session()
        self.poll(self.poller, target)
        self.primary.answers.clear()
        began = time.monotonic()

        (result,) = self.poll(self.poller, target, timeout=2.0)

        taken = time.monotonic() - began
        self.assertIsInstance(result, Failure)
        self.assertLess(taken, 3.5)
        self.primary.groups['ae0.1025', '20'] = 'backup'
        self.primary.answers.set()
        (after,) = self.poll(self.poller, target)
        self.assertEqual(Sample(STATUS, 'BACKUP'), after)

    def test_garbage_is_a_failure(self) -> None:
        self.primary.garbage = self.secondary.garbage = b'<html'

        (result,) = self.poll(self.poller, self.target(20), timeout=1.0)

        self.assertIsInstance(result, Failure)

    def test_credentials_may_be_references(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        file = folder / 'credentials.yaml'
        file.write_text('router_login: esi\nrouter_password: s3cret\n')
        poller = VrrpPoller(self.context(file=str(file)))
        named = {'login': 'router_login', 'password': 'router_password'}
        pair = {
            name: {**side, **named}
            for name, side in self.pair(interface='ae0.1025').items()
        }

        (result,) = self.poll(poller, self.target(20, **pair))

        self.assertIsInstance(result, Sample)

    def test_a_session_target_has_a_plain_status(self) -> None:
        target = support.make_target(
            type='vrrp_session',
            properties=self.side(
                self.secondary, interface='ae0.1025', vrid=20
            ),
        )

        self.assertEqual(
            [Sample(STATUS, 'BACKUP')], self.poll(self.poller, target)
        )


class BgpTest(RoutersTest):
    def setUp(self) -> None:
        super().setUp()
        self.primary.peers = {
            ('vrf_a', '10.0.0.1+179'): 'Established',
            ('vrf_b', '10.0.0.1'): 'Idle',
        }
        self.secondary.peers = {('vrf_a', '10.0.0.1'): 'Active'}
        self.poller = BgpPoller(self.context())

    def target(self, instance: str) -> Target:
        return support.make_target(
            type='bgp_pool',
            resource_id=instance,
            properties={
                'instance': instance,
                **self.pair(peer_address='10.0.0.1'),
            },
        )

    def test_the_peers_of_an_instance_are_told(self) -> None:
        self.assertEqual(
            [
                Sample(
                    STATUS, {'primary': 'ESTABLISHED', 'secondary': 'ACTIVE'}
                ),
                Sample(STATUS, {'primary': 'IDLE', 'secondary': 'FAIL'}),
            ],
            self.poll(self.poller, self.target('vrf_a'), self.target('vrf_b')),
        )

    def test_a_session_target_has_a_plain_status(self) -> None:
        target = support.make_target(
            type='bgp_session',
            properties=self.side(
                self.primary, peer_address='10.0.0.1', instance='vrf_a'
            ),
        )

        self.assertEqual(
            [Sample(STATUS, 'ESTABLISHED')], self.poll(self.poller, target)
        )

    def test_both_kinds_of_one_pair_go_to_one_collector(self) -> None:
        vrrp = support.make_target(
            type='vrrp_pool',
            properties={'vrid': [20], **self.pair(interface='ae0')},
        )
        bgp = self.target('vrf_a')

        self.assertEqual(
            VrrpPoller(self.context()).affinity(vrrp),
            self.poller.affinity(bgp),
        )
