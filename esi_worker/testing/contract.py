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

"""What every handler owes, as tests that a handler's own tests inherit.

::

    class LedgerTest(testing.HandlerContract, unittest.TestCase):
        handler_class = LedgerHandler
        template = 'a {{ name }}'
        params = {'name': 'bolt'}

        def setUp(self):
            super().setUp()
            self.folder = pathlib.Path(self.enterContext(TemporaryDirectory()))
            self.options = {'ledger': {'folder': str(self.folder)}}

        def backend(self):
            return sorted(path.name for path in self.folder.iterdir())

The backend has to be there, a twin of it will do. A test that fails names
the rule of :class:`esi_worker.handlers.base.Handler` that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import json
from typing import Any, ClassVar

from oslo_config import cfg

from esi_worker import clock as clocks
from esi_worker import exceptions, plugins, store, templates
from esi_worker.handlers.base import Handler, HandlerContext
from esi_worker.mapping import Choice, ParameterMappings
from esi_worker.model import (
    Action,
    Done,
    Failed,
    InProgress,
    Job,
    Outcome,
    Param,
    ParamType,
    ResourceRef,
    ResourceType,
    Retry,
    TypeRegistry,
)
from esi_worker.model.codec import Json

TYPE = ResourceType('thing', 'things', '/v2.0/things')
REF = ResourceRef('thing', 't')
NAME = 'contract'
#: Seconds that a job's claim is ours, as long as it is.
_CLAIM = 60.0
#: Looks and attempts after which a job has not ended.
_ROUNDS = 1000


class HandlerContract:
    """Mix it into a ``unittest.TestCase``, before it in the list of bases.

    Set ``handler_class``, and what its jobs need: ``options`` are values
    of its options by group and name, ``template`` the text of the template
    that the catalog chooses, ``params`` and ``body`` those of the job.
    """

    handler_class: type[Handler]
    template: ClassVar[str] = ''
    params: ClassVar[Mapping[str, Json]] = {}
    body: ClassVar[Mapping[str, Json]] = {'tenant_id': 'tenant'}
    options: Mapping[str, Mapping[str, Any]] = {}

    # --- what a handler's tests say of it ---------------------------------

    def backend(self) -> Any:
        """All that the backend holds, as something that can be compared.

        What changes whenever it is looked at is no part of it.
        """
        raise NotImplementedError('give what the backend holds')

    def make_handler(self, context: HandlerContext) -> Handler:
        """A new handler on the same backend, as a new process has it."""
        return self.handler_class(context)

    def pass_time(self, seconds: float) -> None:
        """Let time pass between two looks, for the backend too."""
        self.clock.advance(seconds)

    # --- the rules --------------------------------------------------------

    def test_its_version_of_the_contract_is_offered(self) -> None:
        plugins.check_class(
            plugins.HANDLERS, NAME, self.handler_class, Handler
        )

    def test_a_job_ends_and_its_results_are_json(self) -> None:
        done = self.run_job(self.job())
        json.dumps(dict(done.results))

    def test_a_job_changes_the_backend(self) -> None:
        before = self.backend()
        self.run_job(self.job())
        self._check(self.backend() != before, 'nothing was made')

    def test_after_a_crash_it_looks_before_it_changes(self) -> None:
        self.run_job(self.job())
        before = self.backend()
        self.run_job(self.job())
        self._check(
            self.backend() == before,
            'the same job, started again by another process, has changed '
            f'{before!r} into {self.backend()!r}',
        )

    def test_work_of_a_crashed_process_is_taken_over(self) -> None:
        self.new_handler().start(self.job())
        self.run_job(self.job())

    def test_a_deletion_takes_away_what_was_made(self) -> None:
        before = self.backend()
        self.run_job(self.job())
        for _ in range(2):
            self.run_job(self.job(Action.DELETE, 2))
            self._check(
                self.backend() == before,
                f'{self.backend()!r} is left, {before!r} was there before',
            )

    def test_a_deletion_of_nothing_is_done(self) -> None:
        self.run_job(self.job(Action.DELETE))

    def test_nothing_is_made_without_a_claim(self) -> None:
        self._start_without_claim(self.job())

    def test_nothing_is_taken_away_without_a_claim(self) -> None:
        self.run_job(self.job())
        self._start_without_claim(self.job(Action.DELETE, 2))

    # --- for further tests of a handler -----------------------------------

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        self.clock = clocks.ManualClock()
        self.store = store.MemoryStore(clock=self.clock)
        self._claim = _CLAIM

    def new_handler(self) -> Handler:
        """The handler of a process that has just started."""
        return self.make_handler(self._context())

    def job(self, action: Action = Action.CREATE, version: int = 1) -> Job:
        """A job for the one resource there is."""
        return Job(
            f'{action.value}:{NAME}:{REF}:{version}:abcde',
            action,
            NAME,
            REF,
            version,
            tuple(
                Param(name, ParamType.VALUE, value)
                for name, value in self.params.items()
            ),
            {'id': REF.id, **self.body},
        )

    def run_job(self, job: Job) -> Done:
        """Run a job on a new process, to its good end."""
        handler = self.new_handler()
        outcome: Outcome = handler.start(job)
        for _ in range(_ROUNDS):
            if isinstance(outcome, Done):
                handler.close()
                return outcome
            self._check(not isinstance(outcome, Failed), f'{outcome}')
            outcome = self._next(handler, job, outcome)
        raise AssertionError(f'{job.id} has not ended: {outcome}')

    # --- helpers ----------------------------------------------------------

    def _start_without_claim(self, job: Job) -> None:
        before = self.backend()
        self._claim = 0.0
        with contextlib.suppress(exceptions.ClaimLost):
            self.new_handler().start(job)
        self._check(
            self.backend() == before,
            'check_claim was not called right before the change',
        )

    def _context(self) -> HandlerContext:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[], default_config_dirs=[])
        for group, declared in self.handler_class.options():
            # By its name, for objects of groups are shared.
            name = str(getattr(group, 'name', group))
            conf.register_opts(declared, group=name)
            for option, value in self.options.get(name, {}).items():
                conf.set_override(option, value, name)
        return HandlerContext(
            conf,
            self.store,
            store.KeyLayout(),
            self._catalog(),
            self.clock,
            lambda: self._claim,
        )

    def _catalog(self) -> templates.TemplateCatalog:
        mappings = ParameterMappings(
            TYPE.name, {name: f'P{name}' for name in self.params}
        )
        return templates.TemplateCatalog(
            TypeRegistry([TYPE]),
            [NAME],
            {NAME: {TYPE.name: Choice(NAME, TYPE.name, f'C{TYPE.name}')}},
            [
                templates.Template(
                    TYPE.name, NAME, mappings, self.template, 'the contract'
                )
            ],
        )

    def _next(self, handler: Handler, job: Job, outcome: Outcome) -> Outcome:
        if isinstance(outcome, InProgress):
            self.pass_time(outcome.after)
            found = handler.poll([job])
            self._check(
                found.keys() <= {job.id}, f'{found.keys()} was not asked for'
            )
            return found.get(job.id, outcome)
        if not isinstance(outcome, Retry):
            raise AssertionError(f'{outcome!r} is no outcome')
        self.pass_time(outcome.after or 1.0)
        return handler.start(job)

    def _check(self, holds: bool, problem: str) -> None:
        if not holds:
            raise AssertionError(problem)
