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

"""What etcd's error texts mean, and whether a request was applied."""

from __future__ import annotations

import json
import socket

import testtools

from esi_worker import exceptions
from esi_worker.store import etcd, etcd_errors

ENDPOINT = 'http://etcd:2379'


def answer(text: str, code: int) -> str:
    return json.dumps({'error': text, 'message': text, 'code': code})


class AnsweredTest(testtools.TestCase):
    def test_every_text_has_its_error_and_fate(self) -> None:
        refused = etcd_errors.Fate.REFUSED
        unknown = etcd_errors.Fate.UNKNOWN
        for text, code, fate, kind in (
            (
                'etcdserver: duplicate key given in txn request',
                3,
                refused,
                exceptions.DuplicateKey,
            ),
            (
                'etcdserver: too many operations in txn request',
                3,
                refused,
                exceptions.TooManyOperations,
            ),
            (
                'etcdserver: request is too large',
                3,
                refused,
                exceptions.RequestTooLarge,
            ),
            (
                'grpc: received message larger than max (3 vs. 2)',
                8,
                refused,
                exceptions.RequestTooLarge,
            ),
            (
                'etcdserver: mvcc: database space exceeded',
                8,
                refused,
                exceptions.StoreNoSpace,
            ),
            (
                'etcdserver: requested lease not found',
                5,
                refused,
                exceptions.LeaseLost,
            ),
            (
                'etcdserver: mvcc: required revision has been compacted',
                11,
                refused,
                exceptions.RevisionCompacted,
            ),
            (
                'etcdserver: permission denied',
                7,
                refused,
                exceptions.StoreAuthError,
            ),
            (
                'etcdserver: key is not provided',
                3,
                refused,
                exceptions.RequestRefused,
            ),
            (
                'etcdserver: invalid auth token',
                16,
                etcd_errors.Fate.REAUTHENTICATE,
                exceptions.StoreAuthError,
            ),
            (
                'etcdserver: no leader',
                14,
                etcd_errors.Fate.NOT_APPLIED,
                exceptions.StoreUnavailable,
            ),
            (
                'etcdserver: request timed out',
                14,
                unknown,
                exceptions.StoreUnavailable,
            ),
            (
                'etcdserver: leader changed',
                14,
                unknown,
                exceptions.StoreUnavailable,
            ),
            (
                'context deadline exceeded',
                4,
                unknown,
                exceptions.StoreUnavailable,
            ),
        ):
            failure = etcd_errors.answered(answer(text, code), ENDPOINT)
            self.assertEqual(fate, failure.fate, text)
            self.assertIs(kind, type(failure.error), text)
            self.assertIn(text, str(failure.error))

    def test_an_error_inside_a_stream_is_read_too(self) -> None:
        text = 'etcdserver: requested lease not found'
        body = json.dumps({'error': {'message': text, 'grpc_code': 5}})

        failure = etcd_errors.answered(body, ENDPOINT)

        self.assertIsInstance(failure.error, exceptions.LeaseLost)

    def test_an_answer_of_a_stranger_leaves_the_fate_open(self) -> None:
        for body in ('', '<html>', '[]', '{}', '{"error": 5}', 'null'):
            failure = etcd_errors.answered(body, ENDPOINT)
            self.assertEqual(etcd_errors.Fate.UNKNOWN, failure.fate, body)


class ConnectionTest(testtools.TestCase):
    """Errors of real sockets, without an etcd."""

    def put(self, *endpoints: str) -> exceptions.StoreUnavailable:
        store = etcd.EtcdStore(endpoints, timeout=0.2)
        self.addCleanup(store.close)
        try:
            store.put('/a', 'x')
        except exceptions.StoreUnavailable as error:
            return error
        raise AssertionError

    def free_port(self) -> str:
        reserved = socket.socket()
        self.addCleanup(reserved.close)
        reserved.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{reserved.getsockname()[1]}'

    def test_a_refused_connection_was_not_applied(self) -> None:
        first, second = self.free_port(), self.free_port()

        error = self.put(first, second)

        self.assertIs(exceptions.StoreUnavailable, type(error))
        self.assertIn(f'{first}: Connection refused', str(error))
        self.assertIn(second, str(error))

    def test_an_unknown_host_was_not_applied(self) -> None:
        error = self.put('http://etcd.invalid:2379')

        self.assertIs(exceptions.StoreUnavailable, type(error))

    def test_a_server_that_says_nothing_leaves_the_fate_open(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as server:
            silent = f'http://127.0.0.1:{server.getsockname()[1]}'

            # No other endpoint gets the write, for it may be applied.
            error = self.put(silent, self.free_port())

        self.assertIs(exceptions.StoreTimeout, type(error))
        self.assertIn('timed out', str(error))
