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

"""What every stack backend owes the Heat handler: what it tells.

Mixins with tests and no backend, as those of ``stack_contract``.
"""

from __future__ import annotations

import dataclasses
import time
import uuid

from esi_worker.handlers.heat import backend, errors
from esi_worker.tests.contract.stack_case import (
    PATIENCE,
    TEMPLATE,
    TIMEOUT,
    StackContract,
    slow,
)


class Listings(StackContract):
    def test_no_ids_mean_no_stacks(self) -> None:
        self.create(self.request())
        self.assertEqual({}, self.stacks.status(self.tenant, []))

    def test_many_stacks_are_seen_at_once(self) -> None:
        ids = {self.create(self.request(f'thing_{i}')) for i in range(3)}
        wanted = [*ids, str(uuid.uuid4())]
        found = self.stacks.status(self.tenant, wanted)
        self.assertEqual(ids, set(found))

    def test_many_ids_need_several_requests(self) -> None:
        stack_id = self.create(self.request())
        wanted = [str(uuid.uuid4()) for _ in range(120)]
        found = self.stacks.status(self.tenant, [*wanted, stack_id])
        self.assertEqual({stack_id}, set(found))

    def test_stacks_with_a_tag_are_listed(self) -> None:
        kept = self.create(self.request('thing_1'))
        gone = self.create(self.request('thing_2'))
        other = dataclasses.replace(self.request('thing_3'), tags=('mine',))
        self.create(other)
        self.settled(gone)
        self.stacks.delete(self.tenant, 'thing_2', gone, TIMEOUT)
        self.wait_for(gone, lambda info: info.deleted)
        listed = self.stacks.tagged(self.tenant, 'esi-worker')
        self.assertEqual([kept], [info.id for info in listed])
        self.assertEqual(set(self.request().tags), set(listed[0].tags))

    def test_tag_that_no_stack_carries(self) -> None:
        self.assertEqual([], self.stacks.tagged(self.tenant, 'esi-worker'))


class Contents(StackContract):
    def content(self, stack_id: str) -> backend.StackContent:
        return self.stacks.content(self.tenant, 'thing_1', stack_id)

    def test_content_is_what_was_sent(self) -> None:
        stack_id = self.create(self.request(value='mine', fail=False))
        content = self.content(stack_id)
        self.assertEqual({'value': 'mine', 'fail': False}, content.parameters)
        self.assertEqual(
            {'get_param': 'value'},
            content.template['resources']['thing']['properties']['value'],
        )
        self.assertEqual({'second', 'first'}, set(content.template['outputs']))

    def test_hidden_parameter_is_not_shown(self) -> None:
        template = TEMPLATE.replace('default: usual', 'hidden: true')
        stack_id = self.create(self.request(template=template, value='mine'))
        content = self.content(stack_id)
        self.assertEqual({'value': backend.HIDDEN}, content.parameters)

    def test_content_of_no_stack_is_not_found(self) -> None:
        self.assertRaises(
            errors.StackNotFound, self.content, str(uuid.uuid4())
        )


class Resources(StackContract):
    def resources(self, stack_id: str) -> list[backend.ResourceInfo]:
        return self.stacks.resources(self.tenant, 'thing_1', stack_id)

    def test_resources_of_a_finished_stack(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        (thing,) = self.resources(stack_id)
        self.assertEqual(
            ('thing', 'OS::Heat::TestResource', 'CREATE_COMPLETE'),
            (thing.name, thing.type, thing.status),
        )

    def test_failing_resource_tells_its_reason(self) -> None:
        stack_id = self.create(self.request(fail=True))
        self.settled(stack_id)
        (thing,) = self.resources(stack_id)
        self.assertTrue(thing.failed)
        self.assertNotEqual('', thing.reason)

    def test_resource_that_is_being_made(self) -> None:
        template = slow(TEMPLATE, 5)
        stack_id = self.create(self.request(template=template))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            # At first there may be none.
            found = self.resources(stack_id)
            if any(thing.running for thing in found):
                return
            self.pass_time(0.1)
        raise AssertionError(f'{found} never was in progress')

    def test_resources_of_no_stack_are_not_found(self) -> None:
        self.assertRaises(
            errors.StackNotFound, self.resources, str(uuid.uuid4())
        )


class Previews(StackContract):
    def preview(
        self, stack_id: str, request: backend.StackRequest
    ) -> backend.StackChanges:
        return self.stacks.preview(self.tenant, stack_id, request)

    def test_update_that_changes_nothing(self) -> None:
        stack_id = self.create(self.request(value='old'))
        self.settled(stack_id)
        changes = self.preview(stack_id, self.request(value='old'))
        self.assertFalse(changes)
        self.assertEqual(('thing',), changes.unchanged)

    def test_changed_added_and_deleted_resources_are_named(self) -> None:
        stack_id = self.create(self.request(value='old'))
        before = self.settled(stack_id)
        changed = self.preview(stack_id, self.request(value='new'))
        self.assertEqual(('thing',), changed.updated + changed.replaced)
        other = TEMPLATE.replace('  thing:', '  gadget:')
        swapped = self.preview(stack_id, self.request(template=other))
        self.assertEqual(('gadget',), swapped.added)
        self.assertEqual(('thing',), swapped.deleted)
        self.assertEqual(before, self.info(stack_id))
        self.assertEqual('old', self.output(stack_id, 'first'))

    def test_preview_of_a_broken_template_is_refused(self) -> None:
        stack_id = self.create(self.request())
        self.settled(stack_id)
        self.assertRaises(
            errors.HeatRefused,
            self.preview,
            stack_id,
            self.request(template='no: hot'),
        )

    def test_preview_of_no_stack_is_not_found(self) -> None:
        self.assertRaises(
            errors.StackNotFound,
            self.preview,
            str(uuid.uuid4()),
            self.request(),
        )
