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

"""The requests of the real backend, to an HTTP server that is not there."""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest import mock

import fixtures
import requests
from requests_mock.contrib import fixture as mocking
import testtools
import urllib3

from esi_worker.handlers.heat import backend, errors, remote
from esi_worker.tests.unit.handlers.heat import scene

URL = 'http://heat.test:8004/v1'
STACKS = f'{URL}/t1/stacks'
JSON = {'Content-Type': 'application/json'}
REQUEST = backend.StackRequest('net_1', 'text', {'a': None}, 3, ('x', 'y'))


def fault(kind: str, message: str, **more: Any) -> dict[str, Any]:
    """An error as Heat writes it."""
    error = {'type': kind, 'message': message, 'traceback': 'File "x"'}
    return {'code': 0, 'title': 'T', 'explanation': 'E', 'error': error}


class RemoteTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.http: Any = self.useFixture(
            mocking.Fixture()  # type: ignore[no-untyped-call]
        )
        self.log = self.useFixture(fixtures.FakeLogger(level=0))
        self.stacks = remote.HeatBackend(
            scene.configuration(auth_type='none', endpoint_override=URL)
        )
        self.addCleanup(self.stacks.close)

    def accept(self) -> None:
        self.http.post(
            STACKS,
            json={'stack': {'id': 'u1'}},
            headers=JSON,
            status_code=201,
        )

    def create(self) -> str:
        return self.stacks.create('t1', REQUEST, 9.0)


class RequestTest(RemoteTestCase):
    def test_creation_sends_everything(self) -> None:
        self.accept()
        self.assertEqual('u1', self.create())
        self.assertEqual(
            {
                'stack_name': 'net_1',
                'template': 'text',
                'parameters': {'a': None},
                'timeout_mins': 3,
                'disable_rollback': True,
                'tags': 'x,y',
            },
            self.http.last_request.json(),
        )

    def test_change_carries_the_request_id_of_its_caller(self) -> None:
        self.accept()
        self.stacks.create('t1', REQUEST, 9.0, 'req-1')
        headers = self.http.last_request.headers
        self.assertEqual('req-1', headers['X-OpenStack-Request-ID'])

    def test_update_that_observes_says_so(self) -> None:
        self.http.put(f'{STACKS}/net_1/u1', status_code=202)
        for observe in (False, True):
            request = dataclasses.replace(REQUEST, observe=observe)
            self.stacks.update('t1', 'u1', request, 9.0)
        sent = [each.json() for each in self.http.request_history]
        self.assertEqual({**sent[0], 'converge': True}, sent[1])

    def test_change_is_bounded_by_its_caller(self) -> None:
        self.accept()
        self.create()
        self.assertEqual(9.0, self.http.last_request.timeout)

    def test_reading_is_bounded_by_the_option(self) -> None:
        self.http.get(STACKS, json={'stacks': []}, headers=JSON)
        self.stacks.find('t1', 'net_1')
        self.assertEqual(30.0, self.http.last_request.timeout)

    def test_bodies_are_not_logged(self) -> None:
        self.accept()
        request = backend.StackRequest(
            'net_1', 'text', {'password': 'hunter2'}, 3, ()
        )
        self.stacks.create('t1', request, 9.0)
        self.assertNotIn('hunter2', self.log.output)

    def test_no_ids_need_no_request(self) -> None:
        self.assertEqual({}, self.stacks.status('t1', []))
        self.assertFalse(self.http.called)

    def test_many_ids_are_asked_for_in_parts(self) -> None:
        self.http.get(STACKS, json={'stacks': []}, headers=JSON)
        self.stacks.status('t1', [f'id-{i}' for i in range(120)])
        counts = [
            len(request.qs['id']) for request in self.http.request_history
        ]
        self.assertEqual([80, 40], counts)
        self.assertEqual(['true'], self.http.last_request.qs['show_deleted'])

    def test_each_tenant_has_its_own_endpoint(self) -> None:
        other = f'{URL}/t2/stacks'
        self.http.get(other, json={'stacks': []}, headers=JSON)
        self.assertIsNone(self.stacks.find('t2', 'net_1'))


