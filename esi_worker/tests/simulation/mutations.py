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

"""Shows that the simulator bites: mistakes, and the seeds that find them.

Each mutation takes one safeguard out of one function. Its source is
changed as text and its code replaced in place, so that everybody who
holds the function runs the mutated one. Run as ``python -m
esi_worker.tests.simulation.mutations`` to search the first seed that
catches each; the table for the documentation is printed.
"""

from __future__ import annotations
import __future__

import argparse
from collections.abc import Iterable, Iterator, Sequence
import contextlib
import dataclasses
import functools
import importlib
import inspect
import sys
import textwrap
from types import FunctionType

from esi_worker.tests.simulation import running
from esi_worker.tests.simulation.history import Report

#: So many seeds are tried before a mutation counts as not caught.
MAX_SEEDS = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Mutation:
    """One mistake: in a function, ``old`` becomes ``new``."""

    name: str
    function: str
    old: str
    new: str

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The code has this mistake."""
        function = self._find()
        before = function.__code__
        function.__code__ = self._mutated(function).__code__
        try:
            yield
        finally:
            function.__code__ = before

    def _find(self) -> FunctionType:
        path = self.function.split('.')
        for cut in range(len(path), 0, -1):
            try:
                found = importlib.import_module(
                    '.'.join(('esi_worker', *path[:cut]))
                )
            except ModuleNotFoundError:
                continue
            target = functools.reduce(getattr, path[cut:], found)
            target = getattr(target, 'fget', target)
            assert isinstance(target, FunctionType), self.function
            return target
        raise LookupError(self.function)

    def _mutated(self, function: FunctionType) -> FunctionType:
        source = textwrap.dedent(inspect.getsource(function))
        count = source.count(self.old)
        if count != 1:
            raise LookupError(
                f'{self.function} holds {self.old!r} {count} times, not '
                'once; adapt the mutation to the code'
            )
        code = compile(
            source.replace(self.old, self.new),
            f'<{self.name}>',
            'exec',
            flags=__future__.annotations.compiler_flag,
        )
        names: dict[str, object] = {}
        exec(code, function.__globals__, names)
        mutated = names[function.__name__]
        mutated = getattr(mutated, 'fget', mutated)
        assert isinstance(mutated, FunctionType)
        return mutated


MUTATIONS = (
    Mutation(
        'a result is written without the claim',
        'dispatcher.publishing._fence',
        'store.Compare.created_at(keys.working(run.job.id), run.claimed_at)',
        'store.Compare.exists(keys.job(run.job.id))',
    ),
    Mutation(
        'a job is claimed though another worker has it',
        'dispatcher.publishing.claim',
        """store.Compare.modified_at(keys.ready(job_id), ready_at),
            store.Compare.missing(keys.working(job_id)),""",
        '',
    ),
    Mutation(
        'Heat is called without a look at the lease',
        'handlers.base.HandlerContext.check_claim',
        'if left < margin:',
        'if False:',
    ),
    Mutation(
        'a state is published for another incarnation',
        'dispatcher.publishing.publish',
        'store.Compare.created_before(config, run.stored_at),',
        '',
    ),
    Mutation(
        'a manager writes without its office',
        'scheduler.manager.Manager._commit',
        'fence=self._fence',
        'fence=()',
    ),
    Mutation(
        'a job is stored though its config has moved',
        'scheduler.recording.compares',
        """store.Compare.modified_at(
            world.keys.config(target.path), target.mod_revision
        ),""",
        '',
    ),
    Mutation(
        'a lost claim is not noticed',
        'scheduler.queueing.QueueFollower._claim_changed',
        'self.losses[job_id] = Loss(job_id, lease, due)',
        'pass',
    ),
    Mutation(
        'a new leader does not release what was forgotten',
        'scheduler.ending.EndKeeper.release_forgotten',
        'self._release(self._world.table)',
        '[]',
    ),
    Mutation(
        'a new leader does not look for vanished configs',
        'scheduler.world.World.unsettled',
        '*(ref for ref in self.accepted if ref not in known),',
        '',
    ),
    Mutation(
        'a job does not wait for those that refer to it',
        'scheduler.dependencies.outer_dependencies',
        '*table.referring_to(ref), *table.of_resource(ref)',
        '*table.of_resource(ref),',
    ),
    Mutation(
        'two workflows of one resource run at once',
        'scheduler.dependencies.outer_dependencies',
        '*table.referring_to(ref), *table.of_resource(ref)',
        '*table.referring_to(ref),',
    ),
    Mutation(
        'who waited for a superseded job waits for nothing',
        'scheduler.superseding._redirected',
        '(*kept, *new)',
        'kept',
    ),
    Mutation(
        'a job that has started is superseded',
        'scheduler.superseding._removal',
        'compares.append(store.Compare.missing(keys.working(job_id)))',
        'continue',
    ),
    Mutation(
        'a deletion does not wait for what is built on it',
        'scheduler.guarding.find_block',
        'return _guard(world, target)',
        'return None',
    ),
    Mutation(
        'a new incarnation is taken for the old one',
        'reader.decisions._is_new',
        'resource.create_revision > accepted.mod_revision',
        'False',
    ),
    Mutation(
        'a compacted watch goes on without a listing',
        'store.following.Follower._forget_before',
        'self._unlisted = gone or list(self._revisions)',
        'self._revisions = dict.fromkeys(self._revisions, revision)',
    ),
    Mutation(
        'a broken watch goes on from now',
        'store.following.Follower._open',
        'key: rev + 1 for',
        'key: 0 for',
    ),
    Mutation(
        'a silent watch is trusted',
        'store.pulse.Pulse.check',
        'raise exceptions.WatchSilent(self._silent(self.key))',
        'return self.seen()',
    ),
    Mutation(
        'a claim whose answer was lost is forgotten',
        'dispatcher.claiming.Claimer._settle',
        'if not unclear:',
        'if True:',
    ),
    Mutation(
        'a pause is not looked at',
        'scheduler.planner.Planner._decide',
        'if pause is not None and verdict is reader.Verdict.ACT:',
        'if False:',
    ),
    Mutation(
        'what has a config is forgotten',
        'scheduler.forgetting.forget',
        'if ref in world.cache.refs():',
        'if False:',
    ),
    Mutation(
        'a drained worker takes jobs',
        'dispatcher.dispatcher.Dispatcher._take_draining',
        'self._resting = event.type is store.EventType.PUT',
        'pass',
    ),
    Mutation(
        'a job is called off before the one that it follows',
        'scheduler.calling_off._check_is_first',
        'if not each.untouched or each.job.on_failure is OnFailure.FAIL:',
        'if False:',
    ),
    Mutation(
        'a stack that is gone is not missed',
        'handlers.heat.findings.compare',
        "return Finding(known, Kind.DELETED, 'it is not in Heat any more')",
        'return None',
    ),
)


def catch(
    mutation: Mutation,
    seeds: Iterable[int] = range(MAX_SEEDS),
    workers: int = 1,
) -> Report | None:
    """The first history that shows a mistake, or None."""
    cases: Iterator[running.Case] = ((seed, ()) for seed in seeds)
    with mutation.applied():
        for report in running.run_all(cases, workers):
            if report.violations:
                return report
    return None


def table(found: Sequence[tuple[Mutation, Report | None]]) -> Iterator[str]:
    """What was found, as a table for the documentation."""
    yield '.. list-table::'
    yield '   :header-rows: 1'
    yield ''
    rows = [('the mistake', 'in', 'seed', 'what shows it')]
    for mutation, report in found:
        seed, shown = 'none', ''
        if report is not None:
            seed, shown = str(report.seed), _short(report.violations[0])
        place = f'``{mutation.function}``'
        rows.append((mutation.name, place, seed, shown))
    for row in rows:
        for index, cell in enumerate(row):
            yield f'   {"-" if index else "* -"} {cell}'.replace(
                '   - ', '     - '
            ).rstrip()


def _short(violation: str) -> str:
    text = violation.split(' is still there: ')[0]
    return f'``{textwrap.shorten(text, 90, placeholder="...")}``'


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='mutations', description=__doc__)
    parser.add_argument('--only', default='', help='part of a name')
    args = parser.parse_args(arguments)
    found = []
    for mutation in MUTATIONS:
        if args.only in mutation.name:
            found.append((mutation, catch(mutation, workers=0)))
            sys.stderr.write(f'{mutation.name}: {found[-1][1]}\n')
    sys.stdout.write('\n'.join(table(found)) + '\n')
    return int(any(report is None for _, report in found))


if __name__ == '__main__':
    sys.exit(main())
