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

"""What a client sees of each fault, and the service behind it."""

from __future__ import annotations

import contextlib
from http.server import BaseHTTPRequestHandler, HTTPServer
import json
import threading
from typing import Any
from unittest import mock

import requests
import testtools

from esi_worker.tests.faulty import Answer, FaultProxy, Request, faults
from esi_worker.tests.faulty.weather import Weather

#: Seconds; only a failing test waits for it.
PATIENCE = 60.0


class _Service(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        heard: list[str] = self.server.heard  # type: ignore[attr-defined]
        heard.append(f'{self.command} {self.path}')
        body = {
            'heard': content.decode(),
            'token': self.headers.get('X-Auth-Token'),
        }
        text = json.dumps(body).encode()
        self.send_response(201)
        self.send_header('Content-Type', 'application/json')
        self.send_header('X-Request-Id', 'req-1')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = _serve  # noqa: N815

    def log_message(self, *_details: object) -> None:
        pass


class ProxyTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard: list[str] = []
        self.service = HTTPServer(('127.0.0.1', 0), _Service)
        self.service.heard = self.heard  # type: ignore[attr-defined]
        threading.Thread(
            target=self.service.serve_forever, args=(0.02,), daemon=True
        ).start()
        self.addCleanup(self.service.server_close)
        self.addCleanup(self.service.shutdown)
        port = self.service.server_address[1]
        self.proxy = self.enterContext(
            FaultProxy(f'http://127.0.0.1:{port}/v1')
        )
        self.client = self.enterContext(requests.Session())
        self.client.trust_env = False

    def ask(
        self, method: str = 'GET', path: str = '/stacks', **kwargs: Any
    ) -> requests.Response:
        return self.client.request(
            method, self.proxy.endpoint + path, timeout=PATIENCE, **kwargs
        )

    def check_no_answer(self, *heard: str) -> None:
        self.assertRaises(requests.RequestException, self.ask)
        self.assertEqual(list(heard), self.heard)
        self.assertEqual(201, self.ask().status_code)


class PassingTest(ProxyTestCase):
    def test_request_and_answer_are_passed_whole(self) -> None:
        answer = self.ask(
            'POST', data='new', headers={'X-Auth-Token': 'secret'}
        )
        self.assertEqual(201, answer.status_code)
        self.assertEqual({'heard': 'new', 'token': 'secret'}, answer.json())
        self.assertEqual('req-1', answer.headers['X-Request-Id'])

    def test_account_tells_what_was_asked_and_answered(self) -> None:
        self.ask('PUT', '/stacks/a?x=1', data='thing_1')
        (entry,) = self.proxy.account
        self.assertEqual('PUT /v1/stacks/a?x=1', str(entry.request))
        self.assertEqual('/v1/stacks/a', entry.request.route)
        self.assertEqual(('Nothing', [201]), (entry.fault, entry.statuses))
        self.assertEqual(
            ['PUT /v1/stacks/a?x=1'], self.proxy.changes_of('thing_1')
        )

    def test_client_of_a_service_that_is_away_is_reset(self) -> None:
        self.service.shutdown()
        self.service.server_close()
        self.assertRaises(requests.ConnectionError, self.ask)


class FaultsTest(ProxyTestCase):
    def test_reset_before_the_service_hears_of_it(self) -> None:
        self.proxy.inject(faults.Reset())
        self.check_no_answer()

    def test_dropped_answer(self) -> None:
        self.proxy.inject(faults.DropAnswer())
        self.check_no_answer('GET /v1/stacks')

    def test_reset_answer(self) -> None:
        self.proxy.inject(faults.ResetAnswer())
        self.check_no_answer('GET /v1/stacks')

    def test_cut_answer(self) -> None:
        self.proxy.inject(faults.CutAnswer())
        self.check_no_answer('GET /v1/stacks')

    def test_truncated_json_comes_in_a_whole_answer(self) -> None:
        self.proxy.inject(faults.TruncateAnswer())
        answer = self.ask()
        self.assertEqual(201, answer.status_code)
        self.assertRaises(ValueError, answer.json)

    def test_refusal_comes_from_the_proxy_with_its_headers(self) -> None:
        too_many = Answer.error(429, 'slow down', retry_after='7')
        self.proxy.inject(faults.Refuse(too_many))
        answer = self.ask()
        self.assertEqual(
            (429, '7'), (answer.status_code, answer.headers['Retry-After'])
        )
        self.assertEqual([], self.heard)

    def test_replaced_answer_hides_what_was_done(self) -> None:
        self.proxy.inject(faults.ReplaceAnswer())
        self.assertEqual(504, self.ask().status_code)
        self.assertEqual(['GET /v1/stacks'], self.heard)
        self.assertEqual([201], self.proxy.account[0].statuses)

    def test_replaced_header_is_what_the_service_hears(self) -> None:
        self.proxy.inject(faults.ReplaceHeader('X-Auth-Token', 'old'))
        answer = self.ask(headers={'X-Auth-Token': 'new'})
        self.assertEqual('old', answer.json()['token'])
        (request,) = self.proxy.requests()
        self.assertEqual('new', request.headers['X-Auth-Token'])

    def test_request_is_sent_twice(self) -> None:
        self.proxy.inject(faults.Twice())
        self.assertEqual(201, self.ask('POST').status_code)
        self.assertEqual(['POST /v1/stacks'] * 2, self.heard)

    def test_delayed_request_is_not_heard_before(self) -> None:
        delay = faults.Delay(3.5)
        heard = []
        with mock.patch.object(
            self.proxy.closing,
            'wait',
            lambda seconds: heard.append((seconds, *self.heard)),
        ):
            self.proxy.inject(delay)
            self.proxy.inject(faults.DelayAnswer(2.5))
            self.ask()
            self.ask()
        self.assertEqual(
            [(3.5,), (2.5, 'GET /v1/stacks', 'GET /v1/stacks')], heard
        )

    def test_answer_is_held_until_it_is_let_go(self) -> None:
        hold = faults.HoldAnswer()
        self.proxy.inject(hold)
        answers: list[int] = []
        thread = threading.Thread(
            target=lambda: answers.append(self.ask().status_code)
        )
        thread.start()
        self.assertTrue(hold.asked.wait(PATIENCE))
        self.assertEqual(([], ['GET /v1/stacks']), (answers, self.heard))
        hold.release()
        thread.join(PATIENCE)
        self.assertEqual([201], answers)


class RulesTest(ProxyTestCase):
    def statuses(self, *asked: tuple[str, str]) -> list[int]:
        return [self.ask(*each).status_code for each in asked]

    def test_only_matching_requests_suffer(self) -> None:
        self.proxy.inject(faults.Refuse(), 'PUT', r'/stacks/b\?', times=9)
        self.assertEqual(
            [201, 201, 503],
            self.statuses(
                ('GET', '/stacks/b?'),
                ('PUT', '/stacks/a?x'),
                ('PUT', '/stacks/b?x'),
            ),
        )

    def test_body_picks_a_request(self) -> None:
        self.proxy.inject(faults.Refuse(), body='port_2')
        self.assertEqual(201, self.ask('POST', data='port_1').status_code)
        self.assertEqual(503, self.ask('POST', data='port_2').status_code)

    def test_burst_begins_and_ends(self) -> None:
        self.proxy.inject(faults.Refuse(), skip=1, times=2)
        self.assertEqual(
            [201, 503, 503, 201], self.statuses(*[('GET', '/')] * 4)
        )

    def test_first_rule_counts_and_clear_ends_all(self) -> None:
        gone = faults.Refuse(Answer.error(404, 'gone'))
        self.proxy.inject(gone)
        self.proxy.inject(faults.Refuse(), times=5)
        self.assertEqual([404, 503], self.statuses(*[('GET', '/')] * 2))
        self.proxy.clear()
        self.assertEqual([201], self.statuses(('GET', '/')))
        self.assertEqual(
            {'Refuse': 2, 'Nothing': 1}, dict(self.proxy.suffered())
        )


class WeatherTest(ProxyTestCase):
    def fates(self, seed: int, name: str, count: int = 200) -> list[str]:
        weather = Weather(
            seed, [(faults.Reset(), 0.2), (faults.DropAnswer(), 0.1)]
        )
        request = Request('POST', '/v1/t/stacks', {}, self.body(name))
        drawn = [weather.fate(request) for _ in range(count)]
        return [type(fault).__name__ for fault in drawn]

    def body(self, name: str) -> bytes:
        return json.dumps({'stack_name': name}).encode()

    def test_seed_decides_each_fate(self) -> None:
        self.assertEqual(self.fates(1, 'a'), self.fates(1, 'a'))
        self.assertNotEqual(self.fates(1, 'a'), self.fates(2, 'a'))
        self.assertNotEqual(self.fates(1, 'a'), self.fates(1, 'b'))

    def test_every_fault_has_its_share(self) -> None:
        fates = self.fates(1, 'a', 2000)
        self.assertTrue(300 < fates.count('Reset') < 500)
        self.assertTrue(120 < fates.count('DropAnswer') < 280)

    def test_bad_luck_ends(self) -> None:
        weather = Weather(1, [(faults.Reset(), 1.0)], most=2)
        request = Request('GET', '/', {}, b'')
        drawn = [weather.fate(request) is not None for _ in range(6)]
        self.assertEqual([True, True, False] * 2, drawn)

    def test_ids_do_not_count(self) -> None:
        weather = Weather(1, [(faults.Reset(), 1.0)], most=1)
        ids = ('16fd2706-8baf-433b-82eb-8c7fada847da', 'f' * 32)
        drawn = [
            weather.fate(Request('GET', f'/v1/{id_}/stacks', {}, b''))
            for id_ in ids
        ]
        self.assertEqual([faults.Reset(), None], drawn)

    def test_rules_go_before_weather(self) -> None:
        self.proxy.weather = Weather(1, [(faults.Refuse(), 1.0)], most=9)
        self.proxy.inject(faults.Nothing())
        with contextlib.closing(self.ask()) as answer:
            self.assertEqual(201, answer.status_code)
        self.assertEqual(503, self.ask().status_code)
