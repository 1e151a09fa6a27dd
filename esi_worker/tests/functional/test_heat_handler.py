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

"""The Heat handler with a real Heat."""

from __future__ import annotations

import json
import time
from typing import Any

import fixtures as fixtures_
from keystoneauth1 import loading
import testtools

from esi_worker import clock as clocks
from esi_worker.embedded import fixtures
from esi_worker.handlers.heat import auditing, remote
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    ResourceRef,
    Retry,
)
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.unit.handlers.heat import scene


class NetworkTest(support.HandlerTestCase):
    template = support.NETWORK

    def network(self, action: Action, version: int, **params: Any) -> Job:
        return self.job(action, version, name='blue', uuid='u-1', **params)

    def test_network_is_created_changed_and_deleted(self) -> None:
        created = self.done(self.network(Action.CREATE, 1))
        changed = self.done(self.network(Action.MODIFY, 2, shared=True))
        deleted = self.done(self.network(Action.LOGICAL_DELETE, 3))

        outputs = [
            {
                'output_key': 'id',
                'output_value': 'u-1',
                'description': 'The id',
            }
        ]
        self.assertEqual(
            {
                'heat_outputs': outputs,
                'orchestration_state': 'CREATE_COMPLETE',
            },
            created.results,
        )
        assert created.stack is not None
        self.assertEqual(
            'Stack CREATE completed successfully', created.stack.status_reason
        )
        assert changed.stack is not None
        self.assertEqual(
            ('UPDATE_COMPLETE', 'Stack successfully updated'),
            (changed.stack.stack_status, changed.stack.status_reason),
        )
        self.assertEqual(outputs, changed.stack.output)
        self.assertEqual(
            {'heat_outputs': [], 'orchestration_state': 'DELETE_COMPLETE'},
            deleted.results,
        )

    def test_changes_are_audited_with_ids_that_heat_logs_too(self) -> None:
        audit = self.useFixture(
            fixtures_.FakeLogger(auditing.CHANNEL, format='%(message)s')
        )
        self.done(self.network(Action.CREATE, 1))
        self.done(self.network(Action.MODIFY, 2, shared=True))
        self.done(self.network(Action.LOGICAL_DELETE, 3))

        records = [json.loads(line) for line in audit.output.splitlines()]
        self.assertEqual(
            [
                (action, outcome)
                for action in ('CREATE', 'UPDATE', 'DELETE')
                for outcome in ('accepted', 'complete')
            ],
            [(each['action'], each['outcome']) for each in records],
        )
        ids = {each['request_id'] for each in records}
        self.assertEqual(3, len(ids))
        log = self.heat.server.log_path.read_text(errors='replace')
        self.assertEqual(set(), {each for each in ids if each not in log})

    def test_no_request_is_redirected_or_wasted(self) -> None:
        with self.requests() as methods:
            self.done(self.network(Action.CREATE, 1))
            create = methods()
        with self.requests() as methods:
            self.done(self.network(Action.MODIFY, 2, shared=True))
            modify = methods()
        with self.requests() as methods:
            self.done(self.network(Action.LOGICAL_DELETE, 3))
            delete = methods()
        self.check_requests(['POST'], 1, create)
        self.check_requests(['GET', 'PUT'], 1, modify)
        self.check_requests(['GET', 'DELETE'], 0, delete)

    def check_requests(
        self, first: list[str], outputs: int, methods: list[str]
    ) -> None:
        """A look and a change, some polls, at most one for outputs."""
        self.assertEqual(first, methods[: len(first)])
        polls = methods[len(first) : len(methods) - outputs]
        self.assertEqual({'GET'}, set(polls))
        self.assertLess(len(polls), 12)

    def test_many_networks_are_polled_together(self) -> None:
        jobs = [
            scene.job(
                params=[
                    scene.value('name', f'net-{i}'),
                    scene.value('uuid', f'u-{i}'),
                ],
                ref=ResourceRef('network', f'n{i}'),
                tenant_id=self.tenant,
            )
            for i in range(8)
        ]
        waiting = {job.id: job for job in jobs}
        for job in jobs:
            self.assertIsInstance(self.handler.start(job), InProgress)
        deadline = time.monotonic() + support.PATIENCE
        while waiting and time.monotonic() < deadline:
            time.sleep(0.2)
            with self.requests() as methods:
                outcomes = self.handler.poll(list(waiting.values()))
                finished = [
                    job_id
                    for job_id, outcome in outcomes.items()
                    if isinstance(outcome, Done)
                ]
                self.assertLessEqual(len(methods()), 1 + len(finished))
            for job_id in finished:
                del waiting[job_id]
        self.assertEqual({}, waiting)


