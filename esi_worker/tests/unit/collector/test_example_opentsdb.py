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

"""The example of a syncer, against a server that speaks HTTP."""

from __future__ import annotations

import http.server
import importlib
import json
from pathlib import Path
import sys
import threading
from typing import Any

import testtools

import esi_worker
from esi_worker import exceptions, plugins
from esi_worker.collector import schemas
from esi_worker.tests.unit.collector import support

EXAMPLE = Path(esi_worker.__file__).parents[1] / 'examples' / 'opentsdb'
SETTINGS = {
    'traffic.in': {
        'metric': 'traffic.bytes',
        'tags': [{'resource_id': 'p1'}, {'port_id': 'q'}],
    },
    'traffic.out': {'metric': 'traffic.bytes', 'tags': {'direction': 'out'}},
}


class TestOpenTsdb(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        if not EXAMPLE.is_dir():
            self.skipTest('the examples are only in the repository')
        sys.path.insert(0, str(EXAMPLE))
        self.addCleanup(sys.path.remove, str(EXAMPLE))
        syncer = importlib.import_module('esi_worker_example_opentsdb.syncer')
        self.puts: list[Any] = []
        self.status = 204
        self.setting = support.Setting()
        conf = self.setting.context.conf
        plugins.register_options(conf, [syncer.OpenTsdbSyncer])
        conf.set_override('url', self.serve(), group='tsdb')
        self.syncer = syncer.OpenTsdbSyncer(self.setting.unfenced)
        self.target = support.make_target(syncer_properties={'tsdb': SETTINGS})

    def serve(self) -> str:
        """Take what is put.

        :returns: the URL
        """
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers['Content-Length'])
                body = json.loads(self.rfile.read(length))
                outer.puts.append((self.path, body))
                self.send_response(outer.status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f'http://127.0.0.1:{server.server_port}/'

    def test_each_set_of_tags_is_a_point(self) -> None:
        self.syncer.publish(self.target, 'traffic.in', 14)

        point = {
            'metric': 'traffic.bytes',
            'timestamp': 1_500_000_000,
            'value': 14,
        }
        self.assertEqual(
            [
                (
                    '/api/put',
                    [
                        {**point, 'tags': {'resource_id': 'p1'}},
                        {**point, 'tags': {'port_id': 'q'}},
                    ],
                )
            ],
            self.puts,
        )

    def test_only_numbers_that_are_asked_for_are_put(self) -> None:
        for name, value in (
            ('status', 'UP'),
            ('other', 5),
            ('traffic.out', 'many'),
            ('traffic.out', True),
        ):
            self.assertFalse(self.syncer.needs(self.target, name, value))
            self.syncer.publish(self.target, name, value)

        self.assertEqual([], self.puts)

    def test_a_refusal_is_not_repeated(self) -> None:
        self.status = 400

        self.syncer.publish(self.target, 'traffic.out', 1)

        self.assertEqual(1, len(self.puts))

    def test_a_server_that_is_busy_is_asked_again(self) -> None:
        self.status = 503

        self.assertRaises(
            exceptions.TransientError,
            self.syncer.publish,
            self.target,
            'traffic.out',
            1,
        )

    def test_settings_are_checked(self) -> None:
        def problems(settings: Any) -> list[str]:
            return list(
                schemas.problems(settings, self.syncer.settings, 'tsdb')
            )

        self.assertEqual([], problems(SETTINGS))
        wrongs: list[Any] = [
            {'a': {}},
            {'a': {'metric': 'm', 'tags': {}}},
            {'a': {'metric': 'm', 'tags': []}},
            {'a': {'metric': '', 'tags': {'b': 'c'}}},
        ]
        for wrong in wrongs:
            self.assertNotEqual([], problems(wrong), str(wrong))
