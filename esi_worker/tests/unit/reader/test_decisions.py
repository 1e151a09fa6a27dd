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

"""What a resource's desired state asks for."""

from __future__ import annotations

import dataclasses
from typing import Any

import testtools

from esi_worker.model import (
    AcceptedConfig,
    Action,
    Config,
    PublishedState,
    Resource,
)
from esi_worker.reader import (
    Accepted,
    Decision,
    Situation,
    Verdict,
    decide,
    is_settled,
)
from esi_worker.tests.cluster import NETWORK

STATE = PublishedState(1, {})


def resource(
    version: int = 1, *, marked: bool = False, created: int = 10, **body: Any
) -> Resource:
    config = Config(body, version, marked)
    return Resource(NETWORK, 'n', config, created, created + version)


def accepted(
    version: int = 1, *, deleted: bool = False, at: int = 50, **body: Any
) -> Accepted:
    return Accepted(AcceptedConfig(body, version, deleted), at)


def act(action: Action) -> Decision:
    return Decision(Verdict.ACT, action)


NOTHING = Decision(Verdict.NOTHING)


class PresentTest(testtools.TestCase):
    def decide(self, *args: Any, **more: Any) -> Decision:
        return decide(Situation(*args, **more))

    def test_new_is_created(self) -> None:
        self.assertEqual(act(Action.CREATE), self.decide(resource(), None))

    def test_newer_is_modified_where_there_is_a_state(self) -> None:
        self.assertEqual(
            act(Action.MODIFY),
            self.decide(resource(2), accepted(), STATE),
        )

    def test_newer_than_a_started_creation_is_modified(self) -> None:
        self.assertEqual(
            act(Action.MODIFY),
            self.decide(
                resource(2), accepted(), unfinished=True, started=True
            ),
        )

    def test_newer_than_a_waiting_creation_is_created(self) -> None:
        self.assertEqual(
            act(Action.CREATE),
            self.decide(resource(2), accepted(), unfinished=True),
        )

    def test_marked_is_deleted_logically(self) -> None:
        for known in None, accepted():
            self.assertEqual(
                act(Action.LOGICAL_DELETE),
                self.decide(resource(2, marked=True), known, STATE),
            )

    def test_what_was_accepted_is_nothing(self) -> None:
        for known in accepted(), accepted(2), accepted(9):
            self.assertEqual(NOTHING, self.decide(resource(), known, STATE))

    def test_a_new_incarnation_is_created_whatever_is_left(self) -> None:
        self.assertEqual(
            act(Action.CREATE),
            self.decide(resource(created=60), accepted(7), STATE),
        )

    def test_work_of_other_times_is_adopted(self) -> None:
        adopt = Decision(Verdict.ADOPT)
        for version in 1, 2:
            state = PublishedState(version, {})
            self.assertEqual(adopt, self.decide(resource(), None, state))

    def test_an_older_state_is_no_reason_to_adopt(self) -> None:
        self.assertEqual(
            act(Action.MODIFY), self.decide(resource(2), None, STATE)
        )

    def test_nothing_without_a_version_is_adopted(self) -> None:
        self.assertEqual(
            act(Action.MODIFY), self.decide(resource(0), None, STATE)
        )


class WithoutVersionTest(testtools.TestCase):
    def test_the_same_body_is_settled(self) -> None:
        self.assertTrue(is_settled(resource(0, a=1), accepted(0, a=1)))

    def test_another_body_is_not(self) -> None:
        self.assertFalse(is_settled(resource(0, a=2), accepted(0, a=1)))

    def test_creation_as_version_one_is_no_newer_one(self) -> None:
        self.assertFalse(is_settled(resource(0, a=2), accepted(1, a=1)))
        self.assertTrue(is_settled(resource(0, a=1), accepted(1, a=1)))

    def test_a_stack_tells_that_there_is_something_to_modify(self) -> None:
        situation = Situation(resource(0, a=2), accepted(0, a=1), gone=False)
        self.assertEqual(act(Action.MODIFY), decide(situation))
        gone = dataclasses.replace(situation, gone=True)
        self.assertEqual(act(Action.CREATE), decide(gone))


class VanishedTest(testtools.TestCase):
    def decide(self, known: Accepted | None, **more: Any) -> Decision:
        return decide(Situation(None, known, **more))

    def test_what_was_never_accepted_is_nothing(self) -> None:
        self.assertEqual(NOTHING, self.decide(None))

    def test_it_is_deleted(self) -> None:
        for unfinished in False, True:
            self.assertEqual(
                act(Action.DELETE),
                self.decide(accepted(), unfinished=unfinished, gone=True),
            )

    def test_a_deletion_that_is_under_way_is_awaited(self) -> None:
        self.assertEqual(
            Decision(Verdict.WAIT),
            self.decide(accepted(), unfinished=True, deleting=True),
        )

    def test_records_go_when_the_stack_is_gone(self) -> None:
        self.assertEqual(
            Decision(Verdict.CLEAN_UP),
            self.decide(accepted(deleted=True), gone=True),
        )

    def test_a_stack_that_is_left_is_deleted_again(self) -> None:
        self.assertEqual(
            act(Action.DELETE), self.decide(accepted(deleted=True))
        )

    def test_records_stay_while_jobs_are_unfinished(self) -> None:
        self.assertEqual(
            act(Action.DELETE),
            self.decide(accepted(deleted=True), gone=True, unfinished=True),
        )
