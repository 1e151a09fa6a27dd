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


"""Every row of the decision table, with a real Heat.

What Heat cannot be made to do at the right moment, a proxy in front of
it does. A stack is brought into a state behind the handler's back; then
the changes that Heat has accepted from the handler are compared with the
table at the end of the reference of the Heat worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import dataclasses
import time
import uuid

from esi_worker.handlers.heat import backend, remote
from esi_worker.model import Action, Done, Job, ResourceRef
from esi_worker.tests.faulty import FaultProxy
from esi_worker.tests.faulty.http import Exchange
from esi_worker.tests.functional import heat_support as support
from esi_worker.tests.unit.handlers.heat import scene

TIMEOUT = 60.0
ACTIONS = (Action.CREATE, Action.MODIFY, Action.LOGICAL_DELETE)


@dataclasses.dataclass(frozen=True, slots=True)
class Meanwhile:
    """Something happens right before the service hears of a request."""

    action: Callable[[], object]

    def befall(self, exchange: Exchange) -> None:
        self.action()
        exchange.answer(exchange.forward())


@dataclasses.dataclass(frozen=True, slots=True)
class Afterwards:
    """Something happens right after the service has answered."""

    action: Callable[[], object]

    def befall(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        self.action()
        exchange.answer(answer)


class TableTestCase(support.HandlerTestCase):
    template = support.NETWORK

    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultProxy(self.heat.server.endpoint)
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)
        # Behind the handler's back, past the proxy.
        self.stacks = remote.HeatBackend(self.context.conf)
        self.addCleanup(self.stacks.close)
        self.use_heat(self.proxy.endpoint)
        self.run_id = uuid.uuid4().hex[:8]

    # --- what the stacks are called, are and shall be -----------------------

    def label(self, action: Action) -> str:
        return f'{action.value.replace("_", "-")}-{self.run_id}'

    def stack_name(self, action: Action) -> str:
        return f'network_{self.label(action)}'

    def older(self, action: Action) -> backend.StackRequest:
        """What somebody else has asked for."""
        return backend.StackRequest(
            self.stack_name(action),
            support.NETWORK,
            {'name': self.label(action), 'uuid': 'u-1'},
            3,
            (backend.OWNER_TAG, 'network', 'esi-digest-older'),
        )

    def network(self, action: Action) -> Job:
        label = self.label(action)
        return scene.job(
            action,
            [
                scene.value('name', label),
                scene.value('uuid', 'u-1'),
                scene.value('shared', True),
            ],
            ResourceRef('network', label),
            version=2,
            tenant_id=self.tenant,
        )

    # --- bringing stacks into a state ---------------------------------------

    def misbehave(self, *markers: str) -> None:
        for action in ACTIONS:
            self.heat.server.faults.set(self.label(action), *markers)

    def behave(self) -> None:
        self.heat.server.faults.clear_all()

    def create(self, action: Action) -> str:
        return self.stacks.create(self.tenant, self.older(action), TIMEOUT)

    def update(self, action: Action, stack_id: str) -> None:
        request = self.older(action)
        parameters = {**request.parameters, 'shared': True}
        request = dataclasses.replace(request, parameters=parameters)
        self.stacks.update(self.tenant, stack_id, request, TIMEOUT)

    def delete(self, action: Action, stack_id: str) -> None:
        self.stacks.delete(
            self.tenant, self.stack_name(action), stack_id, TIMEOUT
        )

    def await_status(self, stack_ids: Sequence[str], status: str) -> None:
        deadline = time.monotonic() + support.PATIENCE
        while True:
            infos = self.stacks.status(self.tenant, stack_ids)
            found = {info.status for info in infos.values()}
            if found == {status}:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f'{found} never became {status}')
            time.sleep(0.1)

    def created(self) -> dict[Action, str]:
        ids = {action: self.create(action) for action in ACTIONS}
        self.await_status(list(ids.values()), 'CREATE_COMPLETE')
        return ids

    def forget(self, action: Action) -> None:
        """Somebody deletes the stack, and it is gone."""
        info = self.stacks.find(self.tenant, self.stack_name(action))
        assert info is not None
        self.delete(action, info.id)
        self.await_status([info.id], 'DELETE_COMPLETE')

    # --- what the handler has done ------------------------------------------

    def accepted(self, action: Action) -> list[str]:
        """The changes of a job that Heat has accepted."""
        name = self.stack_name(action)
        return [
            entry.request.method
            for entry in list(self.proxy.account)
            if entry.request.method != 'GET'
            and name in entry.request.path + entry.request.body
            and entry.statuses
            and entry.statuses[-1] < 400
        ]

    def check(self, create: str, modify: str, delete: str) -> None:
        """Run a job of each kind and compare what it changed.

        :param create: the accepted changes in order, and the state that
            is published; likewise the others
        """
        jobs = {action: self.network(action) for action in ACTIONS}
        outcomes = self.run_jobs(list(jobs.values()))
        found = []
        for action, job in jobs.items():
            outcome = outcomes[job.id]
            assert isinstance(outcome, Done), outcome
            state = outcome.results['orchestration_state']
            found.append(' '.join([*self.accepted(action), str(state)]))
        self.assertEqual([create, modify, delete], found)


class FoundTest(TableTestCase):
    """What is there when the job begins."""

    def test_none(self) -> None:
        self.check(
            'POST CREATE_COMPLETE', 'POST CREATE_COMPLETE', 'DELETE_COMPLETE'
        )

    def test_complete(self) -> None:
        self.created()
        self.check(
            'PUT UPDATE_COMPLETE',
            'PUT UPDATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_complete_with_the_digest_of_the_job(self) -> None:
        jobs = [self.network(a) for a in (Action.CREATE, Action.MODIFY)]
        self.create(Action.MODIFY)
        first = self.run_jobs(jobs)
        before = len(self.proxy.account)
        self.restart()
        self.assertEqual(first, self.run_jobs(jobs))
        for entry in self.proxy.account[before:]:
            if entry.request.method != 'GET':
                self.assertEqual([409], entry.statuses)

    def test_create_in_progress(self) -> None:
        self.misbehave('hold')
        for action in ACTIONS:
            self.create(action)
        self.proxy.inject(Afterwards(self.behave), 'GET')
        self.check(
            'PUT UPDATE_COMPLETE',
            'PUT UPDATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_update_in_progress(self) -> None:
        ids = self.created()
        self.misbehave('hold')
        for action, stack_id in ids.items():
            self.update(action, stack_id)
        self.await_status(list(ids.values()), 'UPDATE_IN_PROGRESS')
        self.proxy.inject(Afterwards(self.behave), 'GET')
        self.check(
            'PUT UPDATE_COMPLETE',
            'PUT UPDATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_delete_in_progress(self) -> None:
        ids = self.created()
        self.misbehave('wait-delete-2s')
        for action, stack_id in ids.items():
            self.delete(action, stack_id)
        self.behave()
        self.check(
            'POST CREATE_COMPLETE', 'POST CREATE_COMPLETE', 'DELETE_COMPLETE'
        )

    def test_create_failed(self) -> None:
        self.misbehave('fail-create')
        ids = [self.create(action) for action in ACTIONS]
        self.await_status(ids, 'CREATE_FAILED')
        self.behave()
        self.check(
            'DELETE POST CREATE_COMPLETE',
            'DELETE POST CREATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_update_failed(self) -> None:
        ids = self.created()
        self.misbehave('fail-update')
        for action, stack_id in ids.items():
            self.update(action, stack_id)
        self.await_status(list(ids.values()), 'UPDATE_FAILED')
        self.behave()
        self.check(
            'PUT UPDATE_COMPLETE',
            'PUT UPDATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_delete_failed(self) -> None:
        ids = self.created()
        self.misbehave('fail-delete')
        for action, stack_id in ids.items():
            self.delete(action, stack_id)
        self.await_status(list(ids.values()), 'DELETE_FAILED')
        self.behave()
        self.check(
            'DELETE POST CREATE_COMPLETE',
            'DELETE POST CREATE_COMPLETE',
            'DELETE DELETE_COMPLETE',
        )

    def test_deletion_that_goes_on_failing_ends(self) -> None:
        self.create(Action.LOGICAL_DELETE)
        self.misbehave('fail-delete')
        outcome = self.failed(self.network(Action.LOGICAL_DELETE))
        self.check_state('DELETE_ERROR', outcome)
        self.assertEqual(['DELETE'] * 3, self.accepted(Action.LOGICAL_DELETE))
        self.assertIn('fail-delete', outcome.error)


class AnswerTest(TableTestCase):
    """What Heat answers to the change itself."""

    def test_creation_finds_a_name_that_is_taken_meanwhile(self) -> None:
        taken = Meanwhile(lambda: self.create(Action.MODIFY))
        self.proxy.inject(taken, 'POST')
        outcome = self.done(self.network(Action.MODIFY))
        self.check_state('UPDATE_COMPLETE', outcome)
        self.assertEqual(['PUT'], self.accepted(Action.MODIFY))

    def test_update_finds_no_stack(self) -> None:
        self.created()
        gone = Meanwhile(lambda: self.forget(Action.MODIFY))
        self.proxy.inject(gone, 'PUT')
        outcome = self.done(self.network(Action.MODIFY))
        self.check_state('CREATE_COMPLETE', outcome)
        self.assertEqual(['POST'], self.accepted(Action.MODIFY))

    def test_deletion_finds_no_stack(self) -> None:
        self.created()
        gone = Meanwhile(lambda: self.forget(Action.LOGICAL_DELETE))
        self.proxy.inject(gone, 'DELETE')
        outcome = self.done(self.network(Action.LOGICAL_DELETE))
        self.check_state('DELETE_COMPLETE', outcome)
        self.assertEqual([], self.accepted(Action.LOGICAL_DELETE))
