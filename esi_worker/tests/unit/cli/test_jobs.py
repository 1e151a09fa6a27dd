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

from __future__ import annotations

from esi_worker.model import (
    Action,
    Job,
    Param,
    ParamType,
    ResourceRef,
    Retrying,
    WorkerRecord,
)
from esi_worker.tests.unit.cli import support

PORT = ResourceRef('port', 'p')


class JobListTest(support.CommandTest):
    def test_job_shows_what_it_does_to_which_resource(self) -> None:
        self.put_job('a', 'waiting', dependency=('x', 'y'), attempt=1)
        expected = {
            'ID': 'a',
            'Status': 'waiting',
            'Handler': 'heat_worker',
            'Action': 'create',
            'Resource': 'port:p',
            'Version': 3,
            'Attempt': 1,
            'Waits for': 2,
            'Reason': 'no manager is elected',
        }
        self.assertEqual([expected], self.rows('job', 'list'))

    def test_claimed_job_is_working_even_when_finished_is_there(self) -> None:
        self.put_job('a', 'working', 'finished')
        (row,) = self.rows('job', 'list')
        self.assertEqual('working', row['Status'])

    def test_status_selects_jobs(self) -> None:
        self.put_job('a', 'ready')
        self.put_job('b', 'finished')
        rows = self.rows('job', 'list', '--status', 'finished')
        self.assertEqual(['b'], [row['ID'] for row in rows])

    def test_unreadable_job_is_listed_with_the_reason(self) -> None:
        self.store.put(self.keys.job('a'), 'no json')
        (row,) = self.rows('job', 'list')
        self.assertEqual('unknown', row['Status'])
        self.assertIn('cannot be read', row['Reason'])

    def test_stuck_shows_what_nobody_will_do(self) -> None:
        self.elect()
        self.put_job('a', 'ready')
        self.put_job('b', 'waiting', dependency=('a',))
        self.put_job('c', 'working')
        rows = {
            row['ID']: row['Reason']
            for row in self.rows('job', 'list', '--stuck')
        }
        self.assertEqual({'a', 'b'}, set(rows))
        self.assertIn('no live worker', rows['a'])
        self.assertIn('waits for a', rows['b'])

    def test_what_a_worker_offers_is_not_stuck(self) -> None:
        self.elect()
        record = WorkerRecord(('heat_worker',), 8, 8)
        self.store.put(self.keys.worker('w'), record.encode())
        self.put_job('a', 'ready')
        self.put_job('b', 'waiting', dependency=('a',))
        self.assertEqual([], self.rows('job', 'list', '--stuck'))

    def test_what_is_tried_again_is_told_with_its_reason(self) -> None:
        self.elect()
        told = Retrying('a', 'noon', 'HTTP 401: no')
        record = WorkerRecord(('heat_worker',), 8, 8, retrying=(told,))
        self.store.put(self.keys.worker('w'), record.encode())
        self.put_job('a', 'working')
        reason = 'tried again since noon: HTTP 401: no'
        (row,) = self.rows('job', 'list')
        self.assertEqual(reason, row['Reason'])
        self.assertEqual(reason, self.rows('job', 'show', 'a')['Reason'])
        self.assertEqual([], self.rows('job', 'list', '--stuck'))
        self.assertEqual(0, self.run_command('job', 'graph'))
        self.assertIn(f'[working]: {reason}', self.stdout.getvalue())

    def test_what_was_given_back_is_not_tried_again(self) -> None:
        self.elect()
        told = Retrying('a', 'noon', 'HTTP 401: no')
        record = WorkerRecord(('heat_worker',), 8, 8, retrying=(told,))
        self.store.put(self.keys.worker('w'), record.encode())
        self.put_job('a', 'ready')
        (row,) = self.rows('job', 'list')
        self.assertEqual('', row['Reason'])

    def test_blocked_lists_resources_with_their_reasons(self) -> None:
        self.store.put(
            self.keys.blocked('v2.0/ports/p'),
            '{"reason": "no template", "waits_for": []}',
        )
        (row,) = self.rows('job', 'list', '--blocked')
        self.assertEqual('port:p', row['Resource'])
        self.assertEqual('no template', row['Reason'])

    def test_type_selects_jobs(self) -> None:
        self.put_job('a', 'ready')
        self.put_job('b', 'ready', resource=ResourceRef('network', 'n'))
        rows = self.rows('job', 'list', '--type', 'network')
        self.assertEqual(['b'], [row['ID'] for row in rows])

    def test_show_names_both_neighbours_and_why(self) -> None:
        network = ResourceRef('network', 'n')
        self.put_job('a', 'ready', resource=network)
        self.put_job('b', 'waiting', dependency=('a',), refers_to=network)
        shown = self.rows('job', 'show', 'b')
        self.assertIn('a (it refers to network:n)', shown['Waits for'])
        self.assertEqual('b', self.rows('job', 'show', 'a')['Waited for by'])

    def test_show_of_a_finished_job_says_where_to_look(self) -> None:
        self.assertEqual(1, self.run_command('job', 'show', 'gone'))
        self.assertIn('resource history', self.stderr.getvalue())

    def test_graph_draws_what_waits_above_what_it_waits_for(self) -> None:
        network = ResourceRef('network', 'n')
        self.elect()
        self.put_job('a', 'working', resource=network)
        self.put_job('b', 'waiting', dependency=('a',), refers_to=network)
        self.assertEqual(0, self.run_command('job', 'graph'))
        first, second = self.stdout.getvalue().splitlines()
        self.assertIn('create port:p v3 (heat_worker) [waiting]', first)
        self.assertIn('create network:n', second)
        self.assertIn('because it refers to network:n', second)

    def test_graph_of_a_cycle_comes_to_an_end(self) -> None:
        self.put_job('a', 'waiting', dependency=('b',))
        self.put_job('b', 'waiting', dependency=('a',))
        self.assertEqual(0, self.run_command('job', 'graph'))
        self.assertIn('see above', self.stdout.getvalue())

    def test_graph_of_one_resource_leaves_the_others_out(self) -> None:
        self.put_job('a', 'working', resource=ResourceRef('network', 'n'))
        self.put_job('b', 'ready')
        self.run_command('job', 'graph', '--resource', 'port', 'p')
        self.assertIn('port:p', self.stdout.getvalue())
        self.assertNotIn('network:n', self.stdout.getvalue())

    def test_graph_for_graphviz_is_quoted(self) -> None:
        self.put_job('a"b', 'ready')
        self.run_command('job', 'graph', '--format', 'dot')
        text = self.stdout.getvalue()
        self.assertTrue(text.startswith('digraph'))
        self.assertIn('"a\\"b"', text)

    def elect(self) -> None:
        self.store.put(self.keys.election, 'm')

    def put_job(
        self,
        job_id: str,
        *places: str,
        dependency: tuple[str, ...] = (),
        attempt: int = 0,
        resource: ResourceRef = PORT,
        refers_to: ResourceRef | None = None,
    ) -> None:
        refs = () if refers_to is None else (refers_to,)
        job = Job(
            id=job_id,
            action=Action.CREATE,
            handler='heat_worker',
            resource=resource,
            version=3,
            params=(Param('x', ParamType.VALUE, 1, refs),),
            resource_input={},
            dependency=dependency,
            attempt=attempt,
        )
        self.store.put(self.keys.job(job_id), job.encode())
        for place in places:
            self.store.put(f'{self.keys.jobs}{place}/{job_id}', '')