class CrashTest(support.HandlerTestCase):
    def test_creation_under_way_is_adopted(self) -> None:
        job = self.job(wait=2)
        self.assertIsInstance(self.handler.start(job), InProgress)
        self.restart()
        with self.requests() as methods:
            outcome = self.done(job)
        self.check_state('CREATE_COMPLETE', outcome)
        # The name is taken; nothing else is asked for.
        self.assertEqual(['POST', 'GET'], methods()[:2])
        self.assertEqual({'GET'}, set(methods()[2:]))

    def test_finished_creation_is_left_alone(self) -> None:
        first = self.done(self.job(text='a'))
        self.restart()
        with self.requests() as methods:
            again = self.done(self.job(text='a'))
            self.assertEqual(['POST', 'GET', 'GET'], methods())
        self.assertEqual(first, again)

    def test_newer_version_waits_for_the_older_one(self) -> None:
        self.assertIsInstance(
            self.handler.start(self.job(text='a', wait=2)), InProgress
        )
        self.restart()
        outcome = self.done(self.job(Action.MODIFY, 2, text='b'))
        self.check_state('UPDATE_COMPLETE', outcome)
        assert outcome.stack is not None
        self.assertEqual({'text': 'b'}, outcome.stack.outputs())

    def test_deletion_ends_a_creation(self) -> None:
        self.assertIsInstance(
            self.handler.start(self.job(wait=30)), InProgress
        )
        self.restart()
        outcome = self.done(self.job(Action.DELETE, 2))
        self.check_state('DELETE_COMPLETE', outcome)


class HeatCrashTest(support.HandlerTestCase):
    def setUp(self) -> None:
        self.clock = self.manual = clocks.ManualClock()
        super().setUp()

    def test_stack_that_heat_forgot_is_taken_over(self) -> None:
        # Heat is killed at once; later the update takes all that time.
        forgotten = self.job(wait=10)
        self.assertIsInstance(self.handler.start(forgotten), InProgress)
        self.heat.server.kill()
        away = self.handler.poll([forgotten])[forgotten.id]
        assert isinstance(away, InProgress)
        self.assertIn('ConnectFailure', away.reason)
        self.manual.advance(10_000)
        self.assertIsInstance(self.handler.start(forgotten), Retry)
        self.heat.server.start()
        self.assertIsInstance(self.handler.start(forgotten), InProgress)
        self.manual.advance(661)
        log = self.useFixture(fixtures_.FakeLogger())
        self.check_state('UPDATE_COMPLETE', self.done(forgotten))
        self.assertIn('Heat seems to have forgotten it', log.output)

    def test_stack_of_an_older_version_is_taken_over(self) -> None:
        self.assertIsInstance(
            self.handler.start(self.job(wait=60)), InProgress
        )
        self.heat.server.kill()
        self.heat.server.start()
        newer = self.job(Action.MODIFY, 2, text='b')
        self.assertIsInstance(self.handler.start(newer), InProgress)
        self.manual.advance(661)
        outcome = self.done(newer)
        self.check_state('UPDATE_COMPLETE', outcome)
        assert outcome.stack is not None
        self.assertEqual({'text': 'b'}, outcome.stack.outputs())

    def test_stack_that_is_not_ready_in_time_names_the_culprit(self) -> None:
        slow = self.job(wait=60)
        self.assertIsInstance(self.handler.start(slow), InProgress)
        for _ in range(2):
            # The renewed update is slow too: the resource is not done.
            self.manual.advance(661)
            outcome = self.handler.poll([slow])[slow.id]
        assert isinstance(outcome, Failed)
        self.assertRegex(
            outcome.error,
            r'StackTimeout: the stack is \w+_IN_PROGRESS after 660 seconds: '
            r'.*thing \(OS::Heat::TestResource\) is CREATE_IN_PROGRESS',
        )


