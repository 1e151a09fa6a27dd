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

"""Stacks that somebody else changes or deletes in a real Heat."""

from __future__ import annotations

from collections.abc import Mapping
import datetime
import uuid

from esi_worker.tests.functional import service_support as support
from esi_worker.tests.functional import test_operations as operations

FOREIGN = """\
heat_template_version: 2013-05-23
parameters:
  admin_state_up: {type: boolean}
resources:
  other: {type: OS::Heat::RandomString}
"""
OUR_TAGS = 'esi-worker,network'


class DriftTestCase(operations.OperationsTestCase):
    """A service of its own that searches all the time."""

    action = ''

    @classmethod
    def options(cls) -> Mapping[str, object]:
        return {
            **super().options(),
            'drift_check_interval': 1,
            'drift_action': cls.action,
        }

    def setUp(self) -> None:
        super().setUp()
        self.write()
        self.await_state(1)
        self.ours = self.stack()
        support.wait_for(self.is_over, 'the second of our own change')

    def is_over(self) -> bool:
        """Heat tells the times of changes to the second."""
        made = datetime.datetime.fromisoformat(self.ours.creation_time)
        past = datetime.datetime.now(datetime.UTC) - made
        return past >= datetime.timedelta(seconds=1)

    def identity(self) -> str:
        return f'{self.ours.stack_name}/{self.ours.id}'

    def replace_by_hand(self, **tags: str) -> None:
        """Another template, with tags or none."""
        self.stacks.update(
            self.identity(),
            template=FOREIGN,
            parameters={'admin_state_up': False},
            **tags,
        )

    def delete_by_hand(self) -> None:
        self.stacks.delete(self.identity())

    def await_drift(self, kind: str) -> int:
        """:returns: the revision at which it was shown"""
        shown = self.history.put(f'/esi-worker/drift/{self.path}')
        self.assertEqual(kind, shown.json['kind'])
        self.assertEqual(1, shown.json['version'])
        return shown.revision


class ReapplyTest(DriftTestCase):
    action = 'reapply'

    def check_put_right(self) -> None:
        """It is applied again, until a later round finds it sound."""
        shown = self.await_drift('changed')
        self.history.deleted(f'/esi-worker/drift/{self.path}', after=shown)
        stack = self.stack()
        self.assertEqual(
            (self.ours.id, 'UPDATE_COMPLETE'), (stack.id, stack.stack_status)
        )
        self.assertIs(True, self.parameter('admin_state_up'))
        self.assertEqual(set(self.ours.tags), set(stack.tags))
        resources = self.stacks.template(self.identity())['resources']
        self.assertNotIn('other', resources)
        self.assertEqual(1, self.await_state(1)['version'])

    def test_foreign_template_is_replaced_by_ours(self) -> None:
        digest = f'esi-digest-{"0" * 64}'
        self.replace_by_hand(tags=f'{OUR_TAGS},{digest}')
        self.check_put_right()

    def test_foreign_template_without_tags_is_replaced_by_ours(self) -> None:
        self.replace_by_hand()
        self.check_put_right()

    def test_changed_parameter_is_put_right_in_spite_of_our_tags(self) -> None:
        self.change_by_hand()
        self.assertEqual(set(self.ours.tags), set(self.stack().tags))
        self.check_put_right()

    def test_stack_that_somebody_deleted_comes_back_by_itself(self) -> None:
        self.delete_by_hand()
        shown = self.await_drift('deleted')
        self.history.deleted(f'/esi-worker/drift/{self.path}', after=shown)
        self.assertEqual('CREATE_COMPLETE', self.stack().stack_status)
        self.assertNotEqual(self.ours.id, self.stack().id)


class ReportTest(DriftTestCase):
    action = 'report'

    def await_another_round(self) -> None:
        """One that has found what happened after this call."""
        other = str(uuid.uuid4())
        body = support.network(other, self.heat.tenant)
        self.etcd.put(f'/config/v2.0/networks/{other}', support.config(body))
        self.history.state(f'networks/{other}', 1)
        stack = self.stacks.get(f'network_{other}')
        self.stacks.delete(f'{stack.stack_name}/{stack.id}')
        self.history.put(f'/esi-worker/drift/v2.0/networks/{other}')

    def check_left_alone(self) -> None:
        shown = self.await_drift('changed')
        stack = self.stack()
        self.await_another_round()
        self.assertEqual(stack.to_dict(), self.stack().to_dict())
        self.assertEqual(self.ours.id, stack.id)
        self.assertIs(False, self.parameter('admin_state_up'))
        since = [
            str(event)
            for event in self.history.events
            if event.revision > shown and self.net in event.key
        ]
        self.assertEqual([], since)

    def test_foreign_template_is_shown_and_left_alone(self) -> None:
        digest = f'esi-digest-{"0" * 64}'
        self.replace_by_hand(tags=f'{OUR_TAGS},{digest}')
        self.check_left_alone()

    def test_changed_parameter_is_shown_until_we_are_told(self) -> None:
        self.change_by_hand()
        self.check_left_alone()
        self.manage(
            *('resource', 'reconcile', 'network', self.net),
            *('--yes', '--force'),
        )
        self.history.deleted(f'/esi-worker/drift/{self.path}')
        self.assertIs(True, self.parameter('admin_state_up'))
