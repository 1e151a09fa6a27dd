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

"""The jobs of a workflow, and what they leave behind."""

from __future__ import annotations

from collections.abc import Sequence
import json
from typing import Any

from esi_worker.model import Done, Failed, Job
from esi_worker.tests import cases, members
from esi_worker.tests.cluster import NETWORK, SUBNET

_SHAPE = ('action', 'handler', 'is_first', 'is_last', 'on_failure', 'version')


class ShapeTest(cases.QueueTest):
    handler_names = ('heat_worker', 'monitoring_worker')

    def shapes(self) -> list[tuple[Any, ...]]:
        jobs = [self.cluster.job(name) for name in self.cluster.jobs()]
        jobs.sort(key=lambda job: (len(job['dependency']), job['is_last']))
        return [tuple(job[name] for name in _SHAPE) for job in jobs]

    def done(self, *args: Any, **body: Any) -> None:
        """Write a config, let it be worked on, and stop the worker."""
        self.write(*args, **body)
        self.cluster.stop(self.start_worker())

    def test_creation_by_both_handlers(self) -> None:
        self.write(NETWORK, 'n')
        self.assertEqual(
            [
                ('create', 'heat_worker', True, False, 'fail', 1),
                ('create', 'monitoring_worker', False, True, 'fail', 1),
            ],
            self.shapes(),
        )

    def test_creation_by_heat_alone(self) -> None:
        self.write(NETWORK, 'n', without='monitoring_worker')
        self.assertEqual(
            [('create', 'heat_worker', True, True, 'fail', 1)], self.shapes()
        )

    def test_creation_of_monitoring_alone(self) -> None:
        self.write(NETWORK, 'n', without='heat_worker')
        self.assertEqual(
            [('create', 'monitoring_worker', True, True, 'fail', 1)],
            self.shapes(),
        )

    def test_modification_by_both_handlers(self) -> None:
        self.done(NETWORK, 'n')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(
            [
                ('delete', 'monitoring_worker', True, False, 'ignore', 2),
                ('modify', 'heat_worker', False, False, 'fail', 2),
                ('create', 'monitoring_worker', False, True, 'fail', 2),
            ],
            self.shapes(),
        )

    def test_modification_by_heat_alone(self) -> None:
        self.done(NETWORK, 'n', without='monitoring_worker')
        self.write(NETWORK, 'n', 2, without='monitoring_worker')
        self.assertEqual(
            [('modify', 'heat_worker', True, True, 'fail', 2)], self.shapes()
        )

    def test_modification_of_monitoring_alone(self) -> None:
        self.done(NETWORK, 'n', without='heat_worker')
        self.write(NETWORK, 'n', 2, without='heat_worker')
        self.assertEqual(
            [
                ('delete', 'monitoring_worker', True, False, 'ignore', 2),
                ('create', 'monitoring_worker', False, True, 'fail', 2),
            ],
            self.shapes(),
        )

    def test_monitoring_that_joins_is_created(self) -> None:
        self.done(NETWORK, 'n', without='monitoring_worker')
        self.write(NETWORK, 'n', 2)
        self.assertEqual(
            [
                ('modify', 'heat_worker', True, False, 'fail', 2),
                ('create', 'monitoring_worker', False, True, 'fail', 2),
            ],
            self.shapes(),
        )

    def test_logical_deletion_goes_backwards(self) -> None:
        self.done(NETWORK, 'n')
        self.write(NETWORK, 'n', 2, marked=True)
        self.assertEqual(
            [
                ('delete', 'monitoring_worker', True, False, 'ignore', 2),
                ('logical_delete', 'heat_worker', False, True, 'fail', 2),
            ],
            self.shapes(),
        )

    def test_deletion_of_what_vanished(self) -> None:
        self.done(NETWORK, 'n')
        self.cluster.erase(NETWORK, 'n')
        self.cluster.settle()
        self.assertEqual(
            [
                ('delete', 'monitoring_worker', True, False, 'ignore', 1),
                ('delete', 'heat_worker', False, True, 'fail', 1),
            ],
            self.shapes(),
        )

    def test_each_job_waits_for_all_before_it(self) -> None:
        self.done(NETWORK, 'n')
        self.write(NETWORK, 'n', 2)
        first = self.cluster.job_id('delete:')
        second = self.cluster.job_id('modify:')
        self.assertEqual([], self.cluster.dependency('delete:'))
        self.assertEqual([first], self.cluster.dependency('modify:'))
        self.assertEqual([first, second], self.cluster.dependency('create:'))

    def test_jobs_of_a_workflow_share_a_name(self) -> None:
        self.write(NETWORK, 'n')
        names = {
            self.cluster.job(job)['job_name'] for job in self.cluster.jobs()
        }
        self.assertEqual({'network:n:1'}, names)

    def test_monitoring_is_taken_away_with_the_old_parameters(self) -> None:
        self.done(NETWORK, 'n', mtu=1400)
        self.write(NETWORK, 'n', 2, mtu=9000)
        values = {}
        for action in 'delete:', 'modify:', 'create:':
            job = self.cluster.job(action)
            self.assertEqual(9000, job['resource_input']['mtu'])
            params = {each['param']: each for each in job['params']}
            values[action] = params['mtu']['value']
        self.assertEqual(
            {'delete:': 1400, 'modify:': 9000, 'create:': 9000}, values
        )

    def test_a_change_lists_new_references_and_then_the_old(self) -> None:
        self.done(NETWORK, 'a')
        self.done(NETWORK, 'b')
        self.done(SUBNET, 's', network_id='a')
        self.write(SUBNET, 's', 2, network_id='b')
        refs = self._references('modify:', 'network')
        self.assertEqual(['b', 'a'], refs)

    def test_a_deletion_lists_its_references_twice(self) -> None:
        self.done(NETWORK, 'a')
        self.done(SUBNET, 's', network_id='a')
        self.write(SUBNET, 's', 2, network_id='a', marked=True)
        self.assertEqual(
            ['a', 'a'], self._references('logical_delete:', 'network')
        )

    def _references(self, start: str, name: str) -> list[str]:
        (param,) = [
            each
            for each in self.cluster.job(start)['params']
            if each['param'] == name
        ]
        return [ref['resource_id'] for ref in param['resources']]