class FailureTest(support.HandlerTestCase):
    def test_failed_creation_is_told_with_heats_reason(self) -> None:
        outcome = self.failed(self.job(fail=True))
        self.assertIn('StackFailed: Resource CREATE failed', outcome.error)
        self.check_state('CREATE_ERROR', outcome)
        assert outcome.stack is not None
        self.assertEqual('CREATE_FAILED', outcome.stack.stack_status)

    def test_modify_replaces_a_failed_creation(self) -> None:
        self.failed(self.job(fail=True))
        outcome = self.done(self.job(Action.MODIFY, 2, fail=False))
        self.check_state('CREATE_COMPLETE', outcome)

    def test_modify_heals_a_failed_update(self) -> None:
        self.done(self.job(text='a'))
        outcome = self.failed(self.job(Action.MODIFY, 2, fail=True))
        self.check_state('MODIFY_ERROR', outcome)
        healed = self.done(self.job(Action.MODIFY, 3, text='b'))
        self.check_state('UPDATE_COMPLETE', healed)

    def test_refused_parameter_keeps_its_secret(self) -> None:
        outcome = self.failed(self.job(admin_password='hunt2'))
        self.assertIn('HeatRefused: HTTP 400', outcome.error)
        self.assertNotIn('hunt2', outcome.error)
        self.assertLessEqual(len(outcome.error), 1024)

    def test_unknown_parameter_is_named(self) -> None:
        outcome = self.failed(self.job(colour='blue'))
        self.assertIn('colour', outcome.error)

    def test_heat_that_is_not_there_is_waited_for(self) -> None:
        self.use_heat('http://127.0.0.1:9/v1')
        self.assertIsInstance(self.handler.start(self.job()), Retry)


class DeleteTest(support.HandlerTestCase):
    def test_missing_stack_is_deleted_already(self) -> None:
        outcome = self.handler.start(self.job(Action.LOGICAL_DELETE))
        assert isinstance(outcome, Done)
        self.check_state('DELETE_COMPLETE', outcome)

    def test_name_can_be_used_right_after_a_deletion(self) -> None:
        for version in range(1, 7, 2):
            self.done(self.job(version=version))
            self.done(self.job(Action.DELETE, version + 1))

    def test_creation_waits_for_a_deletion(self) -> None:
        self.done(self.job(text='a'))
        deletion = self.job(Action.DELETE, 2)
        self.assertIsInstance(self.handler.start(deletion), InProgress)
        outcome = self.done(self.job(version=3, text='b'))
        self.check_state('CREATE_COMPLETE', outcome)


class KeystoneTest(support.HandlerTestCase):
    """The service user works in every tenant it has a role in."""

    def setUp(self) -> None:
        testtools.TestCase.setUp(self)
        heat = self.useFixture(fixtures.HeatWithKeystoneFixture())
        keystone = heat.keystone
        identity = keystone.server.identity()
        self.tenant = identity.project(fixtures.unique('tenant'))
        for role in ('admin', 'member', 'heat_stack_user'):
            identity.grant(keystone.user_id, self.tenant, identity.role(role))
        self.identity = identity
        self.conf_values = {
            'auth_url': keystone.auth_url,
            'username': keystone.username,
            'password': keystone.password,
            'user_domain_id': 'default',
            'project_name': keystone.project,
            'project_domain_id': 'default',
        }
        self.log_in(**self.conf_values)

    def log_in(self, **values: str) -> None:
        conf = scene.configuration(auth_type='password', poll_interval=0.2)
        conf.register_opts(
            loading.get_auth_plugin_conf_options('password'), 'heat'
        )
        for name, value in values.items():
            conf.set_override(name, value, 'heat')
        self.use(conf)

    def test_stack_belongs_to_the_resources_tenant(self) -> None:
        self.check_state('CREATE_COMPLETE', self.done(self.job(text='a')))
        stacks = remote.HeatBackend(self.context.conf)
        self.addCleanup(stacks.close)
        self.assertIsNotNone(stacks.find(self.tenant, scene.NAME))
        self.done(self.job(Action.DELETE, 2))

    def test_login_is_made_once(self) -> None:
        with self.requests() as methods:
            self.done(self.job(text='a'))
            self.assertEqual(2, methods().count('POST'))

    def test_wrong_password_makes_the_job_wait(self) -> None:
        self.log_in(**{**self.conf_values, 'password': 'wrong-one'})
        outcome = self.handler.start(self.job())
        assert isinstance(outcome, Retry)
        self.assertNotIn('wrong-one', outcome.reason)

    def test_tenant_without_a_role_makes_the_job_wait(self) -> None:
        self.tenant = self.identity.project(fixtures.unique('foreign'))
        self.assertIsInstance(self.handler.start(self.job()), Retry)
