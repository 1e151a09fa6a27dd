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

"""``esi-worker`` as processes: start, end, roles, crashes, take-over."""

from __future__ import annotations

from collections.abc import Mapping
import signal
import time
from typing import Any, ClassVar
import uuid

from esi_worker.embedded import ours, ports
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional.raw_etcd import Event

#: Seconds within which a process that cannot work must have ended.
PATIENCE = 120.0
#: Seconds; shorter ones run out by themselves on a machine that is busy.
TTL = 5
#: Seconds; no test waits for its end.
LONG_TTL = 90
NO_HEAT = {'auth_type': 'none', 'endpoint_override': 'http://127.0.0.1:9/v1'}


class StartTest(support.ServiceTestCase):
    def launch(
        self, role: str = 'all', **options: Mapping[str, object]
    ) -> ours.EsiWorkerProcess:
        """Start a process that cannot work."""
        process = self.make(uuid.uuid4().hex, role, None, **options)
        self.addCleanup(process.close)
        process.launch()
        return process

    def end_of(self, process: ours.EsiWorkerProcess) -> tuple[int, str]:
        """:returns: the exit code, and the last line of the log"""
        code = process.wait(PATIENCE)
        text = process.log_text()
        self.assertNotIn('Traceback', text)
        return code, text.splitlines()[-1]

    def test_without_etcd_it_gives_up_and_says_so(self) -> None:
        nobody = ports.ReservedPort()
        self.addCleanup(nobody.close)
        endpoint = f'http://{ports.LOOPBACK}:{nobody.number}'

        process = self.launch(
            etcd={'endpoints': endpoint, 'startup_timeout': 1}, heat=NO_HEAT
        )
        code, line = self.end_of(process)

        self.assertEqual(1, code)
        self.assertTrue(line.startswith('esi-worker: '), line)
        self.assertIn(f'{endpoint} does not answer', line)

    def test_it_waits_for_an_etcd_that_is_late(self) -> None:
        process = self.make('late', 'manager', None)
        self.addCleanup(process.close)
        self.server.kill()
        self.addCleanup(self.server.start)

        process.launch()
        support.wait_for(
            lambda: 'Waiting for' in log_of(process), 'a warning of etcd'
        )
        self.server.start()
        process.wait_ready()

        self.assertIsNotNone(self.etcd.get(support.ELECTION))

    def test_a_value_of_no_use_is_named(self) -> None:
        bad: list[tuple[str, str, dict[str, Any]]] = [
            ('lease_ttl', 'all', {'manager': {'lease_ttl': 1}}),
            ('slots', 'worker', {'worker': {'slots': 'many'}}),
            ('config_prefix', 'all', {'keys': {'config_prefix': 'config'}}),
            ('endpoints', 'all', {'etcd': {'endpoints': 'etcd-1'}}),
            ('schemas', 'manager', {'resources': {'schemas': '/none.json'}}),
            ('template_paths', 'all', {'resources': {'template_paths': '/0'}}),
            ('robot', 'worker', {'worker': {'handlers': 'robot'}}),
            (
                'poll_interval',
                'all',
                {'heat': {**NO_HEAT, 'poll_interval': '?'}},
            ),
            ('auth_type', 'worker', {'heat': {'auth_type': ''}}),
            ('--role', 'robot', {}),
        ]
        processes = [
            self.launch(role, **{'heat': NO_HEAT, **options})
            for _, role, options in bad
        ]

        ends = [self.end_of(process) for process in processes]

        for (name, _, _), (code, line) in zip(bad, ends, strict=True):
            self.assertEqual(2, code, line)
            self.assertIn(name, line)

    def test_a_manager_needs_no_heat(self) -> None:
        self.start('manager', 'manager')

        self.assertIsNotNone(self.etcd.get(support.ELECTION))


