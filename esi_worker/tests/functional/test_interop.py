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

"""Our manager and our worker, each with a partner that is not ours.

The partners are played by the tests with raw requests to etcd: nothing
of ours is between them and the keys, which are those of the reference
of the job protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
import json
from typing import Any, ClassVar
import uuid

from esi_worker.embedded import fixtures
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional.raw_etcd import Event, History, RawEtcd

TTL = 60
OUTPUTS = [
    {'output_key': 'id', 'output_value': 'uuid-1', 'description': 'The id'}
]


class ForeignWorker:
    """A worker as the reference describes it: one request per write."""

    def __init__(self, etcd: RawEtcd, history: History) -> None:
        self._etcd = etcd
        self._history = history

    def await_ready(self, job: str, after: int = 0) -> str:
        """:returns: the id of the job, which begins so"""
        event = self._history.put(f'/jobs/ready/{job}', after=after)
        assert event.value == 'heat_worker', event.value
        return event.key.removeprefix('/jobs/ready/')

    def reserve(self, job_id: str) -> int:
        """:returns: the lease of the claim"""
        lease = self._etcd.grant(TTL)
        token = str(uuid.uuid4())
        assert self._etcd.create(f'/jobs/working/{job_id}', token, lease)
        assert self._etcd.delete(f'/jobs/ready/{job_id}') == 1
        return lease

    def publish(self, job_id: str, error: str = '') -> None:
        """Write what a stack has brought."""
        action, _, type_, id_, version, _ = job_id.split(':')
        path = f'v2.0/{type_}s/{id_}'
        verb = action.upper()
        ending = 'ERROR' if error else 'COMPLETE'
        result = {
            'heat_outputs': [] if error else OUTPUTS,
            'orchestration_state': f'{verb}_{ending}',
        }
        self._etcd.put_json(
            f'/esi-worker/heat_stacks/{path}',
            {
                'id': f'{type_}:{id_}',
                'output': result['heat_outputs'],
                'stack_id': f'{type_}_{id_}',
                'stack_status': f'{verb}_COMPLETE',
                'status_reason': '',
                'tenant_id': 'tenant',
            },
        )
        self._etcd.put_json(f'/esi-worker/job_state/{path}', result)
        self._etcd.put_json(
            f'/state/{path}',
            {
                'error': error,
                'state': {
                    'heat_outputs': json.dumps(result['heat_outputs']),
                    'orchestration_state': result['orchestration_state'],
                    'worker_state': f'{verb}_COMPLETED',
                },
                'version': int(version),
            },
        )
        self._etcd.delete(f'/esi-worker/job_state/{path}')

    def finish(self, job_id: str, error: str = '') -> None:
        value = json.dumps([error]) if error else ''
        assert self._etcd.create(f'/jobs/finished/{job_id}', value)

    def give_back(self, job_id: str) -> None:
        assert self._etcd.delete(f'/jobs/working/{job_id}') == 1

    def do(self, job: str, error: str = '') -> str:
        """All of it.

        :returns: the id of the job
        """
        job_id = self.await_ready(job)
        self.reserve(job_id)
        self.publish(job_id, error)
        self.finish(job_id, error)
        self.give_back(job_id)
        return job_id


class ManagerTest(support.ServiceTestCase):
    """Our manager, a foreign worker."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        manager = {'lease_ttl': 5, 'requeue_delay': 2}
        cls.enterClassContext(cls.make('manager', 'manager', manager=manager))

    def setUp(self) -> None:
        super().setUp()
        self.worker = ForeignWorker(self.etcd, self.history)
        self.net, self.sub, self.port = (
            f'{kind}-{uuid.uuid4().hex[:8]}' for kind in 'nsp'
        )

    def write_network(self) -> None:
        self.etcd.put(
            f'/config/v2.0/networks/{self.net}',
            support.config(support.network(self.net)),
        )

    def write_subnet(self) -> None:
        self.etcd.put(
            f'/config/v2.0/subnets/{self.sub}',
            support.config(support.subnet(self.sub, self.net)),
        )

    def write_port(self) -> None:
        self.etcd.put(
            f'/config/v2.0/ports/{self.port}',
            support.config(support.port(self.port, self.net, self.sub)),
        )

    def create_of(self, type_: str, id_: str) -> str:
        return f'create:heat_worker:{type_}:{id_}:1:'

    def assert_gone(self, job_id: str) -> None:
        self.history.deleted(f'/jobs/all/{job_id}')
        self.history.deleted(f'/jobs/finished/{job_id}')
        places = ('all', 'waiting', 'ready', 'working', 'finished')
        for place in places:
            self.assertIsNone(self.etcd.get(f'/jobs/{place}/{job_id}'), place)

    def test_a_job_is_written_as_the_reference_says(self) -> None:
        self.write_network()
        job_id = self.worker.await_ready(self.create_of('network', self.net))

        handler, job, attempt = self.etcd.json(f'/jobs/all/{job_id}')

        self.assertEqual(('heat_worker', 0), (handler, attempt))
        params = job.pop('params')
        self.assertEqual(
            {
                'action': 'create',
                'dependency': [],
                'handler': 'heat_worker',
                'id': job_id,
                'is_first': True,
                'is_last': True,
                'job_name': f'network:{self.net}:1',
                'on_failure': 'fail',
                'resource_id': self.net,
                'resource_input': support.network(self.net),
                'resource_type': 'network',
                'version': 1,
            },
            job,
        )
        self.assertIn(
            {
                'param': 'name',
                'type': 'value',
                'value': self.net,
                'resources': [],
            },
            params,
        )
        self.assertEqual(
            {
                'body': support.network(self.net),
                'deleted': False,
                'version': 1,
            },
            self.etcd.json(f'/esi-worker/config/v2.0/networks/{self.net}'),
        )

    def test_a_job_is_removed_once_it_is_finished_and_given_back(self) -> None:
        self.write_network()

        job_id = self.worker.do(self.create_of('network', self.net))

        self.assert_gone(job_id)

    def test_a_result_may_come_after_the_claim_is_given_back(self) -> None:
        self.write_network()
        job_id = self.worker.await_ready(self.create_of('network', self.net))
        self.worker.reserve(job_id)
        self.worker.publish(job_id)

        self.worker.give_back(job_id)
        self.worker.finish(job_id)

        self.assert_gone(job_id)

    def test_a_result_that_is_too_late_still_counts(self) -> None:
        self.write_network()
        job_id = self.worker.await_ready(self.create_of('network', self.net))
        self.worker.reserve(job_id)
        self.worker.give_back(job_id)
        given_back = self.history.deleted(f'/jobs/working/{job_id}')
        self.worker.await_ready(job_id, after=given_back.revision)

        self.worker.finish(job_id)

        self.assert_gone(job_id)

    def test_dependants_become_ready_when_all_they_need_is_done(self) -> None:
        self.write_network()
        self.write_subnet()
        self.write_port()
        waiting = self.history.put(
            f'/jobs/waiting/{self.create_of("port", self.port)}'
        )
        port_id = waiting.key.removeprefix('/jobs/waiting/')

        network_id = self.worker.do(self.create_of('network', self.net))
        subnet_id = self.worker.do(self.create_of('subnet', self.sub))
        self.worker.await_ready(port_id)

        self.assertEqual('heat_worker', waiting.value)
        self.assertEqual(
            [network_id, subnet_id],
            self.etcd.json(f'/jobs/all/{port_id}')[1]['dependency'],
        )
        released = self.history.deleted(f'/jobs/waiting/{port_id}')
        given_back = self.history.deleted(f'/jobs/working/{subnet_id}')
        self.assertGreater(released.revision, given_back.revision)

    def test_a_failure_cancels_what_waits_for_it(self) -> None:
        self.write_network()
        self.write_subnet()
        self.write_port()
        jobs = [
            self.history.put(f'/jobs/waiting/{job}').key
            for job in (
                self.create_of('subnet', self.sub),
                self.create_of('port', self.port),
            )
        ]

        error = 'HTTPInternalServerError: no luck'
        failed = self.worker.do(self.create_of('network', self.net), error)

        self.assert_gone(failed)
        for key in jobs:
            job_id = key.removeprefix('/jobs/waiting/')
            self.history.deleted(f'/jobs/all/{job_id}')
            self.assertIsNone(self.etcd.get(key))
            self.assertIsNone(self.etcd.get(f'/jobs/ready/{job_id}'))
        for path in (f'subnets/{self.sub}', f'ports/{self.port}'):
            state = self.history.state(path, 1).json
            self.assertIn(f'network:{self.net}', state['error'])
            self.assertEqual('CREATE_FAILED', state['state']['worker_state'])

    def test_a_job_whose_worker_dies_is_ready_again(self) -> None:
        self.write_network()
        job_id = self.worker.await_ready(self.create_of('network', self.net))
        lease = self.worker.reserve(job_id)

        self.etcd.revoke(lease)
        lost = self.history.deleted(f'/jobs/working/{job_id}')
        self.worker.await_ready(job_id, after=lost.revision)

        self.assertEqual(job_id, self.worker.do(job_id))
        self.assert_gone(job_id)

    def test_a_config_that_goes_makes_a_delete_job(self) -> None:
        self.write_network()
        self.worker.do(self.create_of('network', self.net))
        path = f'v2.0/networks/{self.net}'

        self.etcd.delete(f'/config/{path}')
        job = f'delete:heat_worker:network:{self.net}:'
        job_id = self.worker.await_ready(job)
        self.worker.reserve(job_id)
        self.etcd.put_json(
            f'/esi-worker/heat_stacks/{path}',
            {
                'id': f'network:{self.net}',
                'output': [],
                'stack_id': '',
                'stack_status': 'DELETE_COMPLETE',
                'status_reason': '',
                'tenant_id': 'tenant',
            },
        )
        self.worker.finish(job_id)
        self.worker.give_back(job_id)

        self.history.deleted(f'/esi-worker/heat_stacks/{path}')
        self.history.deleted(f'/esi-worker/config/{path}')
        self.assert_gone(job_id)