class ResultTest(cases.ClusterTest):
    """What two handlers leave in etcd, step by step."""

    handler_names = ('heat_worker', 'monitoring_worker')

    def make_worker(self) -> members.WorkerMember:
        self.seen: list[Any] = []
        self.handler = members.ScriptedHandler(self.cluster.context())
        self.handler.on_start = self.answer
        self.failing: Sequence[str] = ()
        return self.cluster.add_worker(self.cluster.offer(self.handler))

    def answer(self, job: Job) -> object:
        path = self.cluster.keys.job_state('v2.0/networks/n')
        self.seen.append(self.cluster.json(path))
        if any(job.id.startswith(start) for start in self.failing):
            return Failed('Broken: by the test')
        if job.handler == 'heat_worker':
            return Done({'heat_outputs': [{'output_key': 'id'}]})
        if job.action.deletes:
            return Done()
        return Done({'state_monitoring': {'switch': 'ACTIVE'}})

    def test_results_are_merged_from_job_to_job(self) -> None:
        self.write(NETWORK, 'n')
        outputs = [{'output_key': 'id'}]
        self.assertEqual([{}, {'heat_outputs': outputs}], self.seen)
        state = self.cluster.state(NETWORK, 'n')['state']
        self.assertEqual(
            {
                'worker_state': 'CREATE_COMPLETED',
                'heat_outputs': json.dumps(outputs),
                'state_monitoring': '{"switch": "ACTIVE"}',
            },
            state,
        )
        self.assert_quiet()

    def test_a_modification_ends_as_created(self) -> None:
        self.write(NETWORK, 'n')
        self.seen.clear()
        self.write(NETWORK, 'n', 2)
        self.assertEqual([{}, {}], self.seen[:2])
        self.assertEqual({'heat_outputs'}, set(self.seen[2]))
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        self.assert_quiet()

    def test_nothing_is_published_before_the_last_job(self) -> None:
        states: list[Any] = []

        def answer(job: Job) -> object:
            states.append(self.cluster.state(NETWORK, 'n'))
            return Done()

        self.handler.on_start = answer
        self.write(NETWORK, 'n')
        self.assertEqual([None, None], states)

    def test_a_failure_that_is_ignored_leaves_no_trace(self) -> None:
        self.write(NETWORK, 'n')
        self.failing = ('delete:monitoring_worker',)
        self.write(NETWORK, 'n', 2)
        self.assert_state('CREATE_COMPLETED', NETWORK, 'n', 2)
        state = self.cluster.state(NETWORK, 'n')
        self.assertEqual('', state['error'])
        self.assertNotIn('orchestration_state', state['state'])
        self.assertEqual(
            ['create:1', 'create:1', 'delete:2', 'modify:2', 'create:2'],
            self.cluster.actions(NETWORK, 'n'),
        )

    def test_a_failure_ends_the_workflow_at_once(self) -> None:
        self.failing = ('create:heat_worker',)
        self.write(NETWORK, 'n')
        self.assert_state('CREATE_FAILED', NETWORK, 'n')
        state = self.cluster.state(NETWORK, 'n')
        self.assertEqual('Broken: by the test', state['error'])
        self.assertEqual('CREATE_ERROR', state['state']['orchestration_state'])
        self.assertEqual(1, len(self.handler.starts))
        self.assert_quiet()

    def test_a_failure_of_the_last_job_keeps_earlier_results(self) -> None:
        self.failing = ('create:monitoring_worker',)
        self.write(NETWORK, 'n')
        state = self.cluster.state(NETWORK, 'n')['state']
        self.assertEqual('[{"output_key": "id"}]', state['heat_outputs'])
        self.assertEqual('CREATE_FAILED', state['worker_state'])
        self.assert_quiet()
