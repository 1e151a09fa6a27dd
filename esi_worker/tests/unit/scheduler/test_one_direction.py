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

"""Orders of jobs that a template asks for without a parameter.

A server is made with its ports. While it is made, whoever makes it
changes the ports (attaches them), and it is not done before that is
done. Ports that would wait for the server would wait for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esi_worker import handlers
from esi_worker.model import Done, InProgress, Job, Outcome
from esi_worker.tests import cases
from esi_worker.tests.cluster import BOND, NETWORK, PORT, SERVER, Cluster

#: The version in which a port is attached.
ATTACHED = 3


class Attaching(handlers.Handler):
    """Holds those that use ports in progress until these are attached."""

    cluster: Cluster

    def start(self, job: Job) -> Outcome:
        return self._look(job)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        return {job.id: self._look(job) for job in jobs}

    def _look(self, job: Job) -> Outcome:
        wanted = job.resource_input.get('attaches')
        if wanted is not None and job.action.value == 'create':
            state = self.cluster.state(PORT, str(wanted)) or {}
            if state.get('version', 0) < ATTACHED:
                return InProgress(1)
        return Done({'heat_outputs': [], 'orchestration_state': 'DONE'})


class DeadlockTest(cases.ClusterTest):
    """The port's versions come while its user is made."""

    def make_worker(self) -> Any:
        handler = Attaching(self.cluster.context())
        handler.cluster = self.cluster
        return self.cluster.add_worker(self.cluster.offer(handler))

    def make(self, type_: Any, id_: str, **body: Any) -> None:
        """Make something that uses the port p, as Nova would."""
        self.write(NETWORK, 'n')
        self.cluster.write(PORT, 'p', network_id='n')
        self.write(type_, id_, attaches='p', **body)
        for version in (2, ATTACHED):
            self.write(PORT, 'p', version, network_id='n')
            self.cluster.pass_time(5)

    def test_ports_are_attached_while_their_server_is_made(self) -> None:
        self.make(SERVER, 's', networks=[{'port': 'p'}])
        self.assert_state('MODIFY_COMPLETED', PORT, 'p', ATTACHED)
        self.assert_state('CREATE_COMPLETED', SERVER, 's')
        self.assert_quiet()

    def test_a_reference_would_never_end(self) -> None:
        self.make(BOND, 'b', port_ids=['p'])
        self.cluster.pass_time(600, step=60)
        self.assert_state('CREATE_COMPLETED', PORT, 'p')
        self.assertEqual(
            [self.cluster.job_id('create:heat_worker:bond')],
            self.cluster.dependency('modify:heat_worker:port'),
        )