class ForeignManager:
    """A manager that stores jobs by hand, one request per write."""

    def __init__(self, etcd: RawEtcd) -> None:
        self._etcd = etcd

    def order(
        self,
        action: str,
        handler: str,
        type_: str,
        body: dict[str, Any],
        params: Sequence[Any],
        version: int = 1,
    ) -> str:
        """Store a job and make it ready.

        :returns: its id
        """
        name = f'{type_}:{body["id"]}:{version}'
        job_id = f'{action}:{handler}:{name}:abc12'
        self._etcd.put(
            f'/config/v2.0/{type_}s/{body["id"]}',
            support.config(body, version, marked=action == 'logical_delete'),
        )
        job = {
            'is_first': True,
            'resource_id': body['id'],
            'handler': handler,
            'job_name': name,
            'dependency': [],
            'version': version,
            'params': params,
            'resource_type': type_,
            'action': action,
            'is_last': True,
            'on_failure': 'fail',
            'id': job_id,
            'resource_input': body,
        }
        self._etcd.put_json(f'/jobs/all/{job_id}', [handler, job, 0])
        self._etcd.put(f'/jobs/ready/{job_id}', handler)
        return job_id

    def take_away(self, job_id: str) -> None:
        """Remove a finished job."""
        assert self._etcd.delete(f'/jobs/all/{job_id}') == 1
        assert self._etcd.delete(f'/jobs/finished/{job_id}') == 1


