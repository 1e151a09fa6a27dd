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

"""Framing and decoding of etcd's watch stream."""

from __future__ import annotations

import base64
from collections.abc import Iterator
import json
import threading
from typing import Any

import fixtures
import testtools

from esi_worker import exceptions
from esi_worker.store import base, etcd_watch


def b64(text: str) -> str:
    return base64.b64encode(base.to_bytes(text)).decode()


def change(key: str, revision: int, value: str = '', **more: Any) -> Any:
    kv = {'key': b64(key), 'mod_revision': str(revision)}
    if value:
        kv['value'] = b64(value)
    return {'kv': kv, **more}


def message(*events: Any, watch_id: int = 1, **more: Any) -> bytes:
    result = {'header': {'revision': '99'}, 'watch_id': str(watch_id)}
    if events:
        result['events'] = list(events)
    return json.dumps({'result': {**result, **more}}).encode()


class LineSplitterTest(testtools.TestCase):
    def test_lines_are_the_same_wherever_the_stream_is_cut(self) -> None:
        lines = [message(change('/a/ü', 5, 'x\n')), b'{}', message()]
        stream = b'\n' + b'\n\n'.join(lines) + b'\r\n'

        for first in range(len(stream) + 1):
            for second in (first, len(stream), (first + len(stream)) // 2):
                pieces = [
                    stream[:first],
                    stream[first:second],
                    stream[second:],
                ]
                splitter = etcd_watch.LineSplitter()
                seen = [
                    line for data in pieces for line in splitter.feed(data)
                ]
                self.assertEqual(lines, seen)

    def test_single_bytes_make_lines(self) -> None:
        splitter = etcd_watch.LineSplitter()

        seen = [
            line
            for byte in b'{"a": 1}\n{"b"\n'
            for line in splitter.feed(bytes([byte]))
        ]

        self.assertEqual([b'{"a": 1}', b'{"b"'], seen)

    def test_a_line_without_end_is_kept_back(self) -> None:
        splitter = etcd_watch.LineSplitter()

        self.assertEqual([], list(splitter.feed(b'{"result"')))


class DecoderTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.decoder = etcd_watch.Decoder({1: '/a/', 2: '/b/'})

    def test_a_put_has_no_type_and_a_deletion_no_value(self) -> None:
        batch = self.decoder.decode(
            message(
                change('/b/1', 7, 'x'),
                change('/b/2', 8, type='DELETE'),
                watch_id=2,
            )
        )

        assert batch is not None
        self.assertEqual('/b/', batch.prefix)
        self.assertEqual(
            [('PUT', '/b/1', 'x', 7), ('DELETE', '/b/2', '', 8)],
            [
                (e.type, e.kv.key, e.kv.value, e.kv.mod_revision)
                for e in batch.events
            ],
        )

    def test_the_revision_is_that_of_the_last_event(self) -> None:
        batch = self.decoder.decode(message(change('/a/1', 7)))

        assert batch is not None
        self.assertEqual(7, batch.revision)

    def test_bytes_that_are_no_text_pass_through(self) -> None:
        raw = change('/a/1', 7)
        raw['kv']['value'] = base64.b64encode(b'\xff\x00').decode()

        batch = self.decoder.decode(message(raw))

        assert batch is not None
        value = batch.events[0].kv.value
        self.assertEqual(b'\xff\x00', base.to_bytes(value))

    def test_created_and_progress_are_no_batches(self) -> None:
        self.assertIsNone(self.decoder.decode(message(created=True)))
        self.assertIsNone(self.decoder.decode(message()))

    def test_it_knows_what_etcd_has_not_confirmed(self) -> None:
        self.decoder.decode(message(created=True))

        self.assertEqual({2: '/b/'}, self.decoder.unconfirmed)

    def test_fragments_are_put_together(self) -> None:
        first = message(change('/a/1', 7), fragment=True)
        other = message(change('/b/1', 7), watch_id=2)
        last = message(change('/a/2', 7), change('/a/3', 8))

        self.assertIsNone(self.decoder.decode(first))
        self.assertIsNotNone(self.decoder.decode(other))
        batch = self.decoder.decode(last)

        assert batch is not None
        self.assertEqual(8, batch.revision)
        self.assertEqual(
            ['/a/1', '/a/2', '/a/3'], [e.kv.key for e in batch.events]
        )

    def test_a_compaction_names_its_revision(self) -> None:
        line = message(canceled=True, compact_revision='42')

        error = self.assertRaises(
            exceptions.WatchCompacted, self.decoder.decode, line
        )

        self.assertEqual(42, error.compact_revision)

    def test_a_cancellation_tells_its_reason(self) -> None:
        line = message(canceled=True, created=True, cancel_reason='go away')

        error = self.assertRaises(
            exceptions.WatchCanceled, self.decoder.decode, line
        )

        self.assertIn('go away', str(error))

    def test_an_error_ends_the_watch(self) -> None:
        for code, kind in (
            (14, exceptions.WatchDisconnected),
            (2, exceptions.WatchCanceled),
        ):
            error = {'grpc_code': code, 'message': 'broken'}
            line = json.dumps({'error': error}).encode()
            raised = self.assertRaises(kind, self.decoder.decode, line)
            self.assertIn('broken', str(raised))

    def test_nonsense_ends_the_watch(self) -> None:
        for line in (
            b'no json',
            b'[]',
            b'{}',
            b'{"result": 1}',
            message({'no': 'kv'}),
            message(change('/a/1', 7), watch_id=9),
        ):
            self.assertRaises(
                exceptions.WatchDisconnected, self.decoder.decode, line
            )


class RequestBodyTest(testtools.TestCase):
    def test_each_prefix_has_its_request(self) -> None:
        body = etcd_watch.request_body({'/a/': 5, '/b/': 0})

        first, second = (
            json.loads(line)['create_request'] for line in body.splitlines()
        )
        self.assertEqual(
            (1, b64('/a/'), b64('/a0'), 5),
            (
                first['watch_id'],
                first['key'],
                first['range_end'],
                first['start_revision'],
            ),
        )
        self.assertEqual(2, second['watch_id'])
        self.assertNotIn('start_revision', second)

    def test_etcd_reads_all_requests_before_it_answers_the_first(self) -> None:
        for count in (1, 4, 8):
            starts = {f'/some/prefix/{number}/': 1 for number in range(count)}
            body = etcd_watch.request_body(starts)

            # Its decoder reads up to 512, 1,536 and 3,584 bytes.
            end_of_first = len(body.splitlines()[0])
            reads = [each for each in (512, 1536, 3584) if each < end_of_first]
            self.assertLessEqual(len(body), 2 * reads[-1] + 512)


class SilentAnswer:
    """An answer of etcd that confirms nothing and never ends."""

    def __init__(self) -> None:
        self.raw = self
        self._ended = threading.Event()

    def iter_content(self, chunk_size: int | None) -> Iterator[bytes]:
        self._ended.wait()
        yield from ()

    def shutdown(self) -> None:
        self._ended.set()

    def close(self) -> None:
        """Nothing is held."""


class ConfirmationTest(testtools.TestCase):
    def watch(self) -> etcd_watch.EtcdWatch:
        answer: Any = SilentAnswer()
        watch = etcd_watch.EtcdWatch(answer, {'/a/': 5, '/b/': 0})
        self.addCleanup(watch.close)
        return watch

    def test_etcd_gets_some_time(self) -> None:
        self.assertIsNone(self.watch().next(0))

    def test_what_is_not_confirmed_in_time_ends_the_watch(self) -> None:
        name = 'esi_worker.store.etcd_watch._CONFIRMATION'
        self.useFixture(fixtures.MonkeyPatch(name, -1.0))

        error = self.assertRaises(
            exceptions.WatchDisconnected, self.watch().next, 0
        )

        self.assertIn('/a/, /b/', str(error))
