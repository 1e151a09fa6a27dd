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

"""The life of a port: esi-worker, a collector and a real Heat.

The tests play the REST server: they write desired states, read what is
published, and delete both keys after a completed deletion.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar
import uuid

from esi_worker.collector import heat_plugin
from esi_worker.embedded import fixtures, ours
from esi_worker.tests.functional import embedded_support
from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional.raw_etcd import Event

SERVER = '47531b14-72e9-439d-8949-fd941457ecde'


class PortStoryTest(support.ServiceTestCase):
    heat: ClassVar[fixtures.HeatFixture]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        collector = ours.CollectorProcess(cls.folder, cls.server.endpoint)
        cls.enterClassContext(collector)
        cls.heat = fixtures.HeatFixture(
            plugin_dirs=[Path(heat_plugin.__file__).parent],
            extra_options={
                'collector_agents': {
                    'host': '127.0.0.1',
                    'port': str(collector.port),
                }
            },
        )
        cls.heat.setUp()
        cls.addClassCleanup(cls.heat.cleanUp)
        polling = {'poll_interval': 0.1, 'poll_interval_max': 0.5}
        cls.enterClassContext(
            cls.make('service', 'all', cls.heat.server.endpoint, heat=polling)
        )

    def setUp(self) -> None:
        super().setUp()
        self.tenant = self.heat.tenant
        self.net, self.sub, self.port = (str(uuid.uuid4()) for _ in range(3))
        self.stacks = embedded_support.Stacks(self.heat.session())

    # --- the REST server --------------------------------------------------

    def write(self, path: str, body: dict[str, Any], version: int = 1) -> None:
        self.etcd.put(f'/config/v2.0/{path}', support.config(body, version))

    def write_network(self) -> None:
        body = support.network(self.net, self.tenant)
        self.write(f'networks/{self.net}', body)

    def write_subnet(self) -> None:
        body = support.subnet(self.sub, self.net, self.tenant)
        self.write(f'subnets/{self.sub}', body)

    def port_body(self, **more: Any) -> dict[str, Any]:
        return support.port(self.port, self.net, self.sub, self.tenant, **more)

    def write_port(self, version: int = 1, **more: Any) -> None:
        self.write(f'ports/{self.port}', self.port_body(**more), version)

    def mark(self, path: str, body: dict[str, Any], version: int) -> None:
        """The first step of a deletion."""
        self.etcd.put(
            f'/config/v2.0/{path}',
            support.config(body, version, marked=True),
        )

    def drop(self, path: str) -> None:
        """The second step of a deletion."""
        self.etcd.delete(f'/config/v2.0/{path}')
        self.etcd.delete(f'/state/v2.0/{path}')

    def await_done(self, path: str, version: int = 1) -> dict[str, Any]:
        """:returns: the published state, which tells of no error"""
        value: dict[str, Any] = self.history.state(path, version).json
        self.assertEqual('', value['error'])
        return value

    def make_all(self) -> None:
        """A network, a subnet and a port that is not used yet."""
        self.write_network()
        self.write_subnet()
        self.write_port()
        self.await_done(f'ports/{self.port}')

    # --- what is seen -----------------------------------------------------

    def job_of(self, job: str) -> Event:
        """The record of the job whose id begins so."""
        return self.history.put(f'/jobs/all/{job}:')

    def end_of(self, job: str) -> int:
        """The revision at which a job was finished."""
        return self.history.put(f'/jobs/finished/{job}:').revision

    def left_of(self, id_: str) -> list[str]:
        """All keys of a resource but those that the REST server owns."""
        return [
            key
            for prefix in ('/jobs/', '/esi-worker/', '/state/', '/monitoring/')
            for key in self.etcd.keys(prefix)
            if id_ in key
        ]

    def await_nothing_left(self, id_: str) -> None:
        support.wait_for(
            lambda: not self.left_of(id_), f'the end of all keys of {id_}'
        )

    # --- the stories ------------------------------------------------------

    def test_a_port_waits_for_its_network_and_subnet(self) -> None:
        network = f'create:heat_worker:network:{self.net}:1'
        subnet = f'create:heat_worker:subnet:{self.sub}:1'
        port = f'create:heat_worker:port:{self.port}:1'
        # Heat does not end the network before the port has been planned.
        self.heat.server.faults.set(self.net, 'hold')
        self.write_network()
        self.write_subnet()
        self.write_port()
        self.history.put(f'/jobs/waiting/{port}:')
        self.heat.server.faults.clear(self.net)
        self.await_done(f'ports/{self.port}')

        _, job, _ = self.job_of(port).json
        self.assertEqual(
            [network, subnet],
            [each.rpartition(':')[0] for each in job['dependency']],
        )
        claimed = self.history.put(f'/jobs/working/{port}:').revision
        self.assertGreater(claimed, self.end_of(network))
        self.assertGreater(claimed, self.end_of(subnet))

    def test_a_port_is_created_with_its_outputs(self) -> None:
        self.make_all()

        state = self.await_done(f'ports/{self.port}')

        outputs = outputs_of(json.loads(state['state']['heat_outputs']))
        self.assertEqual(
            ('CREATE_COMPLETED', 'CREATE_COMPLETE'),
            (
                state['state']['worker_state'],
                state['state']['orchestration_state'],
            ),
        )
        self.assertEqual(['fa:16:3e:84:84:13'], outputs['mac_address'])
        self.assertEqual(
            {
                'id',
                'fq_name',
                'mac_address',
                'allowed_address_pairs',
                'virtual_network',
            },
            outputs.keys(),
        )

    def test_an_attached_port_has_the_values_of_the_seed(self) -> None:
        self.make_all()
        used = {'device_owner': 'compute:nova', 'device_id': SERVER}
        self.write_port(2, **used)
        self.await_done(f'ports/{self.port}', 2)

        self.write_port(3, **used, attached=True)
        state = self.await_done(f'ports/{self.port}', 3)

        self.check_job(self.port_body(**used, attached=True))
        stack = self.etcd.json(
            f'/esi-worker/heat_stacks/v2.0/ports/{self.port}'
        )
        outputs = stack.pop('output')
        self.assertEqual(
            {
                'stack_id': f'port_{self.port}',
                'tenant_id': self.tenant,
                'stack_status': 'UPDATE_COMPLETE',
                'status_reason': 'Stack successfully updated',
                'id': f'port:{self.port}',
            },
            stack,
        )
        result = self.history.put(
            f'/esi-worker/job_state/v2.0/ports/{self.port}',
            lambda event: (
                event.json.get('orchestration_state') == 'UPDATE_COMPLETE'
                and len(event.json['heat_outputs']) == 7
            ),
        )
        self.assertEqual(outputs, result.json['heat_outputs'])
        published = state['state'].pop('heat_outputs')
        self.assertEqual(outputs, json.loads(published))
        self.assertEqual(
            {
                'version': 3,
                'error': '',
                'state': {
                    'worker_state': 'MODIFY_COMPLETED',
                    'orchestration_state': 'UPDATE_COMPLETE',
                },
            },
            state,
        )
        monitored = self.history.put(f'/monitoring/v2.0/ports/{self.port}')
        self.assertEqual({'version': 3, 'vmi': 'FAIL'}, monitored.json)

    def check_job(self, body: dict[str, Any]) -> None:
        job_id = f'modify:heat_worker:port:{self.port}:3'
        handler, job, attempt = self.job_of(job_id).json
        params = {each['param']: each for each in job.pop('params')}
        self.assertEqual(('heat_worker', 0), (handler, attempt))
        self.assertEqual(job_id, job.pop('id').rpartition(':')[0])
        self.assertEqual(
            {
                'action': 'modify',
                'dependency': [],
                'handler': 'heat_worker',
                'is_first': True,
                'is_last': True,
                'job_name': f'port:{self.port}:3',
                'on_failure': 'fail',
                'resource_id': self.port,
                'resource_input': body,
                'resource_type': 'port',
                'version': 3,
            },
            job,
        )
        network = {
            'output_key': 'id',
            'resource_type': 'network',
            'resource_id': self.net,
        }
        self.assertEqual(
            ('output_key', network),
            (
                params['virtual_network']['type'],
                params['virtual_network']['value'],
            ),
        )
        (subnet,) = params['jinja_subnets']['value']
        self.assertEqual(self.sub, subnet['value']['resource_id'])
        self.check_values(body, params)

    def check_values(
        self, body: dict[str, Any], params: dict[str, dict[str, Any]]
    ) -> None:
        self.assertEqual(
            {
                'uuid': self.port,
                'name': self.port,
                'version': 3,
                'heat_timeout': '13',
                'virtual_machine': SERVER,
                'jinja_attached': True,
                'jinja_force_dependency_cfg': None,
                'jinja_fixed_ips': body['fixed_ips'],
            },
            {
                name: params[name]['value']
                for name in (
                    'uuid',
                    'name',
                    'version',
                    'heat_timeout',
                    'virtual_machine',
                    'jinja_attached',
                    'jinja_force_dependency_cfg',
                    'jinja_fixed_ips',
                )
            },
        )

    def test_a_port_of_the_controller_is_only_read(self) -> None:
        self.write_port(device_owner='network:dhcp')

        state = self.await_done(f'ports/{self.port}')

        self.assertEqual({'worker_state': 'READ_COMPLETE'}, state['state'])
        jobs = [
            str(event)
            for event in self.history.events
            if event.key.startswith('/jobs/') and self.port in event.key
        ]
        self.assertEqual([], jobs)
        self.assertEqual(
            [f'/esi-worker/config/v2.0/ports/{self.port}'],
            [
                key
                for key in self.left_of(self.port)
                if key.startswith('/esi-worker/')
            ],
        )

    def test_a_port_is_deleted_in_two_steps(self) -> None:
        self.make_all()
        used = {'device_owner': 'compute:nova', 'attached': True}
        self.write_port(2, **used)
        self.await_done(f'ports/{self.port}', 2)
        path = f'ports/{self.port}'
        self.history.put(f'/monitoring/v2.0/{path}')

        self.mark(path, self.port_body(**used), 3)
        state = self.await_done(path, 3)

        self.assertEqual(
            {
                'worker_state': 'DELETE_COMPLETED',
                'orchestration_state': 'DELETE_COMPLETE',
                'heat_outputs': '[]',
            },
            state['state'],
        )
        stack = self.etcd.json(f'/esi-worker/heat_stacks/v2.0/{path}')
        self.assertEqual(
            ('', 'DELETE_COMPLETE', []),
            (stack['stack_id'], stack['stack_status'], stack['output']),
        )
        record = self.etcd.json(f'/esi-worker/config/v2.0/{path}')
        self.assertTrue(record['deleted'])
        self.assertNotIn(f'port_{self.port}', self.stacks.names())
        self.assertIsNone(self.etcd.get(f'/monitoring/v2.0/{path}'))

        self.drop(path)

        self.history.deleted(f'/esi-worker/config/v2.0/{path}')
        self.await_nothing_left(self.port)

    def test_a_config_that_vanishes_takes_the_stack_with_it(self) -> None:
        self.write_network()
        path = f'networks/{self.net}'
        self.await_done(path)
        self.assertIn(f'network_{self.net}', self.stacks.names())

        self.etcd.delete(f'/config/v2.0/{path}')

        self.history.put(f'/jobs/all/delete:heat_worker:network:{self.net}:')
        self.history.deleted(f'/esi-worker/config/v2.0/{path}')
        self.assertNotIn(f'network_{self.net}', self.stacks.names())
        self.await_nothing_left(self.net)

    def test_a_network_stays_while_a_subnet_needs_it(self) -> None:
        self.write_network()
        self.write_subnet()
        self.await_done(f'subnets/{self.sub}')
        network = support.network(self.net, self.tenant)
        subnet = support.subnet(self.sub, self.net, self.tenant)

        self.mark(f'networks/{self.net}', network, 2)
        blocked = self.history.put(
            f'/esi-worker/blocked/v2.0/networks/{self.net}'
        )
        self.mark(f'subnets/{self.sub}', subnet, 2)
        self.await_done(f'networks/{self.net}', 2)

        self.assertEqual([f'subnet:{self.sub}'], blocked.json['waits_for'])
        jobs = [
            f'logical_delete:heat_worker:subnet:{self.sub}:2',
            f'logical_delete:heat_worker:network:{self.net}:2',
        ]
        first, second = (self.end_of(job) for job in jobs)
        self.assertLess(first, second)

    def test_the_next_version_mends_a_port_that_has_failed(self) -> None:
        self.write_network()
        self.write_subnet()
        self.heat.server.faults.set(self.port, 'fail-create')
        path = f'ports/{self.port}'
        self.write_port()
        failed = self.history.state(path, 1).json
        self.heat.server.faults.clear(self.port)

        self.write_port(2)
        mended = self.await_done(path, 2)

        self.assertIn('fail-create', failed['error'])
        self.assertEqual('CREATE_FAILED', failed['state']['worker_state'])
        self.assertEqual('MODIFY_COMPLETED', mended['state']['worker_state'])
        outputs = outputs_of(json.loads(mended['state']['heat_outputs']))
        self.assertEqual(['fa:16:3e:84:84:13'], outputs['mac_address'])


def outputs_of(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {item['output_key']: item['output_value'] for item in items}
