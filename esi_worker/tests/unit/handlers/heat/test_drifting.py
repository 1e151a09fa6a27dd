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

"""Which stacks have drifted, and what is done about it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import testtools

from esi_worker.handlers import Upkeep
from esi_worker.handlers.heat import findings
from esi_worker.model import (
    Action,
    Answer,
    Config,
    Done,
    Job,
    Request,
    RequestOutcome,
)
from esi_worker.model.resources import AcceptedConfig
from esi_worker.store import Delete, Put
from esi_worker.tests.unit.handlers.heat import scene

PATH = 'v2.0/networks/n1'


class DriftTest(testtools.TestCase):
    action = 'report'

    def setUp(self) -> None:
        super().setUp()
        self.scene = scene.Scene(seconds=0)
        self.scene.conf.set_override('drift_check_interval', 60, 'heat')
        self.scene.conf.set_override('drift_action', self.action, 'heat')
        self.stacks = self.scene.stacks
        self.apply(scene.job())

    def apply(self, job: Job) -> None:
        """Run a job and publish what a manager and a worker publish."""
        outcome = self.scene.run(job)
        assert isinstance(outcome, Done) and outcome.stack is not None
        config = Config(job.resource_input, job.version)
        put, keys = self.scene.store.put, self.scene.keys
        assert outcome.stack.mark is not None
        self.scene.store.txn(
            (),
            (
                Put(keys.heat_stack(PATH), outcome.stack.encode()),
                Put(keys.stack_mark(PATH), outcome.stack.mark.encode()),
            ),
        )
        put(keys.config(PATH), config.encode())
        put(keys.accepted(PATH), AcceptedConfig.of(config).encode())

    def check(self) -> list[Upkeep]:
        """One round; what is shown is written."""
        found = list(self.check_handler())
        for upkeep in found:
            for transition in upkeep.transitions:
                self.scene.store.txn((), transition.operations)
        return found

    def check_handler(self) -> Any:
        (task,) = self.scene.handler.periodic_tasks()
        return task.run()

    def shown(self) -> dict[str, Any]:
        kv = self.scene.store.get(self.scene.keys.drift(PATH))
        return {} if kv is None else dict(json.loads(kv.value))

    def requests(self, found: list[Upkeep]) -> list[Request]:
        return [request for upkeep in found for request in upkeep.requests]

    def delete(self) -> None:
        info = self.stacks.find(scene.TENANT, scene.NAME)
        assert info is not None
        self.stacks.delete(scene.TENANT, scene.NAME, info.id, 1.0)

    def change(self, tags: tuple[str, ...] | None = None) -> None:
        """What somebody else does to the stack."""
        info = self.stacks.find(scene.TENANT, scene.NAME)
        request = self.stacks.request_of(scene.TENANT, scene.NAME)
        assert info is not None and request is not None
        if tags is not None:
            request = dataclasses.replace(request, tags=tags)
        self.stacks.update(scene.TENANT, info.id, request, 1.0)


class FindingTest(DriftTest):
    def test_sound_stack_is_not_shown(self) -> None:
        self.check()
        self.assertEqual({}, self.shown())

    def test_deleted_stack_is_shown(self) -> None:
        self.delete()
        self.check()
        self.assertEqual('deleted', self.shown()['kind'])

    def test_stack_made_anew_is_shown(self) -> None:
        request = self.stacks.request_of(scene.TENANT, scene.NAME)
        assert request is not None
        self.delete()
        self.stacks.create(scene.TENANT, request, 1.0)
        self.check()
        self.assertEqual('replaced', self.shown()['kind'])

    def test_changed_stack_is_shown_even_with_its_tags(self) -> None:
        self.change()
        self.check()
        self.assertEqual('changed', self.shown()['kind'])

    def test_stack_without_its_tags_is_changed_and_not_deleted(self) -> None:
        self.change(tags=())
        self.check()
        self.assertEqual('changed', self.shown()['kind'])

    def test_stack_that_somebody_brought_to_fail_is_shown(self) -> None:
        self.stacks.end(scene.TENANT, scene.NAME, 'CHECK_FAILED', 'no')
        self.check()
        self.assertEqual('failed', self.shown()['kind'])

    def test_stack_that_is_being_worked_on_is_left_alone(self) -> None:
        self.stacks.hang = True
        self.change()
        self.check()
        self.assertEqual({}, self.shown())

    def test_resource_with_unfinished_jobs_is_left_alone(self) -> None:
        self.delete()
        job = scene.job(version=2)
        self.scene.store.put(self.scene.keys.job(job.id), job.encode())
        self.check()
        self.assertEqual({}, self.shown())

    def test_resource_with_a_newer_version_is_left_alone(self) -> None:
        self.delete()
        config = Config({}, 2)
        self.scene.store.put(self.scene.keys.config(PATH), config.encode())
        self.check()
        self.assertEqual({}, self.shown())

    def test_resource_that_is_going_is_left_alone(self) -> None:
        self.delete()
        self.scene.store.delete(self.scene.keys.config(PATH))
        self.check()
        self.assertEqual({}, self.shown())

    def test_what_our_jobs_do_is_no_drift(self) -> None:
        self.apply(scene.job(Action.MODIFY, version=2))
        self.check()
        self.assertEqual({}, self.shown())

    def test_what_is_put_right_is_not_shown_any_more(self) -> None:
        self.delete()
        self.check()
        self.apply(scene.job(Action.MODIFY, version=2))
        self.check()
        self.assertEqual({}, self.shown())

    def test_what_is_forgotten_is_not_shown_any_more(self) -> None:
        self.delete()
        self.check()
        self.scene.store.delete(self.scene.keys.heat_stack(PATH))
        self.check()
        self.assertEqual({}, self.shown())

    def test_what_is_shown_is_written_once(self) -> None:
        self.delete()
        self.check()
        later = self.check()
        written = [each for up in later for each in up.transitions]
        self.assertEqual([], written)

    def test_tenant_that_cannot_be_listed_costs_nothing(self) -> None:
        self.delete()
        self.stacks.outage = 'Heat is away'
        self.check()
        self.assertEqual({}, self.shown())

    def test_report_asks_for_nothing(self) -> None:
        self.delete()
        self.assertEqual([], self.requests(self.check()))

    def test_turned_off_there_is_no_task(self) -> None:
        self.scene.conf.set_override('drift_check_interval', 0, 'heat')
        self.assertEqual((), tuple(self.scene.handler.periodic_tasks()))

    def test_upkeep_writes_nothing_but_what_is_shown(self) -> None:
        self.delete()
        keys = {
            operation.key
            for upkeep in self.check()
            for transition in upkeep.transitions
            for operation in transition.operations
            if isinstance(operation, Put | Delete)
        }
        self.assertEqual({self.scene.keys.drift(PATH)}, keys)


class ReapplyTest(DriftTest):
    action = 'reapply'

    def test_deleted_stack_is_asked_for_in_its_turn(self) -> None:
        self.delete()
        (request,) = self.requests(self.check())
        self.assertEqual(
            ('reapply', scene.NETWORK, 1, True, {}),
            (
                request.action,
                request.resource,
                request.version,
                request.paced,
                request.options,
            ),
        )

    def test_changed_stack_is_forced(self) -> None:
        self.change()
        (request,) = self.requests(self.check())
        self.assertEqual({'force': True}, request.options)

    def test_it_is_asked_again_until_it_is_put_right(self) -> None:
        self.delete()
        self.check()
        self.assertEqual(1, len(self.requests(self.check())))
        self.apply(scene.job(Action.MODIFY))
        self.assertEqual([], self.requests(self.check()))

    def test_what_waits_for_its_turn_is_not_asked_for_again(self) -> None:
        self.delete()
        (request,) = self.requests(self.check())
        key = self.scene.keys.request('r')
        self.scene.store.put(key, request.encode())

        self.assertEqual([], self.requests(self.check()))

        answer = Answer(RequestOutcome.REFUSED, 'it is paused', (), '')
        answered = dataclasses.replace(request, answer=answer)
        self.scene.store.put(key, answered.encode())
        self.assertEqual(1, len(self.requests(self.check())))

    def test_what_an_operator_asks_for_is_another_matter(self) -> None:
        self.delete()
        request = Request('reapply', scene.NETWORK, requested_by='somebody')
        self.scene.store.put(self.scene.keys.request('r'), request.encode())

        self.assertEqual(1, len(self.requests(self.check())))


class RecordsTest(DriftTest):
    def test_older_records_tell_only_what_they_can(self) -> None:
        self.scene.store.delete(self.scene.keys.stack_mark(PATH))
        self.change()
        self.check()
        self.assertEqual({}, self.shown())
        self.delete()
        self.check()
        self.assertEqual(findings.Kind.DELETED, self.shown()['kind'])
