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

from esi_worker.model import Action, Job, ResourceRef
from esi_worker.tests.unit.cli import support


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
        self.assertIn('cannot be read', row['Resource'])

    def put_job(
        self,
        job_id: str,
        *places: str,
        dependency: tuple[str, ...] = (),
        attempt: int = 0,
    ) -> None:
        job = Job(
            id=job_id,
            action=Action.CREATE,
            handler='heat_worker',
            resource=ResourceRef('port', 'p'),
            version=3,
            params=(),
            resource_input={},
            dependency=dependency,
            attempt=attempt,
        )
        self.store.put(self.keys.job(job_id), job.encode())
        for place in places:
            self.store.put(f'{self.keys.jobs}{place}/{job_id}', '')
