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

"""What every stack backend owes the Heat handler: changes.

Mixins with tests and no backend; ``test_memory_stacks`` and
``test_heat_stacks`` run them, and those of ``stack_reading``.
"""

from __future__ import annotations

import dataclasses
import time
import uuid

from esi_worker.handlers.heat import backend, errors, looking
from esi_worker.tests.contract.stack_case import (
    PATIENCE,
    TEMPLATE,
    TIMEOUT,
    StackContract,
    slow,
)

#: Seconds within which surely somebody has looked; nobody waits for the end.
LONG = 20


class Creations(StackContract):
    def test_unknown_name_is_not_found(self) -> None:
        self.assertIsNone(self.stacks.find(self.tenant, 'thing_1'))

    def test_created_stack_is_found_by_name_with_its_tags(self) -> None:
        request = self.request()
        stack_id = self.create(request)
        self.settled(stack_id)
        found = self.stacks.find(self.tenant, 'thing_1')
        assert found is not None
        self.assertEqual(
            (stack_id, 'thing_1', 'CREATE_COMPLETE'),
            (found.id, found.name, found.status),
        )
        self.assertEqual('Stack CREATE completed successfully', found.reason)
        self.assertEqual(set(request.tags), set(found.tags))

    def test_stack_is_in_progress_as_soon_as_it_is_accepted(self) -> None:
        request = self.request(template=slow(TEMPLATE, LONG))
        stack_id = self.create(request)
        info = self.info(stack_id)
        self.assertEqual('CREATE_IN_PROGRESS', info.status)
        self.assertEqual(set(request.tags), set(info.tags))

    def test_same_name_is_taken(self) -> None:
        self.create(self.request())
        self.assertRaises(errors.StackExists, self.create, self.request())

    def test_name_of_a_failed_stack_is_taken(self) -> None:
        stack_id = self.create(self.request(fail=True))
        self.settled(stack_id)
        self.assertRaises(errors.StackExists, self.create, self.request())

    def test_failed_creation_tells_its_reason(self) -> None:
        stack_id = self.create(self.request(fail=True))
        info = self.settled(stack_id)
        self.assertEqual('CREATE_FAILED', info.status)
        self.assertIn('Resource CREATE failed', info.reason)

    def test_stack_is_not_seen_by_another_tenant(self) -> None:
        self.create(self.request())
        self.assertIsNone(self.stacks.find(f'{self.tenant}-b', 'thing_1'))


class Outputs(StackContract):
    def test_outputs_are_whole_and_come_in_any_order(self) -> None:
        stack_id = self.create(self.request(value='mine'))
        info = self.settled(stack_id)
        details = self.stacks.outputs(self.tenant, 'thing_1', stack_id)
        self.assertEqual(info, details.info)
        self.assertEqual(
            [
                {
                    'output_key': 'first',
                    'output_value': 'mine',
                    'description': 'No description given',
                },
                {
                    'output_key': 'second',
                    'output_value': 'fixed',
                    'description': 'A fixed text',
                },
            ],
            sorted(details.outputs, key=lambda item: item['output_key']),
        )

    def test_null_parameter_means_the_default(self) -> None:
        stack_id = self.create(self.request(value=None))
        self.settled(stack_id)
        self.assertEqual('usual', self.output(stack_id, 'first'))

    def test_outputs_of_no_stack_are_not_found(self) -> None:
        self.assertRaises(
            errors.StackNotFound,
            self.stacks.outputs,
            self.tenant,
            'thing_1',
            str(uuid.uuid4()),
        )


