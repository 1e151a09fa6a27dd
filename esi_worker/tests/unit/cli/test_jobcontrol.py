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

"""Retrying and calling off, as far as no manager is needed."""

from __future__ import annotations

from typing import Any

from esi_worker import store
from esi_worker.cli import jobcontrol
from esi_worker.model import (
    Action,
    Answer,
    Job,
    Request,
    RequestOutcome,
    ResourceRef,
)
from esi_worker.tests.unit.cli import support

JOB = 'create:heat_worker:port:p:3:abcde'
P = ResourceRef('port', 'p')


class JobControlTest(support.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.requests: list[Request] = []

    def answer(self, outcome: RequestOutcome, reason: str = '') -> None:
        """Play a manager that answers whatever is asked."""

        def look(name: str, moment: str) -> None:
            if name != 'txn' or moment != 'after':
                return
            self.store.interceptor = None
            prefix = self.keys.request('')
            for kv in self.store.range(prefix).items:
                request = Request.decode(kv.key, kv.value)
                if request.answer is None:
                    self.requests.append(request)
                    self._give(kv, request, Answer(outcome, reason, ('new',)))
            self.store.interceptor = look

        self.store.interceptor = look

    def _give(
        self, kv: store.KeyValue, request: Request, answer: Answer
    ) -> None:
        fields: dict[str, Any] = {
            'action': request.action,
            'resource': request.resource,
            'version': request.version,
            'options': request.options,
        }
        value = Request(**fields, answer=answer).encode()
        self.store.put(kv.key, value, lease=kv.lease)

    def put_job(self) -> None:
        job = Job(JOB, Action.CREATE, 'heat_worker', P, 3, (), {})
        self.store.put(self.keys.job(JOB), job.encode())

    def test_retry_of_a_job_is_about_its_version(self) -> None:
        self.answer(RequestOutcome.ACCEPTED)
        self.assertEqual(0, self.run_command('job', 'retry', JOB, '--yes'))
        (request,) = self.requests
        self.assertEqual(('reapply', P, 3), _of(request))
        self.assertEqual('new\n', self.stdout.getvalue())

    def test_retry_of_a_resource_is_about_the_latest(self) -> None:
        self.answer(RequestOutcome.ACCEPTED)
        self.run_command('job', 'retry', 'port', 'p', '--yes')
        (request,) = self.requests
        self.assertEqual(('reapply', P, None), _of(request))

    def test_retry_of_an_unfinished_job_is_refused(self) -> None:
        self.put_job()
        self.assertEqual(1, self.run_command('job', 'retry', JOB, '--yes'))
        self.assertIn('has not ended', self.stderr.getvalue())

    def test_help_of_retry_tells_what_a_rest_server_ignores(self) -> None:
        self.run_command('help', 'job', 'retry')
        text = ' '.join(self.stdout.getvalue().split())
        self.assertIn('ignores a second state of the same version', text)

    def test_cancel_names_the_job_and_its_resource(self) -> None:
        self.put_job()
        self.answer(RequestOutcome.ACCEPTED)
        code = self.run_command('job', 'cancel', JOB, '--yes', '--force')
        self.assertEqual(0, code)
        (request,) = self.requests
        self.assertEqual(('cancel', P, None), _of(request))
        self.assertEqual({'job': JOB, 'force': True}, dict(request.options))

    def test_a_refusal_gives_its_reason(self) -> None:
        self.put_job()
        self.answer(RequestOutcome.REFUSED, 'a worker is running it')
        self.assertEqual(1, self.run_command('job', 'cancel', JOB, '--yes'))
        self.assertIn('is running it', self.stderr.getvalue())

    def test_both_ask_first(self) -> None:
        self.put_job()
        self.assertEqual(1, self.run_command('job', 'cancel', JOB))
        self.assertEqual(1, self.run_command('job', 'retry', 'port', 'p'))
        self.assertEqual((), self.store.range(self.keys.request('')).items)

    def test_ids_of_jobs_are_taken_apart(self) -> None:
        found = jobcontrol.parsed('delete:noop:port:a:b:12:x1y2z')
        self.assertEqual((ResourceRef('port', 'a:b'), 12), found)
        for name in ('port:p', 'v2.0/ports/p', 'a:b:c:d:e:f', ''):
            self.assertIsNone(jobcontrol.parsed(name))


def _of(request: Request) -> tuple[str, ResourceRef, int | None]:
    return request.action, request.resource, request.version
