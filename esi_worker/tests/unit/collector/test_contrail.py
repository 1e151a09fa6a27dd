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

import http.server
import json
import threading
from typing import Any

import testtools

from esi_worker import clock as clocks
from esi_worker.collector.pollers.base import PollerContext
from esi_worker.collector.pollers.contrail import (
    VirtualMachineInterfacePoller,
    VirtualNetworkPoller,
)
from esi_worker.collector.results import STATUS, Failure, Result, Sample
from esi_worker.collector.targets import Target
from esi_worker.tests.unit.collector import support


class Analytics:
    """A small analytics server; ``answers`` are by path."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{}'
        self.paths: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                self.send_response(outer.status)
                self.send_header('Location', '/elsewhere')
                self.send_header('Content-Length', str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), Handler
        )
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,)
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class AnalyticsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.analytics = Analytics()
        self.addCleanup(self.analytics.close)

    def answer(self, value: Any, status: int = 200) -> None:
        self.analytics.body = json.dumps(value).encode()
        self.analytics.status = status

    def poller(self, class_: Any, url: str | None = '') -> Any:
        conf = support.make_conf(
            analytics_url=self.analytics.url if url == '' else url
        )
        return class_(PollerContext(conf, clocks.ManualClock()))


class TestVirtualMachineInterfacePoller(AnalyticsTest):
    def poll(self, url: str | None = '') -> Result:
        poller = self.poller(VirtualMachineInterfacePoller, url)
        target = support.make_target()
        status: Result
        status, *_ = poller.poll([target], 10.0)[target.id]
        return status

    def test_asks_for_the_attributes_of_one_interface(self) -> None:
        self.poll()

        self.assertEqual(
            [
                '/analytics/uves/virtual-machine-interface/'
                'default-domain:admin:p1?cfilt=UveVMInterfaceAgent:l2_active,'
                'UveVMInterfaceAgent:if_stats'
            ],
            self.analytics.paths,
        )

    def test_an_active_interface_is_up(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': True}})

        self.assertEqual(Sample(STATUS, 'UP'), self.poll())

    def test_an_inactive_interface_is_down(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': False}})

        self.assertEqual(Sample(STATUS, 'DOWN'), self.poll())

    def test_traffic_is_told_besides(self) -> None:
        statistics = {'in_bytes': 14, 'out_bytes': 11, 'in_pkts': 1}
        self.answer(
            {
                'UveVMInterfaceAgent': {
                    'l2_active': True,
                    'if_stats': statistics,
                }
            }
        )
        target = support.make_target()

        found = self.poller(VirtualMachineInterfacePoller).poll([target], 10.0)

        self.assertEqual(
            (
                Sample(STATUS, 'UP'),
                Sample('traffic.in', 14),
                Sample('traffic.out', 11),
            ),
            found[target.id],
        )

    def test_an_unknown_interface_is_a_failure(self) -> None:
        answers: list[tuple[int, Any]] = [
            (200, {}),
            (200, []),
            (200, {'UveVMInterfaceAgent': {}}),
            (200, {'UveVMInterfaceAgent': {'l2_active': 'yes'}}),
            (404, {}),
            (500, {}),
        ]
        for status, value in answers:
            self.answer(value, status)
            self.assertIsInstance(self.poll(), Failure)

    def test_no_json_is_a_failure(self) -> None:
        self.analytics.body = b'<html>'

        self.assertIsInstance(self.poll(), Failure)

    def test_does_not_go_where_it_is_sent(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': True}}, 302)

        self.assertIsInstance(self.poll(), Failure)
        self.assertEqual(1, len(self.analytics.paths))

    def test_no_server_is_a_failure(self) -> None:
        result = self.poll('http://127.0.0.1:1')

        self.assertIsInstance(result, Failure)

    def test_no_configured_server_is_a_failure_that_names_the_option(
        self,
    ) -> None:
        result = self.poll(None)

        assert isinstance(result, Failure)
        self.assertIn('analytics_url', result.reason)


class TestBulk(AnalyticsTest):
    def targets(self, *names: str) -> list[Target]:
        return [
            support.make_target(
                resource_id=f'p{number}', properties={'fq_name': name}
            )
            for number, name in enumerate(names)
        ]

    def test_names_that_begin_alike_are_one_pool(self) -> None:
        poller = self.poller(VirtualMachineInterfacePoller)
        keys = [
            poller.pool_key(target)
            for target in self.targets(
                'default-domain:admin:f1',
                'default-domain:user:f2',
                'default-domain:admin:a1',
                'odd:name',
                'odd:*:f1',
            )
        ]

        self.assertEqual(
            [
                'default-domain:*:f*',
                'default-domain:*:f*',
                'default-domain:*:a*',
                'odd:name',
                'odd:*:f1',
            ],
            keys,
        )

    def test_one_request_tells_of_all_equal_names_too(self) -> None:
        """In the original only one of several equal names got a value."""
        up = {'UveVMInterfaceAgent': {'l2_active': True}}
        down = {'UveVMInterfaceAgent': {'l2_active': False}}
        self.answer(
            {
                'value': [
                    {'name': 'd:a:f1', 'value': up},
                    {'name': 'd:b:f2', 'value': down},
                    {'name': 'd:b:f9', 'value': up},
                    'rubbish',
                ]
            }
        )
        targets = self.targets('d:a:f1', 'd:a:f1', 'd:b:f2', 'd:b:f3')

        found = self.poller(VirtualMachineInterfacePoller).poll(targets, 10.0)

        first, second, third, fourth = (found[each.id][0] for each in targets)
        self.assertEqual(Sample(STATUS, 'UP'), first)
        self.assertEqual(Sample(STATUS, 'UP'), second)
        self.assertEqual(Sample(STATUS, 'DOWN'), third)
        self.assertIsInstance(fourth, Failure)
        (path,) = self.analytics.paths
        self.assertIn('/virtual-machine-interface/d:*:f*?cfilt=', path)

    def test_an_answer_of_another_form_is_a_failure_of_all(self) -> None:
        targets = self.targets('d:a:f1', 'd:a:f2')
        answers: list[Any] = [[], {'value': 1}, {'error': 1}, 'no', None]
        for value in answers:
            self.answer(value)
            for class_ in (
                VirtualMachineInterfacePoller,
                VirtualNetworkPoller,
            ):
                found = self.poller(class_).poll(targets, 10.0)

                for each in targets:
                    self.assertIsInstance(found[each.id][0], Failure)

    def test_an_error_is_no_network(self) -> None:
        (target,) = self.targets('d:a:n1')
        self.answer({'error': 'try again'})

        found = self.poller(VirtualNetworkPoller).poll([target], 10.0)

        self.assertIsInstance(found[target.id][0], Failure)

    def test_a_network_is_up_when_the_server_knows_it(self) -> None:
        targets = self.targets('d:a:n1', 'd:a:n2')
        network = {'UveVirtualNetworkConfig': {'total_acl_rules': 0}}
        self.answer({'value': [{'name': 'd:a:n1', 'value': network}]})

        found = self.poller(VirtualNetworkPoller).poll(targets, 10.0)

        self.assertEqual(
            [(Sample(STATUS, 'UP'),), (Sample(STATUS, 'DOWN'),)],
            [found[each.id] for each in targets],
        )
        self.assertEqual(
            ['/analytics/uves/virtual-network/d:*:n*?flat'],
            self.analytics.paths,
        )

    def test_a_single_network_that_is_not_there_is_down(self) -> None:
        (target,) = self.targets('d:a:n1')
        self.answer({})

        found = self.poller(VirtualNetworkPoller).poll([target], 10.0)

        self.assertEqual((Sample(STATUS, 'DOWN'),), found[target.id])