class AgeTest(RemoteTestCase):
    def age(
        self, date: str | None, created: str, updated: str | None = None
    ) -> float | None:
        stack = {
            'id': 'u1',
            'stack_name': 'net_1',
            'stack_status': 'UPDATE_IN_PROGRESS',
            'creation_time': created,
            'updated_time': updated,
        }
        headers = JSON | ({'Date': date} if date else {})
        self.http.get(STACKS, json={'stacks': [stack]}, headers=headers)
        info = self.stacks.find('t1', 'net_1')
        assert info is not None
        return info.age

    def test_age_is_counted_by_the_clock_of_heat(self) -> None:
        date = 'Thu, 26 Nov 2026 10:46:40 GMT'
        for created, updated, expected in (
            ('2026-11-26T10:45:00Z', None, 100.0),
            ('2026-11-26T10:45:00', None, 100.0),
            ('2026-11-25T10:45:00Z', '2026-11-26T10:46:00Z', 40.0),
            # The clocks of its parts differ a little.
            ('2026-11-26T10:46:41Z', None, 0.0),
        ):
            self.assertEqual(expected, self.age(date, created, updated))

    def test_age_that_nobody_tells_is_none(self) -> None:
        self.assertIsNone(self.age(None, '2026-11-26T10:45:00Z'))
        self.assertIsNone(self.age('now', '2026-11-26T10:45:00Z'))
        self.assertIsNone(self.age('Thu, 26 Nov 2026 10:46:40 GMT', 'then'))


