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

"""The embedded services are real, answer, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
from typing import Any

import fixtures
import requests
import testtools

from esi_worker import embedded
from esi_worker.embedded import packages
from esi_worker.tests.functional import embedded_support as support


class InRunDir(testtools.TestCase):
    """Gives each test a run directory of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.run_dir = Path(self.useFixture(fixtures.TempDir()).path)


class EtcdServerTest(InRunDir):
    def start(self, **options: Any) -> embedded.EtcdServer:
        return self.enterContext(
            embedded.EtcdServer(self.run_dir, unsafe_no_fsync=True, **options)
        )

    def test_keeps_what_is_written(self) -> None:
        etcd = self.start()
        support.put(etcd.endpoint, '/a', 'b')
        self.assertEqual(['b'], support.get(etcd.endpoint, '/a'))

    def test_restart_keeps_endpoint_and_data(self) -> None:
        etcd = self.start()
        before = etcd.endpoint
        support.put(before, '/a', 'b')
        etcd.stop()
        self.assertRaises(requests.ConnectionError, support.get, before, '/a')
        etcd.start()
        self.assertEqual(before, etcd.endpoint)
        self.assertEqual(['b'], support.get(before, '/a'))

    def test_comes_back_after_a_kill(self) -> None:
        etcd = self.start()
        support.put(etcd.endpoint, '/a', 'b')
        first = support.living_pid(etcd)
        etcd.kill()
        self.assertTrue(support.has_ended(first))
        self.assertIsNone(etcd.pid)
        etcd.start()
        self.assertEqual(['b'], support.get(etcd.endpoint, '/a'))

    def test_paused_server_accepts_but_does_not_answer(self) -> None:
        etcd = self.start()
        etcd.pause()
        self.assertRaises(
            requests.ReadTimeout,
            requests.get,
            f'{etcd.endpoint}/health',
            timeout=0.3,
        )
        etcd.resume()
        self.assertTrue(requests.get(f'{etcd.endpoint}/health', timeout=60).ok)

    def test_paused_server_can_be_stopped(self) -> None:
        etcd = self.start()
        pid = support.living_pid(etcd)
        etcd.pause()
        etcd.stop()
        self.assertTrue(support.has_ended(pid))

    def test_leaves_no_process_but_its_log(self) -> None:
        with embedded.EtcdServer(self.run_dir) as etcd:
            pid = support.living_pid(etcd)
        self.assertTrue(support.has_ended(pid))
        self.assertIn('ready to serve', etcd.log_path.read_text())

    def test_leaves_no_process_after_an_exception(self) -> None:
        with (
            contextlib.suppress(LookupError),
            embedded.EtcdServer(self.run_dir) as etcd,
        ):
            pid = support.living_pid(etcd)
            raise LookupError
        self.assertTrue(support.has_ended(pid))

    def test_survives_the_thread_that_started_it(self) -> None:
        etcd = embedded.EtcdServer(self.run_dir, unsafe_no_fsync=True)
        self.addCleanup(etcd.close)
        thread = threading.Thread(target=etcd.start)
        thread.start()
        thread.join()
        self.assertEqual([], support.get(etcd.endpoint, '/a'))

    def test_failed_start_shows_the_log(self) -> None:
        etcd = embedded.EtcdServer(
            self.run_dir, extra_args=['--initial-cluster=a=http://b:1']
        )
        self.addCleanup(etcd.close)
        error = self.assertRaises(embedded.ServiceFailed, etcd.start)
        self.assertIn("couldn't find local name", str(error))
        self.assertIn(str(etcd.log_path), str(error))


class PostgresServerTest(InRunDir):
    def test_restart_keeps_databases(self) -> None:
        with embedded.PostgresServer(self.run_dir) as postgres:
            pid = support.living_pid(postgres)
            postgres.create_database('one')
            postgres.kill()
            postgres.start()
            postgres.create_database('one')
            url = postgres.url('one')
        self.assertTrue(support.has_ended(pid))
        self.assertEndsWith(url, f'@127.0.0.1:{postgres.port}/one')

    def assertEndsWith(self, text: str, end: str) -> None:
        self.assertEqual(end, text[-len(end) :])


