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

"""The decision table says what the reference says."""

from __future__ import annotations

import testtools

from esi_worker.handlers.heat import backend, decisions
from esi_worker.handlers.heat.decisions import Seen, Step

DIGEST = 'esi-digest-1'


def seen(status: str, *tags: str) -> Seen:
    info = backend.StackInfo('1', 'network_n1', status, '', tags)
    return decisions.see(info, DIGEST)


class SeeTest(testtools.TestCase):
    def test_missing_and_deleted_stacks_are_absent(self) -> None:
        self.assertEqual(Seen.ABSENT, decisions.see(None, DIGEST))
        self.assertEqual(Seen.ABSENT, seen('DELETE_COMPLETE', DIGEST))

    def test_own_digest_marks_a_finished_stack_as_ours(self) -> None:
        self.assertEqual(Seen.CREATED, seen('CREATE_COMPLETE', 'a', DIGEST))
        self.assertEqual(Seen.UPDATED, seen('UPDATE_COMPLETE', DIGEST))
        self.assertEqual(Seen.COMPLETE, seen('UPDATE_COMPLETE', 'a'))

    def test_other_actions_do_not_count_as_ours(self) -> None:
        for action in ('RESUME', 'CHECK', 'ROLLBACK', 'SNAPSHOT'):
            status = f'{action}_COMPLETE'
            self.assertEqual(Seen.COMPLETE, seen(status, DIGEST))

    def test_progress_and_failures_are_told_apart(self) -> None:
        for status, expected in (
            ('CREATE_IN_PROGRESS', Seen.IN_PROGRESS),
            ('UPDATE_IN_PROGRESS', Seen.IN_PROGRESS),
            ('DELETE_IN_PROGRESS', Seen.DELETING),
            ('CREATE_FAILED', Seen.CREATE_FAILED),
            ('UPDATE_FAILED', Seen.FAILED),
            ('ROLLBACK_FAILED', Seen.FAILED),
            ('DELETE_FAILED', Seen.DELETE_FAILED),
        ):
            self.assertEqual(expected, seen(status, DIGEST))


class DecideTest(testtools.TestCase):
    def test_every_case_is_decided(self) -> None:
        for verb in ('CREATE', 'MODIFY', 'DELETE'):
            self.assertEqual(set(Seen), set(decisions.DECISIONS[verb]))

    def test_create_and_modify_differ_in_one_case_only(self) -> None:
        create, modify = (
            decisions.DECISIONS[verb] for verb in ('CREATE', 'MODIFY')
        )
        different = {case for case in Seen if create[case] != modify[case]}
        self.assertEqual({Seen.CREATED}, different)
        self.assertEqual(Step.UPDATE, modify[Seen.CREATED])

    def test_create_follows_the_reference(self) -> None:
        for case, step in (
            (Seen.ABSENT, Step.CREATE),
            (Seen.COMPLETE, Step.UPDATE),
            (Seen.IN_PROGRESS, Step.AWAIT_END),
            (Seen.DELETING, Step.AWAIT_DELETION),
            (Seen.CREATE_FAILED, Step.DELETE),
            (Seen.FAILED, Step.UPDATE),
            (Seen.DELETE_FAILED, Step.DELETE),
        ):
            self.assertEqual(step, decisions.decide('CREATE', case))

    def test_delete_deletes_whatever_is_there(self) -> None:
        exceptions = {
            Seen.ABSENT: Step.GONE,
            Seen.DELETING: Step.AWAIT_DELETION,
        }
        for case in Seen:
            self.assertEqual(
                exceptions.get(case, Step.DELETE),
                decisions.decide('DELETE', case),
            )
