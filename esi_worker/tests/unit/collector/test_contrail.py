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
)
from esi_worker.collector.results import STATUS, Failure, Result, Sample
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


class TestVirtualMachineInterfacePoller(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.analytics = Analytics()
        self.addCleanup(self.analytics.close)

    def poll(self, url: str | None = '') -> Result:
        conf = support.make_conf(
            analytics_url=self.analytics.url if url == '' else url
        )
        poller = VirtualMachineInterfacePoller(
            PollerContext(conf, clocks.ManualClock())
        )
        target = support.make_target()
        (result,) = poller.poll([target], 10.0)[target.id]
        return result

    def answer(self, value: Any, status: int = 200) -> None:
        self.analytics.body = json.dumps(value).encode()
        self.analytics.status = status

    def test_asks_for_one_attribute_of_one_interface(self) -> None:
        self.poll()

        self.assertEqual(
            [
                '/analytics/uves/virtual-machine-interface/'
                'default-domain:admin:p1?cfilt=UveVMInterfaceAgent:l2_active'
            ],
            self.analytics.paths,
        )

    def test_an_active_interface_is_up(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': True}})

        self.assertEqual(Sample(STATUS, 'UP'), self.poll())

    def test_an_inactive_interface_is_down(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': False}})

        self.assertEqual(Sample(STATUS, 'DOWN'), self.poll())

    def test_an_unknown_interface_is_a_failure(self) -> None:
        for status, value in (
            (200, {}),
            (200, []),
            (200, {'UveVMInterfaceAgent': {}}),
            (200, {'UveVMInterfaceAgent': {'l2_active': 'yes'}}),
            (404, {}),
        ):
            self.answer(value, status)
            self.assertIsInstance(self.poll(), Failure)

    def test_no_json_is_a_failure(self) -> None:
        self.analytics.body = b'<html>'

        self.assertIsInstance(self.poll(), Failure)

    def test_does_not_go_where_it_is_sent(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': True}}, 302)

        self.assertIsInstance(self.poll(), Failure)
        self.assertEqual(1, len(self.analytics.paths))

    def test_an_endless_answer_is_a_failure(self) -> None:
        self.answer({'UveVMInterfaceAgent': {'l2_active': 'x' * 2_000_000}})

        result = self.poll()

        assert isinstance(result, Failure)
        self.assertIn('too long', result.reason)

    def test_no_server_is_a_failure(self) -> None:
        result = self.poll('http://127.0.0.1:1')

        self.assertIsInstance(result, Failure)

    def test_no_configured_server_is_a_failure_that_names_the_option(
        self,
    ) -> None:
        result = self.poll(None)

        assert isinstance(result, Failure)
        self.assertIn('analytics_url', result.reason)