class LifeTestCase(support.ServiceTestCase):
    """Services whose type ``thing`` is done by the handler noop."""

    options: ClassVar[dict[str, dict[str, object]]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = support.thing_folder(cls.folder)
        cls.options = {
            # No pulses, which have leases too.
            'etcd': {'silence_deadline': 600},
            'resources': {'template_paths': folder, 'handlers': 'noop'},
            'manager': {'lease_ttl': TTL},
            'worker': {'lease_ttl': TTL},
        }

    def setUp(self) -> None:
        super().setUp()
        # Keys of an earlier test's service may have to run out first.
        support.wait_for(lambda: not self.etcd.leases(), 'the end of leases')
        self.thing = uuid.uuid4().hex

    def lengthen(self, role: str) -> None:
        """Let the leases of managers or workers last long."""
        options = self.options[role]
        self.addCleanup(options.update, lease_ttl=TTL)
        options['lease_ttl'] = LONG_TTL

    def begin(self, name: str, role: str = 'all') -> ours.EsiWorkerProcess:
        folder = f'{name}-{uuid.uuid4().hex[:8]}'
        return self.start(folder, role, **self.options)

    def write(self, **wishes: Any) -> int:
        """:returns: the revision"""
        body = {'id': self.thing, 'tenant_id': 'tenant', 'noop': wishes}
        key = f'/config/v2.0/things/{self.thing}'
        return self.etcd.put(key, support.config(body))

    def await_done(self) -> None:
        state = self.history.state(f'things/{self.thing}', 1).json
        self.assertEqual('', state['error'])

    def leases_of_workers(self) -> set[int]:
        keys = self.etcd.keys('/esi-worker/workers/')
        entries = [self.etcd.entry(key) for key in keys]
        return {entry.lease for entry in entries if entry is not None}

    def begin_a_long_job(self) -> tuple[Event, ours.EsiWorkerProcess]:
        """With a manager and two workers, one of which takes it.

        :returns: the claim, and the service that holds it
        """
        self.begin('manager', 'manager')
        workers: dict[int, ours.EsiWorkerProcess] = {}
        for name in ('one', 'two'):
            worker = self.begin(name, 'worker')
            (lease,) = self.leases_of_workers() - workers.keys()
            workers[lease] = worker
        self.write(wait=60, after=0.1)
        claim = self.history.put('/jobs/working/')
        return claim, workers[claim.lease]


class EndTest(LifeTestCase):
    def test_the_end_leaves_nothing_alive_in_etcd(self) -> None:
        self.lengthen('worker')
        process = self.begin('all')
        self.assertEqual(2, len(self.etcd.leases()))

        process.signal(signal.SIGTERM)
        code = process.wait(PATIENCE)

        self.assertEqual(0, code)
        self.assertIsNone(self.etcd.get(support.ELECTION))
        self.assertEqual([], self.etcd.keys('/esi-worker/workers/'))
        self.assertEqual(set(), self.etcd.leases())

    def test_a_long_job_goes_on_in_another_process(self) -> None:
        claim, busy = self.begin_a_long_job()

        busy.signal(signal.SIGTERM)

        self.assertEqual(0, busy.wait(PATIENCE))
        again = self.history.put('/jobs/working/', after=claim.revision)
        self.assertEqual(claim.key, again.key)
        self.assertNotEqual(claim.lease, again.lease)
        self.await_done()
        # Handed over in one step, and no attempt was counted.
        job_id = claim.key.removeprefix('/jobs/working/')
        given_back = self.history.deleted(claim.key).revision
        ready = self.history.put(f'/jobs/ready/{job_id}', after=claim.revision)
        self.assertEqual(given_back, ready.revision)
        records = [
            event
            for event in self.history.events
            if event.key == f'/jobs/all/{job_id}' and event.value is not None
        ]
        self.assertEqual(1, len(records))


class RoleTest(LifeTestCase):
    def test_a_manager_makes_jobs_and_leaves_them_to_workers(self) -> None:
        self.begin('manager', 'manager')
        self.write()
        ready = self.history.put(f'/jobs/ready/create:noop:thing:{self.thing}')
        self.assertEqual([], self.etcd.keys('/esi-worker/workers/'))
        self.assertEqual(ready.value, self.etcd.get(ready.key))

        self.begin('worker', 'worker')

        self.await_done()

    def test_a_worker_never_stands_for_election(self) -> None:
        self.begin('worker', 'worker')

        self.assertIsNone(self.etcd.get(support.ELECTION))
        self.assertEqual(1, len(self.etcd.leases()))

    def test_one_service_does_it_all(self) -> None:
        self.begin('all')

        self.write()

        self.await_done()
        self.history.deleted('/jobs/finished/')
        support.wait_for(
            lambda: not self.etcd.keys('/jobs/'), 'the end of all jobs'
        )


class CrashTest(LifeTestCase):
    def elected(self, besides: str | None) -> str | None:
        """Wait until somebody else is the manager."""
        return self.history.put(
            support.ELECTION, lambda event: event.value != besides
        ).value

    def test_a_stand_by_takes_over_when_the_manager_is_killed(self) -> None:
        first = self.begin('first', 'manager')
        leader = self.etcd.get(support.ELECTION)
        self.begin('second', 'manager')
        self.assertEqual(leader, self.etcd.get(support.ELECTION))
        began = time.monotonic()

        first.kill()
        self.elected(leader)

        took = time.monotonic() - began
        support.check_time(self, 'taking over', took, TTL + 1)
        self.write()
        self.history.put(f'/jobs/ready/create:noop:thing:{self.thing}')

    def test_a_stand_by_takes_over_at_once_from_one_that_stops(self) -> None:
        self.lengthen('manager')
        first = self.begin('first', 'manager')
        leader = self.etcd.get(support.ELECTION)
        self.begin('second', 'manager')
        first.signal(signal.SIGTERM)
        gone = self.history.deleted(support.ELECTION)
        began = time.monotonic()

        new = self.elected(leader)

        took = time.monotonic() - began
        support.check_time(self, 'taking over', took, 1.0)
        self.assertNotEqual(leader, new)
        self.assertGreater(
            self.history.put(support.ELECTION, after=gone.revision).revision,
            gone.revision,
        )

    def test_a_manager_that_was_frozen_writes_nothing(self) -> None:
        first = self.begin('first', 'manager')
        leader = self.etcd.get(support.ELECTION)
        self.begin('second', 'manager')
        first.pause()
        self.elected(leader)
        self.write()
        self.history.put(f'/jobs/ready/create:noop:thing:{self.thing}')

        first.resume()

        support.wait_for(
            lambda: 'is lost' in log_of(first), 'the end of the term'
        )
        self.assertEqual(1, len(self.etcd.keys('/jobs/all/')))

    def test_a_job_of_a_killed_worker_is_done_by_another(self) -> None:
        claim, busy = self.begin_a_long_job()

        busy.kill()

        again = self.history.put('/jobs/working/', after=claim.revision)
        self.assertEqual(claim.key, again.key)
        self.await_done()

    def test_a_process_that_crashes_is_started_again(self) -> None:
        service = self.begin('all')
        assert service.pid is not None
        before = support.children_of(service.pid)
        known = service.worker_ids()

        for child in before:
            support.kill(child)

        self.history.put(
            '/esi-worker/workers/',
            lambda event: event.key.rpartition('/')[2] not in known,
        )
        self.write()
        self.await_done()
        after = support.children_of(service.pid)
        self.assertEqual(set(), before & after)


class ReloadTest(LifeTestCase):
    def test_a_hang_up_reads_the_options_anew_and_work_goes_on(self) -> None:
        service = self.begin('all')
        pid = service.pid
        text = service.config_file.read_text()
        service.config_file.write_text(
            text.replace('[worker]', '[worker]\nslots = 3')
        )

        service.signal(signal.SIGHUP)

        self.history.put(
            '/esi-worker/workers/', lambda event: event.json['slots'] == 3
        )
        self.write()
        self.await_done()
        self.assertEqual(pid, service.pid)


def log_of(process: ours.EsiWorkerProcess) -> str:
    return process.log_text() if process.log_path.exists() else ''
