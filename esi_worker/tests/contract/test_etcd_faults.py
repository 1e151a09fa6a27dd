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

"""What users of a real etcd see when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import socket
import threading
import time

import fixtures
import testtools

from esi_worker import clock as clocks
from esi_worker import embedded, exceptions
from esi_worker.store import base, batching, etcd, following, leasing

PATIENCE = 60.0
#: Seconds after which a frozen server is given up.
IMPATIENCE = 1.0


class FaultTest(testtools.TestCase):
    """Each test breaks an etcd of its own."""

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.server = embedded.EtcdServer(folder, unsafe_no_fsync=True)
        self.addCleanup(self.server.close)
        self.server.start()
        self.store = self.open_store(self.server.endpoint)

    def open_store(
        self, *endpoints: str, timeout: float = 20.0
    ) -> etcd.EtcdStore:
        store = etcd.EtcdStore(endpoints, timeout=timeout)
        self.addCleanup(store.close)
        return store

    def follow(self, deadline: float = 20.0) -> following.Follower:
        follower = following.Follower(
            self.store,
            ['/a/'],
            pulse_key='/pulse/test',
            silence_deadline=deadline,
            clock=clocks.SystemClock(),
            max_backoff=0.5,
        )
        self.addCleanup(follower.close)
        return follower

    def poll_until(
        self, follower: following.Follower, done: Callable[[], bool]
    ) -> list[base.Snapshot | base.WatchBatch]:
        seen = []
        deadline = time.monotonic() + PATIENCE
        while not done() and time.monotonic() < deadline:
            item = follower.poll(0.05)
            if item is not None:
                seen.append(item)
        self.assertTrue(done())
        return seen

    def test_a_dead_server_is_unavailable(self) -> None:
        self.store.put('/a/1', 'x')
        self.server.stop()

        for call in (
            lambda: self.store.put('/a/1', 'y'),
            lambda: self.store.get('/a/1'),
            lambda: self.store.range('/a/'),
            lambda: self.store.grant(5),
            lambda: self.store.watch({'/a/': 0}),
        ):
            error = self.assertRaises(exceptions.StoreUnavailable, call)
            self.assertNotIsInstance(error, exceptions.StoreTimeout)
            self.assertIn(self.server.endpoint, str(error))

    def test_a_frozen_server_leaves_writes_uncertain(self) -> None:
        self.store = self.open_store(self.server.endpoint, timeout=IMPATIENCE)
        self.store.put('/a/1', 'x')
        self.server.pause()
        self.addCleanup(self.server.resume)

        self.assertRaises(exceptions.StoreTimeout, self.store.put, '/a/1', 'y')
        error = self.assertRaises(
            exceptions.StoreUnavailable, self.store.get, '/a/1'
        )
        self.assertNotIsInstance(error, exceptions.StoreTimeout)

    def test_a_watch_ends_with_its_server(self) -> None:
        watch = self.store.watch({'/a/': 0})
        self.addCleanup(watch.close)
        self.store.put('/a/1', 'before')
        self.assertIsNotNone(watch.next(PATIENCE))

        self.server.kill()

        self.assertRaises(exceptions.WatchDisconnected, watch.next, PATIENCE)

    def test_a_watch_ends_with_a_clean_stop(self) -> None:
        watch = self.store.watch({'/a/': 0})
        self.addCleanup(watch.close)

        self.server.stop()

        self.assertRaises(exceptions.WatchDisconnected, watch.next, PATIENCE)

    def test_a_follower_loses_nothing_over_a_restart(self) -> None:
        self.store.put('/a/1', 'listed')
        follower = self.follow()
        self.poll_until(follower, lambda: follower.alive)
        other = self.open_store(self.server.endpoint)

        self.server.kill()
        self.poll_until(follower, lambda: follower.problem is not None)
        self.server.start()
        other.put('/a/2', 'while nobody watched')
        last = other.delete('/a/1')
        seen = self.poll_until(
            follower, lambda: follower.revision('/a/') == last
        )

        self.assertEqual(
            [('PUT', '/a/2'), ('DELETE', '/a/1')],
            [
                (event.type, event.kv.key)
                for item in seen
                if isinstance(item, base.WatchBatch)
                for event in item.events
            ],
        )
        self.assertTrue(follower.alive)

    def test_a_follower_lists_again_after_a_compaction(self) -> None:
        follower = self.follow()
        self.poll_until(follower, lambda: follower.alive)
        other = self.open_store(self.server.endpoint)

        self.server.kill()
        self.poll_until(follower, lambda: follower.problem is not None)
        self.server.start()
        other.put('/a/1', 'forgotten')
        last = other.put('/a/1', 'kept')
        other.compact(last)
        seen = self.poll_until(
            follower, lambda: follower.revision('/a/') >= last
        )

        assert isinstance(seen[0], base.Snapshot)
        self.assertEqual('kept', seen[0].items[0].value)

    def test_a_frozen_server_is_silent_within_the_deadline(self) -> None:
        self.store = self.open_store(self.server.endpoint, timeout=IMPATIENCE)
        follower = self.follow(deadline=2.0)
        self.poll_until(follower, lambda: follower.alive)
        started = time.monotonic()

        self.server.pause()
        self.poll_until(follower, lambda: follower.problem is not None)
        took = time.monotonic() - started

        self.assertIsInstance(follower.problem, exceptions.WatchSilent)
        # Calls that run into their timeout may come on top, and what a
        # busy machine takes.
        self.assertLess(took, 18.0)
        self.server.resume()
        self.poll_until(follower, lambda: follower.alive)

    def test_a_quiet_server_is_alive(self) -> None:
        deadline = 5.0
        follower = self.follow(deadline)
        self.poll_until(follower, lambda: follower.alive)
        until = time.monotonic() + deadline + 1.0

        def over() -> bool:
            self.assertIsNone(follower.problem)
            return time.monotonic() > until

        seen = self.poll_until(follower, over)

        self.assertEqual([], seen)
        self.assertLess(follower.silence(), deadline)
        self.assertIsNotNone(self.store.get('/pulse/test'))
        follower.close()
        self.assertIsNone(self.store.get('/pulse/test'))

    def test_a_dead_first_endpoint_is_passed_over(self) -> None:
        with socket.socket() as reserved:
            reserved.bind(('127.0.0.1', 0))
            dead = f'http://127.0.0.1:{reserved.getsockname()[1]}'
            store = self.open_store(dead, self.server.endpoint)

            store.put('/a/1', 'x')
            with store.watch({'/a/': 0}) as watch:
                store.put('/a/1', 'y')
                self.assertIsNotNone(watch.next(PATIENCE))

    def test_a_read_passes_a_frozen_endpoint_over(self) -> None:
        # Takes connections and never answers.
        with socket.create_server(('127.0.0.1', 0)) as frozen:
            url = f'http://127.0.0.1:{frozen.getsockname()[1]}'
            store = self.open_store(url, self.server.endpoint, timeout=2.0)

            self.assertIsNone(store.get('/a/1'))
            store.put('/a/1', 'the good endpoint is remembered')

    def test_a_server_that_is_not_etcd_is_told(self) -> None:
        with socket.create_server(('127.0.0.1', 0)) as listener:
            thread = threading.Thread(target=_answer_nonsense, args=[listener])
            thread.start()
            self.addCleanup(thread.join)
            url = f'http://127.0.0.1:{listener.getsockname()[1]}'

            error = self.assertRaises(
                exceptions.StoreUnavailable,
                self.open_store(url).get,
                '/a/1',
            )

        self.assertIn('not from etcd', str(error))

    def test_a_lease_survives_a_short_outage(self) -> None:
        keeper = leasing.LeaseKeeper(self.store, 6, clock=clocks.SystemClock())
        keeper.start()
        self.addCleanup(keeper.stop)
        self.store.put('/a/1', '', lease=keeper.lease.id)

        self.server.kill()
        self.server.start()
        before = keeper.remaining()
        deadline = time.monotonic() + PATIENCE
        while keeper.remaining() <= before:
            self.assertLess(time.monotonic(), deadline)
            self.assertFalse(keeper.lost.wait(0.05))

        self.assertIsNotNone(self.store.get('/a/1'))

    def test_three_hundred_transitions_are_committed(self) -> None:
        transitions = [
            batching.Transition(
                (base.Compare.missing(f'/a/{each}'),),
                (base.Put(f'/a/{each}', 'x' * 5000),),
            )
            for each in range(300)
        ]
        self.store.put('/a/7', 'in the way')

        results = batching.commit(self.store, transitions)

        self.assertEqual(
            [7], [i for i, each in enumerate(results) if not each.applied]
        )
        self.assertEqual(300, len(self.store.range('/a/').items))

    def test_many_threads_share_a_store(self) -> None:
        def write(name: str) -> None:
            for each in range(20):
                self.store.put(f'/a/{name}/{each}', name)

        threads = [
            threading.Thread(target=write, args=[str(each)])
            for each in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual(400, len(self.store.range('/a/').items))


def _answer_nonsense(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n'
            b'Connection: close\r\n\r\nhello'
        )