class Updates(StackContract):
    def update(self, stack_id: str, request: backend.StackRequest) -> None:
        self.stacks.update(self.tenant, stack_id, request, TIMEOUT)

    def test_update_replaces_parameters_and_tags(self) -> None:
        stack_id = self.create(self.request(value='old'))
        self.settled(stack_id)
        request = self.request(value='new')
        self.update(stack_id, request)
        info = self.settled(stack_id)
        self.assertEqual('UPDATE_COMPLETE', info.status, info.reason)
        self.assertEqual(set(request.tags), set(info.tags))
        self.assertEqual('new', self.output(stack_id, 'first'))

    def test_update_may_observe_what_is_really_there(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        request = dataclasses.replace(self.request(), observe=True)
        self.update(stack_id, request)
        self.assertEqual('UPDATE_COMPLETE', self.settled(stack_id).status)

    def test_time_of_the_last_change_is_told(self) -> None:
        began = self.now()
        stack_id = self.create(self.request())
        created = self.settled(stack_id)
        self.assertEqual(created, self.settled(stack_id))
        for _ in range(6):
            # Heat counts whole seconds.
            self.pass_time(0.2)
        self.check_age(self.info(stack_id), 1.0, self.now() - began)
        began = self.now()
        self.update(stack_id, self.request())
        updated = self.settled(stack_id)
        self.check_age(updated, 0.0, self.now() - began)
        self.assertNotEqual('', created.changed_at)
        self.assertNotEqual(created.changed_at, updated.changed_at)

    def check_age(
        self, info: backend.StackInfo, least: float, most: float
    ) -> None:
        assert info.age is not None
        self.assertGreaterEqual(info.age, least)
        # Heat counts whole seconds.
        self.assertLessEqual(info.age, most + 1.0)

    def test_update_shows_as_soon_as_it_is_accepted(self) -> None:
        stack_id = self.create(self.request(value='old'))
        self.settled(stack_id)
        request = self.request(template=slow(TEMPLATE, LONG), value='new')
        self.update(stack_id, request)
        info = self.info(stack_id)
        self.assertEqual('UPDATE_IN_PROGRESS', info.status)
        self.assertEqual(set(request.tags), set(info.tags))

    def test_update_heals_a_failed_creation(self) -> None:
        stack_id = self.create(self.request(fail=True))
        self.settled(stack_id)
        self.update(stack_id, self.request(fail=False))
        self.assertEqual('UPDATE_COMPLETE', self.settled(stack_id).status)

    def test_update_supersedes_what_is_in_progress(self) -> None:
        stack_id = self.create(self.request(template=slow(TEMPLATE, 2)))
        request = self.request(value='new')
        self.update(stack_id, request)
        info = self.settled(stack_id)
        for _ in range(looking.MAX_MENDED):
            if not info.heat_erred:
                break
            # Heat has purged what was superseded while it was still in use;
            # the handler asks again, as we do.
            self.update(stack_id, request)
            info = self.settled(stack_id)
        self.assertEqual('UPDATE_COMPLETE', info.status, info.reason)
        self.assertEqual(set(request.tags), set(info.tags))

    def test_update_of_a_deleted_stack_is_not_found(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        self.stacks.delete(self.tenant, 'thing_1', stack_id, TIMEOUT)
        self.wait_for(stack_id, lambda info: info.deleted)
        self.assertRaises(
            (errors.StackNotFound, errors.HeatRefused),
            self.update,
            stack_id,
            self.request(),
        )

    def test_update_of_no_stack_is_not_found(self) -> None:
        self.assertRaises(
            errors.StackNotFound,
            self.update,
            str(uuid.uuid4()),
            self.request(),
        )


class Deletions(StackContract):
    def delete(self, stack_id: str) -> None:
        self.stacks.delete(self.tenant, 'thing_1', stack_id, TIMEOUT)

    def deleted(self, stack_id: str) -> backend.StackInfo:
        return self.wait_for(stack_id, lambda info: info.deleted)

    def test_deleted_stack_shows_by_id_and_not_by_name(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        self.delete(stack_id)
        self.assertEqual('DELETE_COMPLETE', self.deleted(stack_id).status)
        self.assertIsNone(self.stacks.find(self.tenant, 'thing_1'))

    def test_deletion_may_be_asked_for_again(self) -> None:
        stack_id = self.create(self.request())
        self.delete(stack_id)
        self.delete_if_there(stack_id)
        self.deleted(stack_id)

    def test_deletion_of_a_deleted_stack_is_not_found(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        self.delete(stack_id)
        self.deleted(stack_id)
        self.assertRaises(errors.StackNotFound, self.delete, stack_id)

    def test_name_is_free_soon_after_a_deletion(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        self.delete(stack_id)
        self.deleted(stack_id)
        self.settled(self.create_when_free())
        found = self.stacks.find(self.tenant, 'thing_1')
        assert found is not None
        self.assertNotEqual(stack_id, found.id)

    def delete_if_there(self, stack_id: str) -> None:
        try:
            self.delete(stack_id)
        except errors.StackNotFound:
            self.assertTrue(self.info(stack_id).deleted)

    def create_when_free(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return self.create(self.request())
            except errors.StackExists:
                self.pass_time(0.1)
        raise AssertionError('the name is still taken')


class Refusals(StackContract):
    def test_broken_template_is_refused(self) -> None:
        error = self.assertRaises(
            errors.HeatRefused, self.create, self.request(template='no: hot')
        )
        self.assertIn('HTTP 400', str(error))
