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

"""The contract of handlers: it lets the good pass, and finds the bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
import unittest

from oslo_config import cfg
import testtools

from esi_worker import exceptions, plugins, testing
from esi_worker.handlers import noop
from esi_worker.handlers.base import Handler, HandlerContext
from esi_worker.handlers.heat import handler as heat
from esi_worker.handlers.heat import memory
from esi_worker.model import Done, InProgress, Job, Outcome
from esi_worker.tests.unit.handlers.heat import scene


class Shelf(Handler):
    """Puts things on a shelf, which takes a second."""

    shelf: ClassVar[dict[str, Any]] = {}

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        return [('shelf', [cfg.BoolOpt('broken', default=True)])]

    def __init__(self, context: HandlerContext) -> None:
        super().__init__(context)
        if context.conf.shelf.broken:
            raise exceptions.ConfigurationError('the option was not set')

    def start(self, job: Job) -> Outcome:
        self.context.check_claim()
        if job.action.deletes:
            self.shelf.pop(job.resource.id, None)
        else:
            self.shelf[job.resource.id] = job.resource_input['name']
        return InProgress(1.0)

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        return {job.id: Done({'name': 'x'}) for job in jobs}


class Hasty(Shelf):
    """Does not ask whether the job is its own."""

    def start(self, job: Job) -> Outcome:
        self.shelf[job.resource.id] = 'x'
        return super().start(job)


class Forgetful(Shelf):
    """Makes another one each time."""

    def start(self, job: Job) -> Outcome:
        outcome = super().start(job)
        self.shelf[f'copy-{len(self.shelf)}'] = 'x'
        return outcome


class Strict(Shelf):
    """Cannot take away what is not there."""

    def start(self, job: Job) -> Outcome:
        if job.action.deletes:
            self.context.check_claim()
            del self.shelf[job.resource.id]
        return super().start(job)


class Odd(Shelf):
    """Has results that cannot be published."""

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, Outcome]:
        return {job.id: Done({'name': {1}}) for job in jobs}


class Old(Shelf):
    api_version = '0.1'


class ShelfCase(testing.HandlerContract):
    body = {'name': 'bolt'}
    options = {'shelf': {'broken': False}}

    def setUp(self) -> None:
        super().setUp()
        Shelf.shelf.clear()

    def backend(self) -> dict[str, Any]:
        return dict(Shelf.shelf)


class GoodTest(ShelfCase, testtools.TestCase):
    handler_class = Shelf


class HeatTest(testing.HandlerContract, testtools.TestCase):
    """Ours is held to it too."""

    handler_class = heat.HeatHandler
    template = scene.TEMPLATE
    params = {'name': 'blue', 'jinja_owner': 'me'}

    def setUp(self) -> None:
        super().setUp()
        self.stacks = memory.MemoryBackend(self.clock, 2.0)

    def make_handler(self, context: HandlerContext) -> Handler:
        return heat.HeatHandler(context, self.stacks)

    def backend(self) -> list[str]:
        found = self.stacks.tagged('tenant', 'esi-worker')
        return [each.id for each in found if not each.deleted]


class BadTest(testtools.TestCase):
    def failed(self, class_: type[Handler]) -> set[str]:
        """The rules that a handler breaks."""
        case = type('Case', (ShelfCase, unittest.TestCase), {})
        case.handler_class = class_  # type: ignore[attr-defined]
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        self.assertGreater(result.testsRun, 8)
        problems = result.failures + result.errors
        return {test.id().rpartition('.')[2] for test, _ in problems}

    def test_each_mistake_breaks_its_rule(self) -> None:
        for class_, rule in (
            (Hasty, 'test_nothing_is_made_without_a_claim'),
            (Forgetful, 'test_after_a_crash_it_looks_before_it_changes'),
            (Strict, 'test_a_deletion_of_nothing_is_done'),
            (Odd, 'test_a_job_ends_and_its_results_are_json'),
            (Old, 'test_its_version_of_the_contract_is_offered'),
        ):
            self.assertIn(rule, self.failed(class_))

    def test_one_that_does_nothing_is_found(self) -> None:
        self.assertEqual(
            {'test_a_job_changes_the_backend'}, self.failed(noop.NoopHandler)
        )