class ErrorTest(RemoteTestCase):
    def check(
        self, expected: type[Exception], told: str, **answer: Any
    ) -> str:
        self.http.post(STACKS, **answer)
        error = self.assertRaises(expected, self.create)
        self.assertIn(told, str(error))
        self.assertNotIn('File "x"', str(error))
        return str(error)

    def test_existing_name(self) -> None:
        body = fault('StackExists', 'The Stack (net_1) already exists.')
        self.check(errors.StackExists, 'exists', json=body, status_code=409)

    def test_busy_stack(self) -> None:
        body = fault('ActionInProgress', 'Stack net_1 already has an action')
        self.check(errors.StackBusy, 'action', json=body, status_code=409)

    def test_other_conflicts_and_refusals(self) -> None:
        for code in (400, 403, 409, 413):
            body = fault('RequestLimitExceeded', 'quota exceeded')
            self.check(
                errors.HeatRefused,
                f'HTTP {code}: quota exceeded',
                json=body,
                status_code=code,
            )

    def test_heat_that_forbids_without_a_reason_is_told_apart(self) -> None:
        nothing = {'error': {'type': 'Forbidden', 'traceback': None}}
        answers: list[dict[str, Any]] = [
            {'json': nothing},
            {'json': []},
            {'text': '<html>'},
        ]
        for answer in answers:
            self.check(
                errors.HeatForbids,
                'HTTP 403: HTTPForbidden, and Heat tells no reason',
                status_code=403,
                **answer,
            )

    def test_policy_of_heat_is_a_reason(self) -> None:
        for body in (
            fault('Forbidden', 'You are not authorized.'),
            {'error': {'message': 'You are not authorized.'}},
        ):
            self.http.post(STACKS, json=body, status_code=403)
            error = self.assertRaises(errors.HeatRefused, self.create)
            self.assertNotIsInstance(error, errors.HeatForbids)

    def test_server_errors_are_transient(self) -> None:
        for code in (401, 408, 429, 500, 502, 503, 504):
            body = fault('DBError', 'gone away')
            self.check(
                errors.HeatUnavailable,
                f'HTTP {code}: gone away',
                json=body,
                status_code=code,
            )

    def test_page_of_a_proxy_is_not_quoted(self) -> None:
        self.check(
            errors.HeatUnavailable,
            'HTTP 502: HTTPBadGateway',
            text='<html>hunter2</html>',
            status_code=502,
        )

    def test_page_in_place_of_an_answer_is_transient(self) -> None:
        self.check(errors.HeatUnavailable, 'endpoint', text='<html>')

    def test_message_is_cut_before_a_traceback(self) -> None:
        body = fault('X', 'bad\nTraceback (most recent call last):\n File "x"')
        self.check(
            errors.HeatRefused, 'HTTP 400: bad', json=body, status_code=400
        )

    def test_statements_of_a_database_are_not_told(self) -> None:
        inside = "(1451, 'foreign key') [SQL: DELETE] [parameters: s3cret]"
        told = self.check(
            errors.HeatRefused,
            'foreign key',
            json=fault('Error', inside),
            status_code=400,
        )
        self.assertNotIn('s3cret', told)
        stack = {
            'id': 'u1',
            'stack_name': 'net_1',
            'stack_status': 'UPDATE_FAILED',
            'stack_status_reason': inside,
        }
        self.http.get(STACKS, json={'stacks': [stack]}, headers=JSON)
        info = self.stacks.find('t1', 'net_1')
        assert info is not None
        self.assertEqual("(1451, 'foreign key')", info.reason)
        self.assertTrue(info.heat_erred)

    def test_errors_of_the_database_of_heat_are_told_apart(self) -> None:
        for reason, erred in (
            ('(psycopg2.OperationalError) the server is gone', True),
            ('(pymysql.err.IntegrityError) (1451, "x")', True),
            ('gone\n(Background on this error at: https://sqlalche.me)', True),
            (
                'ValueError: resources.a: (see psycopg2.OperationalError)',
                False,
            ),
            ('Resource CREATE failed: quota', False),
            (None, False),
        ):
            stack = {
                'id': 'u1',
                'stack_name': 'net_1',
                'stack_status': 'CREATE_FAILED',
                'stack_status_reason': reason,
            }
            self.http.get(STACKS, json={'stacks': [stack]}, headers=JSON)
            info = self.stacks.find('t1', 'net_1')
            assert info is not None
            self.assertEqual(erred, info.heat_erred, str(reason))
            self.assertNotIn('Background', info.reason)

    def test_statement_in_the_reason_of_a_resource_is_not_told(self) -> None:
        resource = {
            'resource_name': 'a',
            'resource_type': 'b',
            'resource_status': 'CREATE_FAILED',
            'resource_status_reason': 'gone [SQL: DELETE x] [parameters: y]',
        }
        self.http.get(
            f'{STACKS}/net_1/u1/resources',
            json={'resources': [resource]},
            headers=JSON,
        )
        (found,) = self.stacks.resources('t1', 'net_1', 'u1')
        self.assertEqual('gone', found.reason)

    def test_lost_connections_are_transient(self) -> None:
        for error in (
            requests.exceptions.ConnectTimeout,
            requests.exceptions.ReadTimeout,
            requests.exceptions.ConnectionError,
        ):
            self.check(errors.HeatUnavailable, '', exc=error)

    def test_answers_that_got_lost_are_told_apart(self) -> None:
        """Only after these may a change still be made."""
        gone = urllib3.exceptions.ProtocolError('reset')
        for answer in (
            {'exc': requests.exceptions.ReadTimeout},
            {'exc': requests.exceptions.ConnectionError(gone)},
            {'exc': requests.exceptions.ChunkedEncodingError},
            {'status_code': 502, 'text': ''},
            {'status_code': 504, 'text': ''},
            {
                'status_code': 500,
                'json': fault('MessagingTimeout', 'Timed out waiting'),
            },
        ):
            self.check(errors.AnswerLost, '', **answer)

    def test_requests_that_reached_nobody_are_told_apart(self) -> None:
        refused = urllib3.exceptions.MaxRetryError(
            mock.Mock(),
            '/',
            urllib3.exceptions.NewConnectionError(mock.Mock(), 'refused'),
        )
        for answer in (
            {'exc': requests.exceptions.ConnectTimeout},
            {'exc': requests.exceptions.ConnectionError(refused)},
            {'status_code': 503, 'text': ''},
            {'status_code': 500, 'json': fault('DBError', 'gone away')},
        ):
            self.http.post(STACKS, **answer)
            error = self.assertRaises(errors.HeatUnavailable, self.create)
            self.assertNotIsInstance(error, errors.AnswerLost)

    def test_list_of_ids_is_not_told(self) -> None:
        self.http.get(
            STACKS,
            exc=requests.exceptions.ConnectionError('at /stacks?id=i1'),
        )
        error = self.assertRaises(
            errors.HeatUnavailable, self.stacks.status, 't1', ['i1']
        )
        self.assertNotIn('i1', str(error))

    def test_missing_list_means_a_wrong_endpoint(self) -> None:
        self.http.get(STACKS, status_code=404, json={})
        error = self.assertRaises(
            errors.HeatUnavailable, self.stacks.find, 't1', 'net_1'
        )
        self.assertIn('endpoint', str(error))

    def test_missing_stack_is_told(self) -> None:
        body = fault('EntityNotFound', 'The Stack could not be found.')
        self.http.delete(f'{STACKS}/net_1/u1', json=body, status_code=404)
        self.assertRaises(
            errors.StackNotFound,
            self.stacks.delete,
            't1',
            'net_1',
            'u1',
            9.0,
        )
