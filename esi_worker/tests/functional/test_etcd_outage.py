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

"""etcd goes away under load, and comes back.

Whatever happens, all jobs finish, nothing is done twice, work goes on
within five seconds of etcd's return, and the log says so in words.
"""

from __future__ import annotations

from collections.abc import Callable

from esi_worker import embedded
from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import raw_etcd
from esi_worker.tests.functional import service_support as support

#: Enough to keep the slots busy for some seconds.
LOAD = 60
#: Of them, those after whose end the fault comes.
BEFORE = 5


class OutageTestCase(faults.FaultTestCase):
    """A load that is interrupted once."""

    def survive(
        self, server: embedded.EtcdServer, fault: Callable[[], None]
    ) -> list[str]:
        """Run a load through a fault.

        :param fault: breaks etcd and mends it
        :returns: the names of the things
        """
        service = self.start(server.endpoint)
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)

        fault()

        self.assert_recovered()
        self.await_all(names)
        self.assert_done_once(names)
        self.assert_readable(service)
        return names


class StoppedTest(OutageTestCase):
    def test_etcd_is_stopped_for_a_moment(self) -> None:
        server = self.start_etcd()

        def fault() -> None:
            server.stop()
            faults.outage(2)
            server.start()

        names = self.survive(server, fault)

        self.assertEqual(0, self.repeated(names))

    def test_etcd_is_killed(self) -> None:
        server = self.start_etcd(binary=processes.sturdy_etcd())

        def fault() -> None:
            server.kill()
            server.start()

        names = self.survive(server, fault)

        self.assertEqual(0, self.repeated(names))


class FrozenTest(OutageTestCase):
    options = faults.SHORT_CLAIMS

    def test_etcd_is_frozen_for_longer_than_a_lease(self) -> None:
        server = self.start_etcd()

        def fault() -> None:
            server.pause()
            faults.outage(faults.TTL * 2)
            server.resume()

        names = self.survive(server, fault)

        # The claims have run out: what was under way is started again.
        self.assertLess(self.repeated(names), LOAD - BEFORE)


class CompactedTest(OutageTestCase):
    def test_the_history_is_gone_when_the_watches_come_back(self) -> None:
        server = self.start_etcd()
        service = self.start(server.endpoint)
        names = self.write_load(LOAD // 2)
        self.await_some(names, BEFORE)

        # Frozen, so that the history is gone before anybody asks for it.
        service.pause()
        server.stop()
        server.start()
        names += self.write_load(LOAD // 2)
        revision = self.etcd.revision()
        self.etcd.post(
            'kv/compaction', {'revision': str(revision), 'physical': True}
        )
        service.resume()

        self.assert_recovered()
        self.await_all(names)
        self.assert_done_once(names)
        self.assertIn('listing again', service.log_text())
        self.assert_readable(service)


class FullTest(OutageTestCase):
    """The quota of the database, which stops all writes."""

    QUOTA = 8 * 1024 * 1024

    def test_no_space_is_left_and_then_some_is_freed(self) -> None:
        server = self.start_etcd(f'--quota-backend-bytes={self.QUOTA}')
        slow: list[str] = []

        def fault() -> None:
            # Sure to have something to write while nothing can be.
            slow.append(self.write('slow', polls=30))
            self.fill()
            self.await_words('database space exceeded')
            self.free()

        names = self.survive(server, fault)

        self.await_all(slow)
        self.assert_done_once(slow)
        self.assertEqual(0, self.repeated([*names, *slow]))

    def await_words(self, words: str) -> None:
        (service,) = self.processes
        support.wait_for(
            lambda: words in service.log_text(), f'a line with "{words}"'
        )

    def fill(self) -> None:
        """Write until etcd refuses, which it does some time after the
        quota is full: it learns of its size when it syncs to disk."""
        size = 512 * 1024
        for number in range(16 * self.QUOTA // size):
            try:
                self.etcd.put(f'/filler/{number}', 'x' * size)
            except AssertionError:
                return
        self.fail('etcd has a quota but takes everything')

    def free(self) -> None:
        """What the operator's guide of etcd says."""
        prefix = '/filler/'
        answer = self.etcd.post(
            'kv/deleterange',
            {
                'key': raw_etcd.encoded(prefix),
                'range_end': raw_etcd.encoded('/filler0'),
            },
        )
        revision = raw_etcd.revision_of(answer)
        self.etcd.post(
            'kv/compaction', {'revision': str(revision), 'physical': True}
        )
        self.etcd.post('maintenance/defragment', {})
        alarms = self.etcd.post('maintenance/alarm', {'action': 'GET'})
        for alarm in alarms.get('alarms', []):
            self.etcd.post(
                'maintenance/alarm', {**alarm, 'action': 'DEACTIVATE'}
            )