class NeedsTest(cases.QueueTest):
    """The option ``needs``: one direction only."""

    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')

    def write_server(self, version: int = 1, *ports: str, **more: Any) -> None:
        networks = [{'port': port} for port in ports]
        self.write(SERVER, 's', version, networks=networks, **more)

    def finish_all(self) -> None:
        self.cluster.stop(self.start_worker())

    def test_a_server_waits_for_its_ports(self) -> None:
        self.write_server(1, 'p')
        self.assertEqual(
            [self.cluster.job_id('create:heat_worker:port')],
            self.cluster.dependency('create:heat_worker:server'),
        )

    def test_no_parameter_carries_what_is_needed(self) -> None:
        self.write_server(1, 'p')
        (param,) = self.cluster.job('create:heat_worker:server')['params']
        self.assertEqual(
            ('networks', []), (param['param'], param['resources'])
        )

    def test_ports_do_not_wait_for_the_server(self) -> None:
        self.finish_all()
        self.write_server(1, 'p')
        self.write(PORT, 'p', 2, network_id='n')
        self.assertEqual(
            [], self.cluster.dependency('modify:heat_worker:port')
        )
        self.assertEqual(2, len(self.cluster.jobs('ready')))

    def test_nor_do_they_under_another_manager(self) -> None:
        self.finish_all()
        self.write_server(1, 'p')
        self.cluster.stop(self.manager)
        self.cluster.add_manager()
        self.write(PORT, 'p', 2, network_id='n')
        self.assertEqual(
            [], self.cluster.dependency('modify:heat_worker:port')
        )

    def test_the_ports_of_the_previous_version_are_not_waited_for(
        self,
    ) -> None:
        self.write(PORT, 'q', network_id='n')
        self.write_server(1, 'p')
        self.finish_all()
        self.write(PORT, 'p', 2, network_id='n')
        self.write(PORT, 'q', 2, network_id='n')
        self.write_server(2, 'q')
        self.assertEqual(
            [self.cluster.job_id('modify:heat_worker:port:q')],
            self.cluster.dependency('modify:heat_worker:server'),
        )

    def test_a_missing_port_blocks_the_server(self) -> None:
        self.write_server(1, 'p', 'q')
        block = self.cluster.blocked(SERVER, 's')
        self.assertEqual(['port:q'], block['waits_for'])
        self.assertIn('option "needs"', block['reason'])
        self.write(PORT, 'q', network_id='n')
        self.assertIsNone(self.cluster.blocked(SERVER, 's'))

    def test_a_blocked_port_blocks_the_server(self) -> None:
        self.write(PORT, 'q', network_id='gone')
        self.write_server(1, 'q')
        block = self.cluster.blocked(SERVER, 's')
        self.assertEqual(['port:q'], block['waits_for'])

    def test_a_port_is_not_deleted_under_its_server(self) -> None:
        self.write_server(1, 'p')
        self.finish_all()
        self.write(PORT, 'p', 2, network_id='n', marked=True)
        block = self.cluster.blocked(PORT, 'p')
        self.assertEqual(['server:s'], block['waits_for'])

        self.write_server(2)
        self.assertIsNone(self.cluster.blocked(PORT, 'p'))
        self.assertEqual(
            [], self.cluster.dependency('logical_delete:heat_worker:port')
        )

    def test_a_deletion_needs_nothing(self) -> None:
        self.write_server(1, 'p')
        self.finish_all()
        self.write(PORT, 'p', 2, network_id='n')
        self.write_server(2, 'p', marked=True)
        self.assertEqual(
            [], self.cluster.dependency('logical_delete:heat_worker:server')
        )


class DependsOnTest(cases.QueueTest):
    """The option ``depends_on``: a reference without a parameter."""

    def setUp(self) -> None:
        super().setUp()
        self.write(NETWORK, 'n')
        self.write(PORT, 'p', network_id='n')

    def test_it_waits_for_what_it_depends_on(self) -> None:
        self.write(BOND, 'b', port_ids=['p'])
        self.assertEqual(
            [self.cluster.job_id('create:heat_worker:port')],
            self.cluster.dependency('create:heat_worker:bond'),
        )

    def test_what_it_depends_on_waits_for_it(self) -> None:
        self.cluster.stop(self.start_worker())
        self.write(BOND, 'b', port_ids=['p'])
        self.cluster.stop(self.manager)
        self.cluster.add_manager()
        self.write(PORT, 'p', 2, network_id='n')
        self.assertEqual(
            [self.cluster.job_id('create:heat_worker:bond')],
            self.cluster.dependency('modify:heat_worker:port'),
        )

    def test_it_holds_off_no_deletion(self) -> None:
        self.write(BOND, 'b', port_ids=['p'])
        self.cluster.stop(self.start_worker())
        self.write(PORT, 'p', 2, network_id='n', marked=True)
        self.assertIsNone(self.cluster.blocked(PORT, 'p'))

    def test_a_blocked_dependency_blocks(self) -> None:
        self.write(PORT, 'q', network_id='gone')
        self.write(BOND, 'b', port_ids=['q'])
        block = self.cluster.blocked(BOND, 'b')
        self.assertEqual(['port:q'], block['waits_for'])

    def test_nothing_to_depend_on_is_no_error(self) -> None:
        self.write(BOND, 'b')
        self.assertEqual(
            [], self.cluster.dependency('create:heat_worker:bond')
        )
