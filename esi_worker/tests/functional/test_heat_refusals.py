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


"""What Heat refuses, and what becomes of a stack that takes too long."""

from __future__ import annotations

import email.utils
import json
import math
import time

from esi_worker.handlers.heat import handler
from esi_worker.model import (
    Action,
    Failed,
    InProgress,
    Job,
    Retry,
)
from esi_worker.tests.faulty import faults
from esi_worker.tests.faulty.http import Answer
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.functional.heat_proxy import ProxyTestCase


class DeadlineTest(ProxyTestCase):
    """Heat's clock goes on while workers die; the proxy moves it."""

    def start_again(self, job: Job, later: float) -> None:
        """A worker adopts the job; it is later by Heat's own clock."""
        self.restart()
        date = email.utils.formatdate(time.time() + later, usegmt=True)
        self.proxy.clear()
        self.proxy.inject(
            faults.ReplaceHeaderOfAnswer('Date', date), times=math.inf
        )
        self.assertIsInstance(self.handler.start(job), InProgress)
        self.handler.poll([job])

    def test_stack_gets_no_new_time_when_it_is_adopted(self) -> None:
        # The limit is 600 seconds, and 60 more.
        job = self.job(wait=40)
        self.assertIsInstance(self.handler.start(job), InProgress)
        self.start_again(job, 600)
        self.assertEqual(['POST'], self.accepted())
        self.start_again(job, 661)
        self.assertEqual(['POST', 'PUT'], self.accepted())


class RefusalTest(ProxyTestCase):
    def test_heat_that_wants_a_pause_gets_one(self) -> None:
        busy = Answer.error(429, 'too many', retry_after='8')
        self.proxy.inject(faults.Refuse(busy), 'POST')
        for _ in range(3):
            outcome = self.handler.start(self.job(text='a'))
            assert isinstance(outcome, Retry), outcome
            assert outcome.after is not None
            self.assertGreater(outcome.after, 1.0)
        self.assertEqual(1, len(self.proxy.account))
        self.check_state('CREATE_COMPLETE', self.done(self.job(text='a')))

    def test_keystone_that_comes_back_fails_nothing(self) -> None:
        """What Heat says while Keystone refuses it trusts; seen."""
        bare = {'code': 403, 'error': {'type': 'Forbidden', 'traceback': None}}
        forbidden = Answer(
            403,
            {'Content-Type': 'application/json'},
            json.dumps(bare).encode(),
        )
        for method, action, version in (
            ('POST', Action.CREATE, 1),
            ('PUT', Action.MODIFY, 2),
            ('DELETE', Action.LOGICAL_DELETE, 3),
        ):
            self.restarted_account()
            rule = self.proxy.inject(
                faults.Refuse(forbidden),
                method,
                times=handler.FORBIDDEN_RETRIES,
            )
            self.done(self.job(action, version, text=f'v{version}'))
            self.assertEqual(0, rule.left)
            self.assertEqual([method], self.accepted())

    def test_quota_of_stacks_ends_the_job_with_heats_reason(self) -> None:
        text = 'You have reached the maximum stacks per tenant, 512.'
        for status in (403, 409):
            self.proxy.inject(
                faults.Refuse(Answer.error(status, text)), 'POST'
            )
            outcome = self.handler.start(self.job(version=status))
            assert isinstance(outcome, Failed), outcome
            self.assertEqual(
                f'HeatRefused: HTTP {status}: {text}', outcome.error
            )
            self.check_state('CREATE_ERROR', outcome)


class QuotaTest(support.HandlerTestCase):
    """Heat's own limit of resources per stack."""

    template = 'heat_template_version: 2013-05-23\nresources:\n' + ''.join(
        f'  r{number}: {{type: OS::Heat::TestResource}}\n'
        for number in range(1001)
    )

    def test_too_large_a_stack_is_refused_for_good(self) -> None:
        outcome = self.handler.start(self.job())
        assert isinstance(outcome, Failed), outcome
        self.assertEqual(
            'HeatRefused: HTTP 400: Request limit exceeded: Maximum '
            'resources per stack exceeded.',
            outcome.error,
        )
