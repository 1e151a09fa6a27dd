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


"""How many requests a job takes, and what becomes of those that get lost."""

from __future__ import annotations

import uuid

from esi_worker.handlers.heat import backend, remote
from esi_worker.model import (
    Action,
    Done,
    InProgress,
    Job,
    ResourceRef,
)
from esi_worker.tests.faulty import faults
from esi_worker.tests.faulty.http import Answer, Fault
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.functional.heat_proxy import ProxyTestCase
from esi_worker.tests.unit.handlers.heat import scene

#: Looks at many stacks; everything else addresses one.
LOOK = r'/stacks\?.*\bid='
UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
ONE = f'/stacks/{scene.NAME}/{UUID}$'


class CountTest(ProxyTestCase):
    """A stack that takes a while, with the options as they are."""

    def count(self, job: Job) -> tuple[int, int]:
        """Requests that were no looks while Heat works, and the looks."""
        self.restarted_account()
        self.done(job)
        looks = len(self.proxy.requests('GET', LOOK))
        for entry in self.proxy.account:
            self.assertLess(entry.statuses[-1], 300)
        return len(self.proxy.account) - looks, looks

    def reads(self) -> list[int]:
        """At which requests outputs were read."""
        return [
            number
            for number, entry in enumerate(self.proxy.account, 1)
            if entry.request in self.proxy.requests('GET', ONE)
        ]

    def test_each_job_takes_as_few_requests_as_promised(self) -> None:
        others, looks = self.count(self.job(wait=1.7))
        # With three looks that is five: POST, and the outputs at the end.
        self.assertEqual(2, others)
        self.assertGreaterEqual(looks, 2)
        self.assertEqual([others + looks], self.reads())
        self.assertEqual('POST', self.proxy.account[0].request.method)

        # With three looks that is six: a look before, PUT, the outputs.
        others, looks = self.count(self.job(Action.MODIFY, 2, text='b'))
        self.assertEqual(3, others)
        self.assertEqual([others + looks], self.reads())
        self.assertEqual(1, len(self.proxy.requests('PUT', ONE)))
        (first, *_) = self.proxy.account
        self.assertIn(f'/stacks?name={scene.NAME}', first.request.path)

        others, looks = self.count(self.job(Action.LOGICAL_DELETE, 3))
        self.assertEqual(2, others)
        self.assertEqual([], self.reads())
        self.assertEqual(1, len(self.proxy.requests('DELETE', ONE)))


class LostTest(ProxyTestCase):
    """Nothing is done twice, whatever happens to its answer."""

    def job_of(self, label: str, action: Action, version: int) -> Job:
        return scene.job(
            action,
            [scene.value('text', f'v{version}')],
            ResourceRef('network', label),
            version,
            tenant_id=self.tenant,
        )

    def check(self, fault: Fault) -> None:
        """One change of each kind suffers the fault."""
        label = uuid.uuid4().hex[:8]
        for version, (action, method) in enumerate(
            (
                (Action.CREATE, 'POST'),
                (Action.MODIFY, 'PUT'),
                (Action.LOGICAL_DELETE, 'DELETE'),
            ),
            1,
        ):
            self.restarted_account()
            self.proxy.clear()
            self.proxy.inject(fault, method)
            outcome = self.run_job(self.job_of(label, action, version))
            assert isinstance(outcome, Done), outcome
            self.assertEqual([method], self.accepted(f'network_{label}'))
            if outcome.stack and version < 3:
                self.assertEqual(
                    {'text': f'v{version}'}, outcome.stack.outputs()
                )

    def test_answers_that_get_lost(self) -> None:
        self.check(faults.DropAnswer())
        self.check(faults.ResetAnswer())
        self.check(faults.ReplaceAnswer())

    def test_answers_that_are_cut(self) -> None:
        self.check(faults.CutAnswer())
        self.check(faults.ReplaceAnswer(Answer.error(500, 'oops')))

    def test_requests_that_are_refused_on_their_way(self) -> None:
        self.check(faults.Refuse())

    def test_creation_that_arrives_after_we_have_given_up(self) -> None:
        self.use_proxy(timeout=1.0)
        self.proxy.inject(faults.Delay(4.0), 'POST')
        outcome = self.done(self.job(text='late'))
        self.check_state('CREATE_COMPLETE', outcome)
        self.assertEqual(['POST'], self.accepted())

    def test_reading_is_tried_again(self) -> None:
        answers = [Answer.error(code, 'no') for code in (500, 502, 503, 504)]
        harm: list[Fault] = [faults.Refuse(answer) for answer in answers]
        for fault in (*harm, faults.Reset(), faults.TruncateAnswer()):
            self.proxy.inject(fault, 'GET', times=2)
        self.use_proxy(poll_interval=0.1, poll_interval_max=0.3)
        self.check_state('CREATE_COMPLETE', self.done(self.job(text='a')))
        self.assertEqual(['POST'], self.accepted())
        self.assertEqual(
            {'Refuse': 8, 'Reset': 2, 'TruncateAnswer': 2},
            {
                name: count
                for name, count in self.proxy.suffered().items()
                if name != 'Nothing'
            },
        )


class FinishedTest(ProxyTestCase):
    def test_finished_jobs_that_run_again_change_nothing(self) -> None:
        jobs = [
            self.job(text='a'),
            self.job(Action.MODIFY, 2, text='b'),
        ]
        for job in jobs:
            first = self.done(job)
            self.restart()
            before = self.accepted()
            self.assertEqual(first, self.done(job))
            self.assertEqual(before, self.accepted())

    def test_failed_update_keeps_the_outputs_of_the_last_one(self) -> None:
        done = self.done(self.job(text='a'))
        assert done.stack is not None
        self.context.store.put(
            self.context.keys.heat_stack('v2.0/networks/n1'),
            done.stack.encode(),
        )
        failed = self.failed(self.job(Action.MODIFY, 2, fail=True))
        assert failed.stack is not None
        self.assertEqual('UPDATE_FAILED', failed.stack.stack_status)
        self.assertEqual({'text': 'a'}, failed.stack.outputs())

    def test_foreign_change_is_seen_and_ours_made_again(self) -> None:
        job = self.job(text='ours', wait=2)
        self.assertIsInstance(self.handler.start(job), InProgress)
        stacks = remote.HeatBackend(self.context.conf)
        self.addCleanup(stacks.close)
        info = stacks.find(self.tenant, scene.NAME)
        assert info is not None
        theirs = backend.StackRequest(
            scene.NAME,
            support.KNOBS,
            {'text': 'theirs'},
            3,
            (backend.OWNER_TAG, 'esi-digest-theirs'),
        )
        stacks.update(self.tenant, info.id, theirs, 30.0)
        outcome = self.done(job)
        assert outcome.stack is not None
        self.assertEqual({'text': 'ours'}, outcome.stack.outputs())
