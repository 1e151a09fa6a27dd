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

"""What every stack backend owes the Heat handler.

A mixin with tests and no backend; ``test_memory_stacks`` and
``test_heat_stacks`` run it. Every test has a tenant of its own.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import time
from typing import Any
import uuid

import testtools

from esi_worker.handlers.heat import backend, errors

#: Seconds that a change may take; nothing here takes as long.
TIMEOUT = 30.0
#: Far longer than anything takes; only a failing test waits for it.
PATIENCE = 60.0

TEMPLATE = """\
heat_template_version: 2013-05-23
parameters:
  value: {type: string, default: usual}
  fail: {type: boolean, default: false}
resources:
  thing:
    type: OS::Heat::TestResource
    properties:
      value: {get_param: value}
      fail: {get_param: fail}
outputs:
  second: {value: fixed, description: A fixed text}
  first: {value: {get_param: value}}
"""


def slow(template: str, seconds: float) -> str:
    """The template with a creation and an update that take their time."""
    waits = f'{{create: {seconds}, update: {seconds}}}'
    return template.replace(
        '    properties:\n',
        f'    properties:\n      action_wait_secs: {waits}\n',
    )


class StackContract(testtools.TestCase):
    """What the tests need; subclasses give the backend."""

    stacks: backend.StackBackend

    def setUp(self) -> None:
        super().setUp()
        self.tenant = f'tenant-{uuid.uuid4().hex}'
        self.stacks = self.make_backend()
        self.addCleanup(self.stacks.close)

    def make_backend(self) -> backend.StackBackend:
        raise NotImplementedError

    def pass_time(self, seconds: float) -> None:
        """Let the backend work before the next look."""
        time.sleep(min(seconds, 0.2))

    def now(self) -> float:
        """Seconds; only differences mean anything."""
        return time.monotonic()

    def request(
        self, name: str = 'thing_1', template: str = TEMPLATE, **params: Any
    ) -> backend.StackRequest:
        return backend.StackRequest(
            name=name,
            template=template,
            parameters=params,
            timeout_mins=3,
            tags=('esi-worker', backend.digest_tag(template, params)),
        )

    def create(self, request: backend.StackRequest) -> str:
        return self.stacks.create(self.tenant, request, TIMEOUT)

    def info(self, stack_id: str) -> backend.StackInfo:
        return self.stacks.status(self.tenant, [stack_id])[stack_id]

    def wait_for(
        self, stack_id: str, done: Callable[[backend.StackInfo], bool]
    ) -> backend.StackInfo:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            info = self.info(stack_id)
            if done(info):
                return info
            self.pass_time(0.2)
        raise AssertionError(f'stack {stack_id} still is {info}')

    def output(self, stack_id: str, key: str) -> Any:
        details = self.stacks.outputs(self.tenant, 'thing_1', stack_id)
        values = {
            item['output_key']: item['output_value']
            for item in details.outputs
        }
        return values[key]

    def settled(self, stack_id: str) -> backend.StackInfo:
        return self.wait_for(stack_id, lambda info: not info.running)


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
        request = self.request(template=slow(TEMPLATE, 2))
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
        request = self.request(template=slow(TEMPLATE, 2), value='new')
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