def value(name: str, content: Any) -> dict[str, Any]:
    return {'param': name, 'type': 'value', 'value': content, 'resources': []}


class WorkerTestCase(support.ServiceTestCase):
    """Our worker, a foreign manager."""

    def setUp(self) -> None:
        super().setUp()
        self.manager = ForeignManager(self.etcd)
        self.name = uuid.uuid4().hex

    def await_end(self, job_id: str) -> Event:
        """:returns: what stands under ``finished``"""
        finished = self.history.put(f'/jobs/finished/{job_id}')
        self.history.deleted(f'/jobs/working/{job_id}')
        return finished

    def writes(self, path: str, job_id: str) -> list[str]:
        """What the worker wrote until the job was finished."""
        begin = self.history.put(f'/jobs/ready/{job_id}').revision
        end = self.await_end(job_id).revision
        names = {job_id: 'JOB', path: 'PATH'}
        lines = []
        for line in self.history.sequence(begin, end):
            for name, short in names.items():
                line = line.replace(name, short)
            lines.append(line)
        return lines


class NoopWorkerTest(WorkerTestCase):
    """The parts of the protocol that have nothing to do with Heat."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = support.thing_folder(cls.folder)
        cls.enterClassContext(
            cls.make(
                'worker',
                'worker',
                resources={'template_paths': folder, 'handlers': 'noop'},
            )
        )

    def order(self, **wishes: Any) -> str:
        body = {'id': self.name, 'tenant_id': 'tenant', 'noop': wishes}
        return self.manager.order('create', 'noop', 'thing', body, [])

    def test_the_writes_of_a_job_come_in_order(self) -> None:
        job_id = self.order(wait=1)

        writes = self.writes(f'v2.0/things/{self.name}', job_id)

        self.assertEqual(
            [
                'put /jobs/working/JOB',
                'delete /jobs/ready/JOB',
                'put /esi-worker/job_state/PATH',
                'put /esi-worker/job_state/PATH',
                'put /state/PATH',
                'put /jobs/finished/JOB',
                'delete /jobs/working/JOB',
                'delete /esi-worker/job_state/PATH',
            ],
            writes,
        )

    def test_a_claim_is_a_fresh_uuid_on_a_lease(self) -> None:
        first, second = self.order(), None
        claims = [self.history.put(f'/jobs/working/{first}')]
        self.name = uuid.uuid4().hex
        second = self.order()
        claims.append(self.history.put(f'/jobs/working/{second}'))

        tokens = {uuid.UUID(claim.value) for claim in claims}

        self.assertEqual(2, len(tokens))
        for claim in claims:
            self.assertIn(claim.lease, self.etcd.leases())

    def test_the_results_are_those_of_the_reference(self) -> None:
        job_id = self.order()
        finished = self.await_end(job_id)
        state = self.history.state(f'things/{self.name}', 1)
        results = [
            event.json
            for event in self.history.events
            if event.key.endswith(f'job_state/v2.0/things/{self.name}')
            and event.value is not None
        ]

        self.assertEqual('', finished.value)
        self.assertEqual(
            [
                {},
                {'heat_outputs': [], 'orchestration_state': 'CREATE_COMPLETE'},
            ],
            results,
        )
        self.assertEqual(
            {
                'version': 1,
                'error': '',
                'state': {
                    'worker_state': 'CREATE_COMPLETED',
                    'orchestration_state': 'CREATE_COMPLETE',
                    'heat_outputs': '[]',
                },
            },
            state.json,
        )

    def test_a_failure_is_a_list_with_one_text(self) -> None:
        job_id = self.order(fail='no luck')

        finished = self.await_end(job_id)

        self.assertEqual(['NoopFailure: no luck'], finished.json)
        state = self.history.state(f'things/{self.name}', 1)
        self.assertEqual('NoopFailure: no luck', state.json['error'])
        self.assertEqual(
            'CREATE_ERROR', state.json['state']['orchestration_state']
        )

    def test_what_the_manager_takes_away_stays_away(self) -> None:
        job_id = self.order()
        self.await_end(job_id)

        self.manager.take_away(job_id)

        # Another job shows that the worker has gone on.
        self.name = uuid.uuid4().hex
        self.await_end(self.order())
        left = [key for key in self.etcd.keys('/jobs/') if job_id in key]
        self.assertEqual([], left)

    def test_a_job_of_another_handler_is_left_alone(self) -> None:
        body = {'id': self.name, 'tenant_id': 'tenant'}
        foreign = self.manager.order('create', 'robot', 'thing', body, [])
        self.name = uuid.uuid4().hex

        self.await_end(self.order())

        self.assertEqual('robot', self.etcd.get(f'/jobs/ready/{foreign}'))

    def test_a_claimed_job_is_left_to_its_worker(self) -> None:
        body = {'id': self.name, 'tenant_id': 'tenant'}
        job = f'create:noop:thing:{self.name}:1:abc12'
        self.etcd.put(f'/jobs/working/{job}', 'other', self.etcd.grant(TTL))
        self.manager.order('create', 'noop', 'thing', body, [])
        self.name = uuid.uuid4().hex

        self.await_end(self.order())

        self.assertEqual('other', self.etcd.get(f'/jobs/working/{job}'))
        self.assertEqual('noop', self.etcd.get(f'/jobs/ready/{job}'))


class HeatWorkerTest(WorkerTestCase):
    """Jobs written by hand, done with a real Heat."""

    tenant: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        heat = fixtures.HeatFixture()
        heat.setUp()
        cls.addClassCleanup(heat.cleanUp)
        cls.tenant = heat.tenant
        cls.enterClassContext(
            cls.make(
                'worker',
                'worker',
                heat.server.endpoint,
                heat={'poll_interval': 0.1, 'poll_interval_max': 0.5},
            )
        )

    def order(self, action: str, version: int = 1) -> str:
        """A job for a network."""
        return self.manager.order(
            action,
            'heat_worker',
            'network',
            support.network(self.name, self.tenant),
            [
                value('uuid', self.name),
                value('name', self.name),
                value('admin_state_up', True),
                value('heat_timeout', '3'),
            ],
            version,
        )

    def order_subnet(self) -> str:
        body = support.subnet(f's-{self.name}', self.name, self.tenant)
        network = {'resource_type': 'network', 'resource_id': self.name}
        reference = {
            'param': 'network_id',
            'type': 'output_key',
            'value': {**network, 'output_key': 'id'},
            'resources': [network],
        }
        params = [
            value('name', body['id']),
            reference,
            value('cidr', body['cidr']),
            value('gateway_ip', body['gateway_ip']),
            value('allocation_pools', body['allocation_pools']),
            value('heat_timeout', '3'),
        ]
        return self.manager.order(
            'create', 'heat_worker', 'subnet', body, params
        )

    def done(self, job_id: str) -> None:
        finished = self.await_end(job_id)
        self.assertEqual('', finished.value)
        self.manager.take_away(job_id)

    def test_the_writes_of_a_job_come_in_order(self) -> None:
        job_id = self.order('create')

        writes = self.writes(f'v2.0/networks/{self.name}', job_id)

        self.assertEqual(
            [
                'put /jobs/working/JOB',
                'delete /jobs/ready/JOB',
                'put /esi-worker/job_state/PATH',
                'put /esi-worker/heat_stacks/PATH',
                # Ours alone, beside the record of the reference.
                'put /esi-worker/stack_marks/PATH',
                'put /esi-worker/job_state/PATH',
                'put /state/PATH',
                'put /jobs/finished/JOB',
                'delete /jobs/working/JOB',
                'delete /esi-worker/job_state/PATH',
            ],
            writes,
        )

    def test_a_stack_is_made_changed_and_deleted(self) -> None:
        path = f'v2.0/networks/{self.name}'
        seen = []
        for version, action in enumerate(
            ('create', 'modify', 'logical_delete'), start=1
        ):
            self.done(self.order(action, version))
            stack = self.etcd.json(f'/esi-worker/heat_stacks/{path}')
            state = self.etcd.json(f'/state/{path}')
            self.assertEqual(
                (version, '', stack['output']),
                (
                    state['version'],
                    state['error'],
                    json.loads(state['state']['heat_outputs']),
                ),
            )
            seen.append(
                (
                    stack['stack_id'],
                    stack['stack_status'],
                    stack['status_reason'],
                    state['state']['worker_state'],
                    state['state']['orchestration_state'],
                )
            )

        name = f'network_{self.name}'
        self.assertEqual(
            [
                (
                    name,
                    'CREATE_COMPLETE',
                    'Stack CREATE completed successfully',
                    'CREATE_COMPLETED',
                    'CREATE_COMPLETE',
                ),
                (
                    name,
                    'UPDATE_COMPLETE',
                    'Stack successfully updated',
                    'MODIFY_COMPLETED',
                    'UPDATE_COMPLETE',
                ),
                (
                    '',
                    'DELETE_COMPLETE',
                    '',
                    'DELETE_COMPLETED',
                    'DELETE_COMPLETE',
                ),
            ],
            seen,
        )

    def test_an_output_of_another_stack_is_read_when_the_job_runs(
        self,
    ) -> None:
        self.done(self.order('create'))
        self.done(self.order_subnet())

        path = f'v2.0/subnets/s-{self.name}'
        stack = self.etcd.json(f'/esi-worker/heat_stacks/{path}')
        outputs = {
            item['output_key']: item['output_value']
            for item in stack['output']
        }
        self.assertEqual(self.name, outputs['network_id'])

    def test_a_missing_output_fails_the_job_with_a_short_text(self) -> None:
        job_id = self.order_subnet()

        finished = self.await_end(job_id)

        (error,) = finished.json
        self.assertIn(f'network:{self.name}', error)
        self.assertLess(len(error), 400)
