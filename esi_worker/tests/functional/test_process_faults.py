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

"""Processes that are killed, ended or reloaded while there is work."""

from __future__ import annotations

import signal
import time

from esi_worker.tests.functional import fault_processes as processes
from esi_worker.tests.functional import fault_support as faults
from esi_worker.tests.functional import raw_etcd
from esi_worker.tests.functional import service_support as support

#: Enough to keep the slots busy for some seconds.
LOAD = 60
BEFORE = 5
#: Seconds within which a process that is told to end has ended.
PATIENCE = 120.0
#: Seconds; a job of that length ends in no test.
FOR_EVER = 600


class KilledTest(faults.FaultTestCase):
    def test_a_stand_by_goes_on_where_the_manager_was_killed(self) -> None:
        server = self.start_etcd()
        first = self.start(server.endpoint, 'manager')
        second = self.start(server.endpoint, 'manager')
        self.start(server.endpoint, 'worker')
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)
        revision = self.etcd.revision()

        with self.changes(revision + 1) as history:
            began = time.monotonic()
            first.kill()
            names += self.write_load(LOAD)
            history.put(support.ELECTION)
            took = time.monotonic() - began

        support.check_time(self, 'taking over', took, faults.TTL + 1)
        self.await_all(names)
        # A leader that had not caught up would order things twice.
        self.assert_done_once(names)
        self.assertEqual(0, self.repeated(names))
        self.assertIn('Manager has taken over', second.log_text())

    def test_everything_is_killed_at_once(self) -> None:
        self.options = faults.SHORT_CLAIMS
        server = self.start_etcd()
        service = self.start(server.endpoint, worker={'processes': 2})
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)

        service.kill()
        service.start()

        self.await_all(names)
        self.assert_done_once(names)
        self.assertLess(self.repeated(names), LOAD - BEFORE)

    def test_everything_is_killed_and_etcd_too(self) -> None:
        self.options = faults.SHORT_CLAIMS
        server = self.start_etcd(binary=processes.sturdy_etcd())
        service = self.start(server.endpoint)
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)

        server.kill()
        service.kill()
        server.start()
        service.start()

        self.await_all(names)
        self.assert_done_once(names)
        self.assertLess(self.repeated(names), LOAD - BEFORE)


class DrainTest(faults.FaultTestCase):
    """A worker that is told to end while handlers are at work."""

    SLOTS = 2

    def setUp(self) -> None:
        super().setUp()
        self.server = self.start_etcd()
        self.start(self.server.endpoint, 'manager')
        self.history = self.etcd.history()
        self.addCleanup(self.history.close)

    def start_worker(self, graceful_timeout: float) -> processes.PluggedWorker:
        return self.start(
            self.server.endpoint,
            'worker',
            worker={
                'slots': self.SLOTS,
                'graceful_timeout': graceful_timeout,
            },
        )

    def write_slow(self, count: int, seconds: float) -> list[str]:
        return [
            self.write(f'slow-{each}', seconds=seconds)
            for each in range(count)
        ]

    def await_claims(self) -> list[raw_etcd.Event]:
        """Wait until all slots are taken."""
        claims: dict[str, raw_etcd.Event] = {}
        for _ in range(self.SLOTS):
            claim = self.history.put(
                '/jobs/working/', lambda event: event.key not in claims
            )
            claims[claim.key] = claim
        return list(claims.values())

    def written(self, prefix: str) -> list[str]:
        """The keys with a prefix that were put, once for each time."""
        return [
            event.key
            for event in self.history.events
            if event.key.startswith(prefix) and event.value is not None
        ]

    def test_what_runs_is_finished_and_nothing_is_begun(self) -> None:
        worker = self.start_worker(graceful_timeout=PATIENCE)
        names = self.write_slow(self.SLOTS, seconds=4)
        claims = self.await_claims()
        later = [self.write(f'later-{each}') for each in range(self.SLOTS)]
        for name in later:
            self.history.put(f'/jobs/ready/create:faulty:thing:{name}:')

        worker.signal(signal.SIGTERM)

        self.assertEqual(0, worker.wait(PATIENCE))
        for claim in claims:
            job_id = claim.key.removeprefix('/jobs/working/')
            self.history.put(f'/jobs/finished/{job_id}')
        self.assertEqual(self.SLOTS, len(self.written('/jobs/working/')))
        self.assertEqual([], self.etcd.keys('/jobs/working/'))
        self.start_worker(graceful_timeout=PATIENCE)
        names += later
        self.await_all(names)
        self.assert_done_once(names)
        self.assertEqual(0, self.repeated(names))

    def test_what_takes_too_long_is_handed_over(self) -> None:
        worker = self.start_worker(graceful_timeout=1)
        self.write_slow(self.SLOTS, seconds=FOR_EVER)
        claims = self.await_claims()

        worker.signal(signal.SIGTERM)

        self.assertEqual(0, worker.wait(PATIENCE))
        for claim in claims:
            job_id = claim.key.removeprefix('/jobs/working/')
            self.history.put(f'/jobs/ready/{job_id}', after=claim.revision)
            # The record would be written again to count an attempt.
            self.assertEqual(1, len(self.written(f'/jobs/all/{job_id}')))


class HangUpTest(faults.FaultTestCase):
    def test_a_hang_up_under_load_costs_nothing(self) -> None:
        server = self.start_etcd()
        service = self.start(server.endpoint)
        pid = service.pid
        names = self.write_load(LOAD)
        self.await_some(names, BEFORE)

        service.signal(signal.SIGHUP)

        self.await_all(names)
        self.assert_done_once(names)
        # What was under way is looked at again by the new processes.
        self.assertLess(self.repeated(names), LOAD - BEFORE)
        self.assertEqual(pid, service.pid)
        self.assertNotIn('Traceback', service.log_text())