class ParentDeathTest(InRunDir):
    """Nothing outlives the process that started it, however it dies."""

    SCRIPT = """
import pathlib, signal, sys
from esi_worker import embedded
run_dir = pathlib.Path(sys.argv[1])
# Whoever started the tests may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with (embedded.EtcdServer(run_dir) as etcd,
      embedded.PostgresServer(run_dir) as postgres):
    print(etcd.pid, postgres.pid, flush=True)
    signal.pause()
"""

    def started(self) -> tuple[subprocess.Popen[str], list[int]]:
        parent = subprocess.Popen(
            [sys.executable, '-c', self.SCRIPT, str(self.run_dir)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONPATH': str(packages.import_root())},
        )
        self.addCleanup(parent.wait)
        self.addCleanup(parent.kill)
        assert parent.stdout is not None
        self.addCleanup(parent.stdout.close)
        return parent, [int(pid) for pid in parent.stdout.readline().split()]

    def assert_gone_after(self, number: signal.Signals) -> None:
        parent, pids = self.started()
        self.assertEqual(
            [False, False], [support.has_ended(pid) for pid in pids]
        )
        parent.send_signal(number)
        for pid in pids:
            self.assertTrue(support.has_ended(pid, support.DEADLINE))

    def test_killed(self) -> None:
        self.assert_gone_after(signal.SIGKILL)

    def test_terminated(self) -> None:
        self.assert_gone_after(signal.SIGTERM)

    def test_interrupted(self) -> None:
        self.assert_gone_after(signal.SIGINT)


class ServicesTest(InRunDir):
    def pids(self, run: embedded.Services) -> list[int]:
        return [
            support.living_pid(server)
            for server in (run.etcd, run.postgres, run.heat)
        ]

    def stacks(self, run: embedded.Services) -> support.Stacks:
        return support.Stacks(support.noauth_session(run.heat, 't'))

    def assert_ended(self, pids: Sequence[int]) -> None:
        self.assertEqual(
            [True] * len(pids), [support.has_ended(pid) for pid in pids]
        )

    def test_two_runs_side_by_side(self) -> None:
        said: list[str] = []
        with (
            embedded.Services(
                self.run_dir / 'one', progress=said.append
            ) as one,
            embedded.Services(self.run_dir / 'two') as two,
        ):
            pids = self.pids(one) + self.pids(two)
            support.put(one.etcd.endpoint, '/a', 'b')
            self.stacks(one).create('network_1', support.NETWORK, name='n-1')
            self.assertEqual([], support.get(two.etcd.endpoint, '/a'))
            self.assertEqual([], self.stacks(two).names())
        self.assert_ended(pids)
        self.assertEqual(6, len(set(pids)))
        self.assertIn('heat is up', said[-1])

    def test_heat_comes_back_with_its_stacks(self) -> None:
        with embedded.Services(self.run_dir, etcd=False) as run:
            stacks = self.stacks(run)
            stacks.create('network_1', support.NETWORK, name='n-1')
            run.heat.kill()
            run.heat.start()
            self.assertEqual(['network_1'], stacks.names())

    def test_nothing_is_left_after_an_exception(self) -> None:
        with (
            contextlib.suppress(LookupError),
            embedded.Services(self.run_dir) as run,
        ):
            pids = self.pids(run)
            raise LookupError
        self.assert_ended(pids)

    def test_failed_start_stops_what_had_started(self) -> None:
        run = embedded.Services(
            self.run_dir,
            heat_options={
                'extra_options': {'database': {'connection': 'no-such://'}}
            },
        )
        error = self.assertRaises(embedded.ServiceFailed, run.start)
        self.assertEqual('heat', error.service)
        started = [
            int(path.read_text()) for path in self.run_dir.glob('*/pid')
        ]
        self.assertEqual(3, len(started))
        self.assert_ended(started)

    def test_says_which_service_is_not_there(self) -> None:
        run = embedded.Services(self.run_dir, keystone=False)
        self.assertRaises(embedded.NotStarted, lambda: run.keystone)
